#include "scpctl/output.hpp"

#include <fmt/format.h>

#include <ostream>

namespace scp {

namespace {

bool wants_color(const Surroundings& around, ColorWhen when, bool is_terminal) {
    if (when != ColorWhen::automatic)
        return when == ColorWhen::always;
    // https://no-color.org: set and not empty, whatever its value.
    return is_terminal && around.environment("NO_COLOR").empty() &&
           around.environment("TERM") != "dumb";
}

} // namespace

Output::Output(const Surroundings& around, Format format, ColorWhen color, bool quiet,
               int verbosity)
    : around_(around), format_(format), style_{format == Format::text &&
                                               wants_color(around, color, around.out_is_terminal)},
      err_style_{wants_color(around, color, around.err_is_terminal)}, quiet_(quiet),
      verbosity_(verbosity) {}

void Output::document(const Json& document) {
    around_.out << (format_ == Format::yaml ? to_yaml_text(document) : to_json_text(document));
}

void Output::text(std::string_view text) {
    around_.out << text;
}

void Output::note(std::string_view text) {
    if (quiet_)
        return;
    around_.out.flush(); // so that both streams read in order on one terminal
    around_.err << text << '\n';
    around_.err.flush();
}

void Output::error(const Error& error) {
    around_.out.flush();
    around_.err << err_style_.red("scpctl: ") << error.message << '\n';
    if (!error.hint.empty())
        around_.err << err_style_.dim("hint: " + error.hint) << '\n';
    around_.err.flush();
}

Progress::Progress(const Surroundings& around, const Output& output,
                   std::chrono::milliseconds patience)
    : around_(around), live_(around.err_is_terminal && !output.quiet()),
      lines_(!live_ && !output.quiet() && output.verbosity() > 0), patience_(patience) {}

Progress::~Progress() {
    clear();
    if (thread_.joinable()) {
        thread_.request_stop();
        thread_.join();
    }
}

void Progress::stage(const std::string& what) {
    if (lines_) {
        around_.err << what << " …\n";
        around_.err.flush();
    }
    if (!live_)
        return;
    const std::lock_guard lock(mutex_);
    const bool was_shown = shown_;
    erase();
    if (what_.empty())
        since_ = std::chrono::steady_clock::now();
    what_ = what;
    if (was_shown) {
        around_.err << what_ << " …" << std::flush;
        shown_ = true;
    }
    if (!thread_.joinable())
        thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
    changed_.notify_all();
}

void Progress::clear() {
    const std::lock_guard lock(mutex_);
    erase();
    what_.clear();
}

void Progress::erase() {
    if (shown_)
        around_.err << "\r\x1b[K" << std::flush;
    shown_ = false;
}

void Progress::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        changed_.wait(lock, stop, [this] { return !what_.empty() && !shown_; });
        const auto due = since_ + patience_;
        changed_.wait_until(lock, stop, due, [this] { return what_.empty(); });
        if (!stop.stop_requested() && !what_.empty() && !shown_ &&
            std::chrono::steady_clock::now() >= due) {
            around_.err << what_ << " …" << std::flush;
            shown_ = true;
        }
    }
}

} // namespace scp
