#include "scpctl/log_stream.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <ios>
#include <optional>
#include <streambuf>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace scp {

namespace {

/// A descriptor as a stream buffer. The stop token wakes a wait through an eventfd.
class DescriptorBuffer : public std::streambuf {
  public:
    DescriptorBuffer(int descriptor, std::stop_token stop)
        : descriptor_(descriptor), wake_(::eventfd(0, EFD_CLOEXEC)), stop_(std::move(stop)),
          on_stop_(std::in_place, stop_, Wake{wake_}) {}
    ~DescriptorBuffer() override {
        if (descriptor_ != STDIN_FILENO) {
            ::close(descriptor_);
        }
        // on_stop_ is destroyed first by hand: it must not write to a closed descriptor.
        on_stop_.reset();
        ::close(wake_);
    }
    DescriptorBuffer(const DescriptorBuffer&) = delete;
    DescriptorBuffer& operator=(const DescriptorBuffer&) = delete;

  protected:
    int_type underflow() override {
        for (;;) {
            std::array<pollfd, 2> events{{{descriptor_, POLLIN, 0}, {wake_, POLLIN, 0}}};
            if (::poll(events.data(), events.size(), -1) < 0 && errno != EINTR) {
                throw std::system_error(errno, std::generic_category());
            }
            if (stop_.stop_requested()) {
                return traits_type::eof();
            }
            const ssize_t got = ::read(descriptor_, buffer_.data(), buffer_.size());
            if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
                continue;
            }
            if (got < 0) {
                throw std::system_error(errno, std::generic_category()); // sets badbit
            }
            if (got == 0) {
                return traits_type::eof();
            }
            setg(buffer_.data(), buffer_.data(), buffer_.data() + got);
            return traits_type::to_int_type(buffer_[0]);
        }
    }

  private:
    struct Wake {
        int event;
        void operator()() const {
            const std::uint64_t one = 1;
            [[maybe_unused]] const auto written = ::write(event, &one, sizeof one);
        }
    };

    int descriptor_;
    int wake_;
    std::stop_token stop_;
    std::optional<std::stop_callback<Wake>> on_stop_;
    std::array<char, std::size_t{64} * 1024> buffer_{};
};

class DescriptorStream : public std::istream {
  public:
    DescriptorStream(int descriptor, std::stop_token stop)
        : std::istream(nullptr), buffer_(descriptor, std::move(stop)) {
        rdbuf(&buffer_);
    }

  private:
    DescriptorBuffer buffer_;
};

} // namespace

Result<std::unique_ptr<std::istream>> open_log(const std::string& file, std::stop_token stop) {
    int descriptor = STDIN_FILENO;
    if (file != "-") {
        descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat status {};
        const bool folder =
            descriptor >= 0 && ::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode);
        if (descriptor < 0 || folder) {
            const int reason = folder ? EISDIR : errno;
            if (folder) {
                ::close(descriptor);
            }
            return fail(ErrorKind::io,
                        fmt::format("the log {} cannot be read: {}", printable(file),
                                    std::generic_category().message(reason)),
                        "name a file that you may read, or - for standard input");
        }
    }
    return std::make_unique<DescriptorStream>(descriptor, std::move(stop));
}

} // namespace scp
