#include "base/pattern.hpp"

#include "base/text.hpp"

#include <boost/regex.hpp>
#include <fmt/format.h>

#include <stdexcept>
#include <string_view>

namespace scp {

struct Pattern::Compiled {
    boost::regex expression;
};

namespace {

/// (?R), (?1), (?-1), (?&name) and (?P>name) are Perl's, not ECMAScript's, and Boost does not bound
/// their steps as it does the others'.
bool calls_itself(std::string_view text) {
    for (auto at = text.find("(?"); at != std::string_view::npos; at = text.find("(?", at + 1)) {
        std::string_view rest = text.substr(at + 2);
        if (rest.starts_with("P>") || rest.starts_with('R') || rest.starts_with('&'))
            return true;
        if (rest.starts_with('-') || rest.starts_with('+'))
            rest.remove_prefix(1);
        if (!rest.empty() && rest.front() >= '0' && rest.front() <= '9')
            return true;
    }
    return false;
}

} // namespace

Result<Pattern> Pattern::compile(const std::string& text) {
    const auto refuse = [&](const std::string& why) {
        return fail(ErrorKind::settings,
                    fmt::format("\"{}\" is no regular expression: {}", printable(text, 80), why),
                    "ECMAScript syntax; a backslash before . ? * + ( ) [ ] { } | ^ $ \\ takes it "
                    "literally");
    };
    if (text.empty())
        return refuse("it is empty, which only an empty value would match");
    if (calls_itself(text))
        return refuse("it calls itself: (?R), (?1), (?&name) are not ECMAScript");
    try {
        Pattern pattern;
        pattern.text_ = text;
        pattern.compiled_ = std::make_shared<Compiled>(
            Compiled{boost::regex(text, boost::regex::ECMAScript | boost::regex::no_mod_m)});
        return pattern;
    } catch (const boost::regex_error& error) {
        std::string what = error.what(); // "Unmatched ( or \(.  The error occurred while parsing…"
        what = what.substr(0, what.find("  The error occurred")); // which would quote the text
        while (what.ends_with('.') || what.ends_with(' '))
            what.pop_back();
        return refuse(fmt::format("{} (byte {})", what, error.position() + 1));
    } catch (const std::runtime_error& error) {
        return refuse(error.what());
    }
}

Pattern::Verdict Pattern::match(std::string_view value, Dot dot) const {
    auto flags = boost::match_default | boost::match_single_line;
    if (dot == Dot::but_newline)
        flags |= boost::match_not_dot_newline;
    try {
        return boost::regex_match(value.data(), value.data() + value.size(), compiled_->expression,
                                  flags)
                   ? Verdict::yes
                   : Verdict::no;
    } catch (const std::runtime_error&) { // Boost bounds its steps and its memory
        return Verdict::too_complex;
    }
}

} // namespace scp
