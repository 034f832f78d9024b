#pragma once

#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace scp {

/// A regular expression that a value must match whole: ECMAScript as Boost.Regex has it (its
/// default, Perl syntax), over bytes. Case matters, unless it begins with (?i). Compiled once and
/// cheap to copy; safe for use by several threads.
class Pattern {
  public:
    /// ErrorKind::settings, with what is wrong and where in `text`.
    [[nodiscard]] static Result<Pattern> compile(const std::string& text);

    /// Whether '.' stands for a line's end too. A list of what is allowed wants the narrow reading,
    /// a list of what is denied the wide one.
    enum class Dot { but_newline, any };
    enum class Verdict {
        no,
        yes,
        too_complex, ///< given up: the pattern goes through too many ways on this value
    };
    /// Never fails or throws, whatever the value's bytes.
    [[nodiscard]] Verdict match(std::string_view value, Dot dot) const;

    [[nodiscard]] const std::string& text() const { return text_; } ///< as written

  private:
    struct Compiled;
    Pattern() = default;

    std::string text_;
    std::shared_ptr<const Compiled> compiled_; ///< never changed: copies of a rule share it
};

} // namespace scp
