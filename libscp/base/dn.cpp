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

std::string ava_key(const Ava& ava) {
    return lower_ascii(ava.type) + "=" + escape_rdn_value(fold_case(ava.value));
}

std::string rdn_key(const std::vector<Ava>& rdn) {
    if (rdn.size() == 1)
        return ava_key(rdn.front());
    std::vector<std::string> parts;
    parts.reserve(rdn.size());
    for (const auto& ava : rdn)
        parts.push_back(ava_key(ava));
    std::sort(parts.begin(), parts.end());
    return fmt::format("{}", fmt::join(parts, "+"));
}

} // namespace

std::string escape_rdn_value(std::string_view value) {
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
    };
    const auto is_special = [](char c) {
        return c == '"' || c == '+' || c == ',' || c == ';' || c == '<' || c == '>' || c == '\\' ||
               c == '=';
    };
    const bool plain = std::none_of(value.begin(), value.end(),
                                    [&](char c) { return is_control(c) || is_special(c); }) &&
                       !value.starts_with(' ') && !value.starts_with('#') && !value.ends_with(' ');
    if (plain) // nearly all
        return std::string(value);
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        const bool edge_space = c == ' ' && (i == 0 || i + 1 == value.size());
        if (is_control(c))
            out += fmt::format("\\{:02X}", static_cast<unsigned char>(c));
        else if (edge_space || (c == '#' && i == 0) || is_special(c))
            out += {'\\', c};
        else
            out += c;
    }
    return out;
}

Dn::Rdn::Rdn(std::vector<Ava> of) : avas(std::move(of)), text(rdn_text(avas)), key(rdn_key(avas)) {}

const std::shared_ptr<const Dn::Name>& Dn::root() {
    static const auto name = std::make_shared<const Name>();
    return name;
}

Dn::Dn(Rdns rdns, std::string text) {
    if (rdns.empty())
        return;
    const auto append = [](std::string& out, const std::string& part) {
        if (!out.empty())
            out += ',';
        out += part;
    };
    Name name{std::move(rdns), std::move(text), {}};
    const bool make_text = name.text.empty();
    for (const auto& rdn : name.rdns) {
        if (make_text)
            append(name.text, rdn->text);
        append(name.key, rdn->key);
    }
    name_ = std::make_shared<const Name>(std::move(name));
}

Result<Dn> Dn::parse(std::string_view text) {
    auto read = Reader(text).read();
    if (!read)
        return fail(read.error());
    Rdns rdns;
    rdns.reserve(read->size());
    for (auto& avas : *read)
        rdns.push_back(std::make_shared<const Rdn>(std::move(avas)));
    return Dn(std::move(rdns), std::string(text));
}

Dn Dn::of_domain(std::string_view dns_name) {
    Rdns rdns;
    while (!dns_name.empty()) {
        const auto dot = dns_name.find('.');
        if (dot != 0)
            rdns.push_back(std::make_shared<const Rdn>(
                std::vector{Ava{"DC", std::string(dns_name.substr(0, dot))}}));
        dns_name = dot == std::string_view::npos ? "" : dns_name.substr(dot + 1);
    }
    return Dn(std::move(rdns));
}

const std::string& Dn::rdn_type() const {
    static const std::string none;
    return empty() ? none : name_->rdns.front()->avas.front().type;
}

const std::string& Dn::rdn_value() const {
    static const std::string none;
    return empty() ? none : name_->rdns.front()->avas.front().value;
}

std::string Dn::rdn() const {
    return empty() ? std::string() : name_->rdns.front()->text;
}

Dn Dn::parent() const {
    if (depth() < 2)
        return {};
    return Dn({name_->rdns.begin() + 1, name_->rdns.end()});
}

Dn Dn::child(std::string_view type, std::string_view value) const {
    Rdns rdns{std::make_shared<const Rdn>(std::vector{Ava{std::string(type), std::string(value)}})};
    rdns.insert(rdns.end(), name_->rdns.begin(), name_->rdns.end());
    return Dn(std::move(rdns));
}

Dn Dn::descendant(const Dn& relative) const {
    Rdns rdns = relative.name_->rdns;
    rdns.insert(rdns.end(), name_->rdns.begin(), name_->rdns.end());
    return Dn(std::move(rdns));
}

bool Dn::is_within(const Dn& ancestor) const {
    const std::string& own = key();
    const std::string& above = ancestor.key();
    if (ancestor.empty() || own == above)
        return true;
    if (ancestor.depth() >= depth() || own.size() <= above.size() || !own.ends_with(above))
        return false;
    // What stands before must be a comma that no backslash makes part of a value.
    std::size_t at = own.size() - above.size() - 1;
    if (own[at] != ',')
        return false;
    std::size_t backslashes = 0;
    while (at-- > 0 && own[at] == '\\')
        ++backslashes;
    return backslashes % 2 == 0;
}

std::optional<Dn> Dn::relative_to(const Dn& ancestor) const {
    if (!is_within(ancestor))
        return std::nullopt;
    const auto& rdns = name_->rdns;
    return Dn({rdns.begin(), rdns.end() - static_cast<std::ptrdiff_t>(ancestor.depth())});
}

std::string Dn::domain_name() const {
    std::string out;
    for (const auto& rdn : name_->rdns) {
        if (rdn->avas.size() != 1 || lower_ascii(rdn->avas.front().type) != "dc")
            return {};
        out += (out.empty() ? "" : ".") + lower_ascii(rdn->avas.front().value);
    }
    return out;
}

} // namespace scp
