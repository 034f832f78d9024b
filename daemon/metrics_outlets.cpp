#include "daemon/metrics_outlets.hpp"

#include "base/file_descriptor.hpp"
#include "base/text.hpp"
#include "daemon/log.hpp"

#include <fmt/format.h>
#include <prometheus/exposer.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

namespace scp {
namespace {

std::string reason(int error) {
    return std::generic_category().message(error);
}

/// Why an address cannot be had: the HTTP server does not say.
std::string why_not(const std::string& address) {
    const auto colon = address.rfind(':');
    std::uint16_t port = 0;
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), port);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &at.sin_addr);
    const FileDescriptor tried(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    if (tried.get() < 0 ||
        ::setsockopt(tried.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(tried.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(tried.get(), 1) != 0)
        return reason(errno);
    return "the HTTP server did not start";
}

} // namespace

std::string replace_file(const std::string& path, const std::string& text) {
    const std::string fresh = path + ".scpd-new"; // not *.prom: nobody reads it
    ::unlink(fresh.c_str());                      // of a writer that was killed
    const FileDescriptor file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (file.get() < 0)
        return fmt::format("{}: {}", printable(fresh), reason(errno));
    std::string_view left = text;
    while (!left.empty()) {
        const ssize_t count = ::write(file.get(), left.data(), left.size());
        if (count >= 0)
            left.remove_prefix(static_cast<std::size_t>(count));
        else if (errno != EINTR)
            break;
    }
    // The mode whatever the umask: node_exporter is another user.
    if (!left.empty() || ::fchmod(file.get(), 0644) != 0 ||
        std::rename(fresh.c_str(), path.c_str()) != 0) {
        const int error = errno;
        ::unlink(fresh.c_str());
        return fmt::format("{}: {}", printable(path), reason(error));
    }
    return {};
}

struct TextfileWriter::Shared {
    struct Job {
        std::string path;
        std::string text;
    };
    void run();

    std::mutex lock;
    std::condition_variable work;
    std::optional<Job> job;
    bool closing = false;
};

void TextfileWriter::Shared::run() {
    std::string failed; // why, as it was told last
    std::unique_lock guard(lock);
    while (true) {
        work.wait(guard, [&] { return job || closing; });
        if (!job)
            return;
        const Job now = *std::exchange(job, std::nullopt);
        guard.unlock();
        const std::string why = replace_file(now.path, now.text);
        if (!why.empty() && why != failed)
            log_event(
                {EventKind::textfile_not_written, "the metrics file cannot be written: " + why});
        if (why.empty() && !failed.empty())
            log_event({EventKind::textfile_written,
                       fmt::format("the metrics file {} is written again", printable(now.path))});
        failed = why;
        guard.lock();
    }
}

TextfileWriter::TextfileWriter() : shared_(std::make_shared<Shared>()) {
    std::thread([shared = shared_] { shared->run(); }).detach();
}

TextfileWriter::~TextfileWriter() {
    const std::scoped_lock guard(shared_->lock);
    shared_->closing = true;
    shared_->work.notify_one();
}

void TextfileWriter::write(std::string path, std::string text) {
    const std::scoped_lock guard(shared_->lock);
    shared_->job = Shared::Job{std::move(path), std::move(text)};
    shared_->work.notify_one();
}

MetricsOutlets::MetricsOutlets(const Metrics& metrics) : metrics_(metrics) {}
MetricsOutlets::~MetricsOutlets() = default;

void MetricsOutlets::use(const MetricsSettings& settings) {
    const bool moved = settings.listen != settings_.listen;
    settings_ = settings;
    if (moved) {
        port_.reset();
        failed_.clear();
    }
    listen();
}

void MetricsOutlets::cycle_ended() {
    listen();
    if (!settings_.textfile.empty())
        file_.write(settings_.textfile, metrics_.text());
}

void MetricsOutlets::listen() {
    if (settings_.listen.empty() || port_)
        return;
    try {
        // A few threads, none of them for long with one client.
        port_ = std::make_unique<prometheus::Exposer>(std::vector<std::string>{
            "listening_ports", settings_.listen, "num_threads", "4", "request_timeout_ms", "5000"});
        port_->RegisterCollectable(metrics_.collectable());
    } catch (const std::exception&) {
        port_.reset();
        const std::string why = why_not(settings_.listen);
        if (why != failed_)
            log_event({EventKind::metrics_not_listening,
                       fmt::format("no metrics at {}: {}; trying again after each cycle",
                                   settings_.listen, why)});
        failed_ = why;
        return;
    }
    failed_.clear();
    const auto ports = port_->GetListeningPorts();
    const std::string host = settings_.listen.substr(0, settings_.listen.rfind(':'));
    log_event({EventKind::metrics_listening, fmt::format("metrics at http://{}:{}/metrics", host,
                                                         ports.empty() ? 0 : ports.front())});
}

} // namespace scp
