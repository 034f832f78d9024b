#include "settings/settings.hpp"

#include "base/sid.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace scp {

namespace {

struct NamedMode {
    Mode mode;
    std::string_view name;
};
constexpr std::array modes = {NamedMode{Mode::observe, "observe"},
                              NamedMode{Mode::create_only, "create-only"},
                              NamedMode{Mode::upsert, "upsert"}, NamedMode{Mode::sync, "sync"}};

Dn known_dn(std::string_view text) {
    return Dn::parse(text).value();
}

/// CN=… or 2.5.4.3=…: what can only be meant as a DN.
bool begins_like_dn(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
        return false;
    return std::ranges::all_of(text.substr(0, equals), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-';
    });
}

/// Characters that a sAMAccountName and a NetBIOS name cannot have: [MS-SAMR] 3.1.1.6, and '@' for
/// it would be a UPN.
bool is_plain_name(std::string_view text) {
    return !text.empty() && text.size() <= 256 &&
           text.find_first_of("\"/\\[]:;|=,+*?<>@") == std::string_view::npos;
}

} // namespace

const std::vector<std::string>& default_attributes() {
    static const std::vector<std::string> names = {"serviceBindingInformation",
                                                   "serviceClassName",
                                                   "serviceDNSName",
                                                   "serviceDNSNameType",
                                                   "versionNumber",
                                                   "versionNumberHi",
                                                   "versionNumberLo",
                                                   "vendor",
                                                   "appSchemaVersion",
                                                   "displayName",
                                                   "description"};
    return names;
}

std::vector<Dn> default_trust_containers() {
    return {known_dn("CN=System")};
}

std::vector<Dn> default_trust_exclude() {
    return {known_dn("CN=Policies,CN=System"), known_dn("CN=MicrosoftDNS,CN=System")};
}

Dn default_container() {
    return known_dn("CN=scpd,CN=System");
}

std::vector<Dn> default_configuration_containers() {
    return {known_dn("CN=Services")};
}

Dn default_configuration_container() {
    return known_dn("CN=scpd,CN=Services");
}

bool uses_configuration(const Rule& rule) {
    return rule.in_configuration || rule.container.kind == TargetContainer::Kind::configuration;
}

bool any_uses_configuration(std::span<const Rule> rules) {
    return std::ranges::any_of(rules, uses_configuration);
}

std::optional<std::string_view> in_configuration(std::string_view text) {
    constexpr std::string_view word = "configuration";
    if (!equal_ascii_nocase(text.substr(0, word.size()), word))
        return std::nullopt;
    text.remove_prefix(word.size());
    if (text.empty())
        return text;
    return text.front() == ':' ? std::optional(text.substr(1)) : std::nullopt;
}

std::string to_string(Mode mode) {
    return std::string(std::ranges::find(modes, mode, &NamedMode::mode)->name);
}

std::optional<Mode> parse_mode(std::string_view text) {
    const auto* found = std::ranges::find(modes, text, &NamedMode::name);
    if (found == modes.end())
        return std::nullopt;
    return found->mode;
}

Result<AccountQuery> parse_account(std::string_view text) {
    using Kind = AccountQuery::Kind;
    auto wrong = [text](std::string_view why) {
        return fail(ErrorKind::settings,
                    fmt::format("\"{}\" is no account: {}", printable(text, 200), why),
                    "write CORP\\svc-mage, svc-mage@corp.test, a DN or a SID");
    };
    auto found = [text](Kind kind) { return AccountQuery{kind, {}, std::string(text)}; };
    if (text.empty())
        return wrong("it is empty");
    if (begins_like_dn(text)) {
        auto dn = Dn::parse(text);
        return dn ? Result<AccountQuery>(found(Kind::dn))
                  : fail(ErrorKind::settings, dn.error().message);
    }
    if (lower_ascii(text).starts_with("s-1-"))
        return Sid::parse(text) ? Result<AccountQuery>(found(Kind::sid))
                                : wrong("it begins like a SID but is none");
    if (const auto slash = text.find('\\'); slash != std::string_view::npos) {
        if (is_plain_name(text.substr(0, slash)) && is_plain_name(text.substr(slash + 1)))
            return found(Kind::sam);
        return wrong("a NetBIOS name, one backslash and a sAMAccountName are expected");
    }
    if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        const auto suffix = text.substr(at + 1);
        if (at > 0 && !suffix.empty() && suffix.find_first_of(" \t,=") == std::string_view::npos)
            return found(Kind::upn);
        return wrong("a name, '@' and a UPN suffix are expected");
    }
    return wrong("write CORP\\svc-mage, svc-mage@corp.test, a DN or a SID");
}

} // namespace scp
