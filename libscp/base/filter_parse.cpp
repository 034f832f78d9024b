#include "base/filter.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace scp {

namespace {

bool is_attribute_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == ';';
}

/// RFC 4515 section 3 by recursive descent; the recursion ends at max_depth. As libldap does, white
/// space is allowed between components, where it cannot be part of a value.
class Parser {
  public:
    Parser(std::string_view text, FilterLimits limits) : text_(text), limits_(limits) {}

    Result<Filter> run() {
        if (text_.size() > limits_.max_length) {
            return fail(ErrorKind::usage,
                        fmt::format("filter of {} bytes: more than {} are not taken", text_.size(),
                                    limits_.max_length));
        }
        skip_space();
        auto filter = component(1);
        if (!filter) {
            return filter;
        }
        skip_space();
        if (at_ < text_.size()) {
            return wrong("nothing more may follow the last ')'");
        }
        return filter;
    }

  private:
    tl::unexpected<Error> wrong(std::string_view what) const {
        const auto around = text_.substr(at_, std::min<std::size_t>(text_.size() - at_, 24));
        return fail(ErrorKind::usage,
                    fmt::format("filter, byte {}{}: {}", at_ + 1,
                                around.empty() ? " (its end)"
                                               : fmt::format(" (at \"{}\")", printable(around)),
                                what),
                    "write it as RFC 4515 has it, e.g. "
                    "(&(objectClass=serviceConnectionPoint)(keywords=NAME)); in a value * ( ) \\ "
                    "and NUL are \\2a \\28 \\29 \\5c \\00");
    }

    bool take(char c) {
        if (at_ < text_.size() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }

    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' ||
                                      text_[at_] == '\r' || text_[at_] == '\n')) {
            ++at_;
        }
    }

    Result<Filter> component(std::size_t depth) {
        if (depth > limits_.max_depth) {
            return wrong(fmt::format("nested deeper than {}", limits_.max_depth));
        }
        if (!take('(')) {
            return wrong("'(' is missing");
        }
        skip_space();
        auto filter = take('&')   ? list(Filter::Kind::all_of, depth)
                      : take('|') ? list(Filter::Kind::any_of, depth)
                      : take('!') ? negated(depth)
                                  : item();
        if (!filter) {
            return filter;
        }
        if (!take(')')) {
            return wrong("')' is missing");
        }
        return filter;
    }

    /// RFC 4526: an empty list is allowed, (&) is true and (|) is false.
    Result<Filter> list(Filter::Kind kind, std::size_t depth) {
        Filter filter;
        filter.kind = kind;
        for (skip_space(); at_ < text_.size() && text_[at_] == '('; skip_space()) {
            auto child = component(depth + 1);
            if (!child) {
                return child;
            }
            filter.children.push_back(std::move(*child));
        }
        return filter;
    }

    Result<Filter> negated(std::size_t depth) {
        skip_space();
        auto child = component(depth + 1);
        if (!child) {
            return child;
        }
        skip_space();
        return negation(std::move(*child));
    }

    Result<Filter> item() {
        Filter filter;
        const auto begin = at_;
        while (at_ < text_.size() && is_attribute_char(text_[at_])) {
            ++at_;
        }
        filter.attribute = text_.substr(begin, at_ - begin);
        if (take(':')) {
            return extensible(begin);
        }
        if (filter.attribute.empty()) {
            return wrong("an attribute's name is missing");
        }
        if (take('=')) {
            return equality(std::move(filter));
        }
        if (take('~')) {
            return wrong("~= is not taken: directories treat it as =, so write =");
        }
        filter.kind = take('>')   ? Filter::Kind::greater_or_equal
                      : take('<') ? Filter::Kind::less_or_equal
                                  : Filter::Kind::equal;
        if (filter.kind == Filter::Kind::equal || !take('=')) {
            return wrong("one of = >= <= := is missing");
        }
        return single_value(std::move(filter));
    }

    Result<Filter> single_value(Filter filter) {
        auto part = value();
        if (!part) {
            return fail(std::move(part).error());
        }
        filter.value = std::move(*part);
        return filter;
    }

    /// attr[:dn][:rule]:=value or [:dn]:rule:=value; the first colon has been taken.
    Result<Filter> extensible(std::size_t begin) {
        while (at_ < text_.size() && (is_attribute_char(text_[at_]) || text_[at_] == ':')) {
            ++at_;
        }
        Filter filter;
        filter.kind = Filter::Kind::extensible;
        filter.attribute = text_.substr(begin, at_ - begin);
        const bool has_name_or_rule =
            std::ranges::any_of(filter.attribute, [](char c) { return c != ':'; });
        if (!has_name_or_rule || filter.attribute.back() != ':' ||
            filter.attribute.find("::") != std::string::npos) {
            return wrong("an extensible match is attribute:rule:=value");
        }
        if (!take('=')) {
            return wrong(":= is missing");
        }
        return single_value(std::move(filter));
    }

    /// After the '=': equality, presence or substring, as the asterisks say.
    Result<Filter> equality(Filter filter) {
        std::vector<std::string> parts;
        do {
            auto part = value();
            if (!part) {
                return fail(std::move(part).error());
            }
            parts.push_back(std::move(*part));
        } while (take('*'));
        if (parts.size() == 1) {
            filter.kind = Filter::Kind::equal;
            filter.value = std::move(parts.front());
        } else if (parts.size() == 2 && parts[0].empty() && parts[1].empty()) {
            filter.kind = Filter::Kind::present;
        } else {
            if (std::any_of(parts.begin() + 1, parts.end() - 1,
                            [](const std::string& part) { return part.empty(); })) {
                return wrong("two asterisks in a row");
            }
            filter.kind = Filter::Kind::substring;
            filter.parts = std::move(parts);
        }
        return filter;
    }

    /// Up to a '*', a parenthesis or the end. Bytes that are not UTF-8 are kept: an attribute may
    /// be binary.
    Result<std::string> value() {
        std::string out;
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '*' || c == ')') {
                break;
            }
            if (c == '(' || c == '\0') {
                return wrong("this character must be escaped in a value");
            }
            if (c != '\\') {
                out += c;
                continue;
            }
            const int high = at_ + 1 < text_.size() ? hex_digit(text_[at_ + 1]) : -1;
            const int low = at_ + 2 < text_.size() ? hex_digit(text_[at_ + 2]) : -1;
            if (high < 0 || low < 0) {
                return wrong("a backslash must be followed by two hexadecimal digits");
            }
            out += static_cast<char>(high * 16 + low);
            at_ += 2;
        }
        return out;
    }

    std::string_view text_;
    FilterLimits limits_;
    std::size_t at_ = 0;
};

} // namespace

Result<Filter> parse_filter(std::string_view text, FilterLimits limits) {
    return Parser(text, limits).run();
}

} // namespace scp
