#include "base/dn.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {
namespace {

bool is_type_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
}

/// Reads RFC 4514 text left to right; `at` is the position that an error names.
class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}

    Result<std::vector<std::vector<Ava>>> read() {
        std::vector<std::vector<Ava>> rdns(1);
        if (text_.empty())
            return std::vector<std::vector<Ava>>{};
        while (true) {
            auto ava = read_ava();
            if (!ava)
                return fail(ava.error());
            rdns.back().push_back(std::move(*ava));
            if (at_ == text_.size())
                return rdns;
            // read_value stopped at a separator
            if (text_[at_++] != '+')
                rdns.emplace_back();
        }
    }

  private:
    Result<Ava> read_ava() {
        Ava ava;
        skip_spaces();
        while (at_ < text_.size() && is_type_character(text_[at_]))
            ava.type += text_[at_++];
        skip_spaces();
        if (ava.type.empty() || at_ == text_.size() || text_[at_] != '=')
            return fault("an attribute type and '=' are expected");
        ++at_;
        skip_spaces();
        auto value = at_ < text_.size() && text_[at_] == '#' ? read_hex_string() : read_value();
        if (!value)
            return fail(value.error());
        ava.value = std::move(*value);
        return ava;
    }

    /// Up to an unescaped separator; unescaped spaces at the end do not belong to the value.
    Result<std::string> read_value() {
        std::string value;
        std::size_t keep = 0; // length that must survive the trimming of spaces
        while (at_ < text_.size() && !is_separator(text_[at_])) {
            const char c = text_[at_];
            if (c == '"' || c == '<' || c == '>' || c == '\0')
                return fault("this character must be escaped");
            if (c != '\\') {
                value += c;
                ++at_;
                if (c != ' ')
                    keep = value.size();
                continue;
            }
            if (!read_escape(value))
                return fault("'\\' must be followed by two hex digits or a special character");
            keep = value.size();
        }
        value.resize(keep);
        return value;
    }

    bool read_escape(std::string& value) {
        if (at_ + 1 >= text_.size())
            return false;
        const char next = text_[at_ + 1];
        if (std::string_view(" \"#+,;<=>\\").find(next) != std::string_view::npos) {
            value += next;
            at_ += 2;
            return true;
        }
        if (at_ + 2 >= text_.size() || hex_digit(next) < 0 || hex_digit(text_[at_ + 2]) < 0)
            return false;
        value += static_cast<char>(hex_digit(next) * 16 + hex_digit(text_[at_ + 2]));
        at_ += 3;
        return true;
    }

    /// #04024869: BER, kept as its text, since no type here is without a string form.
    Result<std::string> read_hex_string() {
        std::string value(1, text_[at_++]);
        while (at_ < text_.size() && hex_digit(text_[at_]) >= 0)
            value += text_[at_++];
        skip_spaces();
        if (value.size() < 3 || value.size() % 2 == 0 ||
            (at_ < text_.size() && !is_separator(text_[at_])))
            return fault("pairs of hex digits are expected after '#'");
        return value;
    }

    static bool is_separator(char c) { return c == ',' || c == ';' || c == '+'; }
    void skip_spaces() {
        while (at_ < text_.size() && text_[at_] == ' ')
            ++at_;
    }
    [[nodiscard]] tl::unexpected<Error> fault(std::string_view what) const {
        return fail(ErrorKind::usage,
                    fmt::format("not a distinguished name: \"{}\": character {}: {}",
                                printable(text_), at_ + 1, what));
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

std::string rdn_text(const std::vector<Ava>& rdn) {
    std::string out;
    for (const auto& ava : rdn)
        out += (out.empty() ? "" : "+") + ava.type + "=" + escape_rdn_value(ava.value);
    return out;
}

std::string rdn_key(const std::vector<Ava>& rdn) {
    std::vector<std::string> parts;
    for (const auto& ava : rdn)
        parts.push_back(lower_ascii(ava.type) + "=" + escape_rdn_value(fold_case(ava.value)));
    std::sort(parts.begin(), parts.end());
    return fmt::format("{}", fmt::join(parts, "+"));
}

} // namespace

