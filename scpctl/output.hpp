#pragma once

#include "base/error.hpp"
#include "report/json.hpp"
#include "report/style.hpp"
#include "scpctl/surroundings.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace scp {

enum class Format { text, json, yaml, ldif };
enum class ColorWhen { automatic, always, never };

/// Results on stdout, all else on stderr.
class Output {
  public:
    Output(const Surroundings& around, Format format, ColorWhen color, bool quiet, int verbosity);

    [[nodiscard]] Format format() const { return format_; }
    /// A document is wanted (JSON or YAML), not text.
    [[nodiscard]] bool structured() const {
        return format_ == Format::json || format_ == Format::yaml;
    }
    [[nodiscard]] const Style& style() const { return style_; }                ///< for stdout
    [[nodiscard]] const Style& style_for_errors() const { return err_style_; } ///< for stderr
    [[nodiscard]] bool quiet() const { return quiet_; }
    [[nodiscard]] int verbosity() const { return verbosity_; }

    /// The one document, as JSON or YAML. Call only where structured().
    void document(const Json& document);
    /// Results as text (or LDIF): on stdout, already escaped.
    void text(std::string_view text);
    /// A remark on stderr; nothing with -q.
    void note(std::string_view text);
    /// "scpctl: message" and the hint on stderr, in every format and with -q too.
    void error(const Error& error);

  private:
    const Surroundings& around_;
    Format format_;
    Style style_;
    Style err_style_;
    bool quiet_;
    int verbosity_;
};

/// Shows on stderr what is being done once it has taken longer than a second: on a terminal as one
/// line that goes away, elsewhere only with -v, as lines.
class Progress {
  public:
    Progress(const Surroundings& around, const Output& output,
             std::chrono::milliseconds patience = std::chrono::seconds{1});
    ~Progress(); ///< takes the line off
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void stage(const std::string& what);
    /// Takes the line off, until the next stage (before something else is printed).
    void clear();

  private:
    void run(const std::stop_token& stop);
    void erase(); ///< with the lock held

    const Surroundings& around_;
    const bool live_;
    const bool lines_;
    const std::chrono::milliseconds patience_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::string what_;
    std::chrono::steady_clock::time_point since_;
    bool shown_ = false;
    std::jthread thread_;
};

} // namespace scp
