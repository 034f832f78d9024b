#include "daemon/log_pipe.hpp"

#define SD_JOURNAL_SUPPRESS_LOCATION // the place in our code is of no use to an operator
#include <systemd/sd-journal.h>

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace scp {
namespace {

class JournalSink final : public LogSink {
  public:
    bool write(const LogRecord& record) override {
        auto fields = to_journal(record);
        std::vector<iovec> parts;
        parts.reserve(fields.size());
        for (auto& field : fields)
            parts.push_back({field.data(), field.size()});
        return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) >= 0;
    }
};

class LineSink final : public LogSink {
  public:
    LineSink(int descriptor, bool json) : descriptor_(descriptor), json_(json) {}

    bool write(const LogRecord& record) override {
        const std::string line = (json_ ? to_json_line(record) : to_text(record)) + "\n";
        std::string_view left = line;
        while (!left.empty()) {
            const ssize_t count = ::write(descriptor_, left.data(), left.size());
            if (count >= 0)
                left.remove_prefix(static_cast<std::size_t>(count));
            else if (errno == EAGAIN) // somebody has made it so: the descriptor may be shared
                wait();
            else if (errno != EINTR)
                return false;
        }
        return true;
    }

  private:
    void wait() const {
        pollfd waiting{descriptor_, POLLOUT, 0};
        ::poll(&waiting, 1, -1);
    }
    int descriptor_;
    bool json_;
};

} // namespace

std::unique_ptr<LogSink> make_journal_sink() {
    return std::make_unique<JournalSink>();
}

std::unique_ptr<LogSink> make_line_sink(int descriptor, bool json) {
    return std::make_unique<LineSink>(descriptor, json);
}

} // namespace scp