std::string escape_rdn_value(std::string_view value) {
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        const bool edge_space = c == ' ' && (i == 0 || i + 1 == value.size());
        if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f')
            out += fmt::format("\\{:02X}", static_cast<unsigned char>(c));
        else if (edge_space || (c == '#' && i == 0) ||
                 std::string_view("\"+,;<>\\=").find(c) != std::string_view::npos)
            out += {'\\', c};
        else
            out += c;
    }
    return out;
}

Dn::Dn(std::vector<std::vector<Ava>> rdns, std::string text)
    : rdns_(std::move(rdns)), text_(std::move(text)) {
    const bool make_text = text_.empty();
    for (const auto& rdn : rdns_) {
        if (make_text)
            text_ += (text_.empty() ? "" : ",") + rdn_text(rdn);
        key_ += (key_.empty() ? "" : ",") + rdn_key(rdn);
    }
}

Result<Dn> Dn::parse(std::string_view text) {
    auto rdns = Reader(text).read();
    if (!rdns)
        return fail(rdns.error());
    return Dn(std::move(*rdns), std::string(text));
}

Dn Dn::of_domain(std::string_view dns_name) {
    std::vector<std::vector<Ava>> rdns;
    while (!dns_name.empty()) {
        const auto dot = dns_name.find('.');
        if (dot != 0)
            rdns.push_back({{"DC", std::string(dns_name.substr(0, dot))}});
        dns_name = dot == std::string_view::npos ? "" : dns_name.substr(dot + 1);
    }
    return Dn(std::move(rdns));
}

const std::string& Dn::rdn_type() const {
    static const std::string none;
    return rdns_.empty() ? none : rdns_.front().front().type;
}

const std::string& Dn::rdn_value() const {
    static const std::string none;
    return rdns_.empty() ? none : rdns_.front().front().value;
}

std::string Dn::rdn() const {
    return rdns_.empty() ? std::string() : rdn_text(rdns_.front());
}

Dn Dn::parent() const {
    if (rdns_.size() < 2)
        return {};
    return Dn({rdns_.begin() + 1, rdns_.end()});
}

Dn Dn::child(std::string_view type, std::string_view value) const {
    auto rdns = rdns_;
    rdns.insert(rdns.begin(), {Ava{std::string(type), std::string(value)}});
    return Dn(std::move(rdns));
}

Dn Dn::descendant(const Dn& relative) const {
    auto rdns = relative.rdns_;
    rdns.insert(rdns.end(), rdns_.begin(), rdns_.end());
    return Dn(std::move(rdns));
}

bool Dn::is_within(const Dn& ancestor) const {
    if (ancestor.rdns_.empty() || key_ == ancestor.key_)
        return true;
    if (ancestor.rdns_.size() >= rdns_.size() || key_.size() <= ancestor.key_.size() ||
        !key_.ends_with(ancestor.key_))
        return false;
    // What stands before must be a comma that no backslash makes part of a value.
    std::size_t at = key_.size() - ancestor.key_.size() - 1;
    if (key_[at] != ',')
        return false;
    std::size_t backslashes = 0;
    while (at-- > 0 && key_[at] == '\\')
        ++backslashes;
    return backslashes % 2 == 0;
}

std::optional<Dn> Dn::relative_to(const Dn& ancestor) const {
    if (!is_within(ancestor))
        return std::nullopt;
    return Dn({rdns_.begin(), rdns_.end() - static_cast<std::ptrdiff_t>(ancestor.rdns_.size())});
}

std::string Dn::domain_name() const {
    std::string out;
    for (const auto& rdn : rdns_) {
        if (rdn.size() != 1 || lower_ascii(rdn.front().type) != "dc")
            return {};
        out += (out.empty() ? "" : ".") + lower_ascii(rdn.front().value);
    }
    return out;
}

} // namespace scp
