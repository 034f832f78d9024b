#include "scpctl/one_off.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

Result<AuthSettings::Mechanism> parse_mechanism(const std::string& text) {
    if (text == "gssapi")
        return AuthSettings::Mechanism::gssapi;
    if (text == "gss-spnego")
        return AuthSettings::Mechanism::gss_spnego;
    if (text == "external")
        return AuthSettings::Mechanism::external;
    return fail(ErrorKind::usage,
                fmt::format("--mech {}: there is no such mechanism", printable(text)),
                "gssapi, gss-spnego or external");
}

/// nullopt where no flag says how to log in.
Result<std::optional<AuthSettings>> auth_from(const GlobalOptions& options) {
    AuthSettings auth;
    if (!options.mechanism.empty()) {
        if (!options.bind_dn.empty() || !options.password_file.empty())
            return fail(ErrorKind::usage, "--mech and --bind-dn/--password-file exclude each other",
                        "a simple bind takes --bind-dn and --password-file alone");
        const auto mechanism = parse_mechanism(options.mechanism);
        if (!mechanism)
            return fail(mechanism.error());
        auth.mechanism = *mechanism;
        return auth;
    }
    if (options.bind_dn.empty() && options.password_file.empty())
        return std::optional<AuthSettings>();
    if (options.bind_dn.empty())
        return fail(ErrorKind::usage, "--password-file needs --bind-dn",
                    "say as whom to log in: --bind-dn DN");
    if (options.password_file.empty())
        return fail(
            ErrorKind::usage, "--bind-dn needs --password-file",
            "scpctl asks for no password: put it into a file that only you can read (mode 0600)");
    auth.mechanism = AuthSettings::Mechanism::simple;
    auth.bind_dn = options.bind_dn;
    auth.password_file = options.password_file;
    return auth;
}

Result<std::vector<ServerUri>> servers_from(const GlobalOptions& options) {
    std::vector<ServerUri> servers;
    for (const std::string& text : options.servers) {
        auto uri = ServerUri::parse(text);
        if (!uri)
            return fail(ErrorKind::usage,
                        fmt::format("--server {}: {}", printable(text), uri.error().message),
                        uri.error().hint.empty() ? "ldaps://dc1.corp.test" : uri.error().hint);
        servers.push_back(std::move(*uri));
    }
    return servers;
}

void apply_tls(TlsSettings& tls, const GlobalOptions& options) {
    if (!options.ca_file.empty())
        tls.ca_file = options.ca_file;
    if (options.starttls)
        tls.mode = TlsSettings::Mode::starttls;
}

Result<std::vector<DomainName>> domains_from(std::string_view option,
                                             const std::vector<std::string>& texts) {
    std::vector<DomainName> domains;
    for (const std::string& text : texts) {
        if (auto ok = check_argument(option, text); !ok)
            return fail(ok.error());
        domains.emplace_back(text);
        if (domains.back().empty())
            return fail(ErrorKind::usage, fmt::format("{} is empty", option),
                        "a DNS name: emea.corp.test");
    }
    return domains;
}

/// Sources are looked for where places are trusted: in domains, in the Configuration NC, or both.
Result<void> trust_places(Rule& rule, std::string_view option,
                          const std::vector<std::string>& texts) {
    rule.trust_containers.clear();
    rule.configuration_containers.clear();
    for (const std::string& text : texts) {
        const auto container = parse_container(text);
        if (!container)
            return fail(ErrorKind::usage, fmt::format("{} {}", option, container.error().message),
                        container.error().hint);
        if (container->kind == TargetContainer::Kind::same)
            return fail(ErrorKind::usage,
                        fmt::format("{} same: this is a place, not a rule", option),
                        "a DN relative to the domain: CN=System");
        const bool configuration = container->kind == TargetContainer::Kind::configuration;
        if (configuration && in_configuration(text)->empty())
            return fail(
                ErrorKind::usage,
                fmt::format("{} configuration would mean the whole Configuration NC", option),
                "name a container in it: configuration:CN=Services");
        (configuration ? rule.configuration_containers : rule.trust_containers)
            .push_back(container->relative);
    }
    rule.in_configuration = !rule.configuration_containers.empty();
    rule.in_domains = !rule.trust_containers.empty();
    return {};
}

} // namespace

Result<TargetContainer> parse_container(const std::string& text) {
    if (text == "same")
        return TargetContainer{TargetContainer::Kind::same, {}};
    const auto below = in_configuration(text);
    if (below && below->empty())
        return TargetContainer{TargetContainer::Kind::configuration,
                               default_configuration_container()};
    auto dn = Dn::parse(below.value_or(text));
    if (!dn)
        return fail(ErrorKind::usage, fmt::format("{}: {}", printable(text), dn.error().message),
                    "a DN relative to the domain, such as CN=scpd,CN=System");
    bool absolute = dn->empty();
    for (Dn part = *dn; !part.empty(); part = part.parent())
        absolute = absolute || equal_ascii_nocase(part.rdn_type(), "DC");
    if (absolute)
        return fail(ErrorKind::usage,
                    fmt::format("{}: a place is named relative to the {}", printable(text),
                                below ? "Configuration NC" : "domain"),
                    "without the DC= parts: CN=scpd,CN=System");
    return TargetContainer{
        below ? TargetContainer::Kind::configuration : TargetContainer::Kind::relative, *dn};
}

Result<Settings> one_off_settings(const GlobalOptions& options) {
    Settings settings;
    settings.instance = "cli";
    ForestSettings forest;
    forest.name = "cli";
    auto servers = servers_from(options);
    if (!servers)
        return fail(servers.error());
    forest.servers = std::move(*servers);
    // The scheme of an ldaps:// URI wins over the mode, so this weakens no server but those that
    // are named as ldap://.
    const bool plain = std::ranges::any_of(
        forest.servers, [](const ServerUri& uri) { return uri.scheme == ServerUri::Scheme::ldap; });
    forest.tls.mode = plain ? TlsSettings::Mode::none : TlsSettings::Mode::ldaps;
    apply_tls(forest.tls, options);
    const auto auth = auth_from(options);
    if (!auth)
        return fail(auth.error());
    if (*auth)
        forest.auth = **auth;
    else if (forest.servers.front().scheme == ServerUri::Scheme::ldapi)
        forest.auth.mechanism = AuthSettings::Mechanism::external;
    if (forest.tls.mode == TlsSettings::Mode::none &&
        forest.auth.mechanism == AuthSettings::Mechanism::simple)
        return fail(ErrorKind::usage,
                    "an ldap:// server without --starttls: a password never goes out in clear",
                    "add --starttls, or name ldaps:// servers");
    settings.forests.push_back(std::move(forest));
    return settings;
}

Result<void> override_connection(Settings& settings, const GlobalOptions& options) {
    if (!options.servers.empty()) {
        if (settings.forests.size() != 1)
            return fail(
                ErrorKind::usage,
                fmt::format("--server with settings of {} forests: which one is meant is not clear",
                            settings.forests.size()),
                "leave --server away, or use it without -c");
        auto servers = servers_from(options);
        if (!servers)
            return fail(servers.error());
        settings.forests.front().servers = std::move(*servers);
        for (auto& [domain, over] : settings.forests.front().domains)
            over.servers.clear();
    }
    const auto auth = auth_from(options);
    if (!auth)
        return fail(auth.error());
    for (ForestSettings& forest : settings.forests) {
        apply_tls(forest.tls, options);
        if (*auth)
            forest.auth = **auth;
        for (auto& [domain, over] : forest.domains) {
            if (over.tls)
                apply_tls(*over.tls, options);
            if (*auth)
                over.auth.reset();
        }
    }
    return {};
}

Result<void> check_argument(std::string_view option, std::string_view value) {
    if (!is_utf8(value))
        return fail(ErrorKind::usage,
                    fmt::format("{} {}: this is not UTF-8", option, printable(value)),
                    "values in the directory are Unicode; check the encoding of your terminal");
    const auto is_control = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
    };
    if (std::ranges::any_of(value, is_control))
        return fail(
            ErrorKind::usage,
            fmt::format("{} {}: control characters make no sense here", option, printable(value)),
            "leave line ends and escape sequences away");
    return {};
}

Result<Rule> one_off_rule(const RuleOptions& options) {
    Rule rule;
    rule.name = "cli";
    if (options.keywords.empty())
        return fail(ErrorKind::usage, "a rule needs --keyword",
                    "--keyword K, once for each; all must be present");
    for (const std::string& keyword : options.keywords) {
        if (auto ok = check_argument("--keyword", keyword); !ok)
            return fail(ok.error());
        if (keyword.empty())
            return fail(ErrorKind::usage, "--keyword is empty", "at least one character");
    }
    rule.keywords = options.keywords;
    for (const std::string& text : options.accounts) {
        if (auto ok = check_argument("--account", text); !ok)
            return fail(ok.error());
        auto account = parse_account(text);
        if (!account)
            return fail(ErrorKind::usage,
                        fmt::format("--account {}: {}", printable(text), account.error().message),
                        account.error().hint);
        rule.accounts.push_back(std::move(*account));
    }
    auto targets = domains_from("--to", options.to);
    if (!targets)
        return fail(targets.error());
    rule.target_domains = std::move(*targets);
    rule.container.relative = default_container();
    if (!options.container.empty()) {
        auto container = parse_container(options.container);
        if (!container)
            return fail(ErrorKind::usage, "--container " + container.error().message,
                        container.error().hint);
        rule.container = std::move(*container);
    }
    if (rule.container.kind == TargetContainer::Kind::configuration)
        rule.configuration_containers = default_configuration_containers();
    rule.create_containers = options.create_containers;
    if (!options.mode.empty()) {
        const auto mode = parse_mode(options.mode);
        if (!mode)
            return fail(ErrorKind::usage,
                        fmt::format("--mode {}: there is no such mode", printable(options.mode)),
                        "observe, create-only, upsert or sync");
        rule.mode = *mode;
    }
    rule.trust_exclude = default_trust_exclude();
    rule.trust_containers = default_trust_containers();
    if (!options.trust_containers.empty()) {
        if (auto ok = trust_places(rule, "--trust-container", options.trust_containers); !ok)
            return fail(ok.error());
        if (rule.in_configuration && rule.container.kind == TargetContainer::Kind::same)
            return fail(ErrorKind::usage,
                        "--container same has no meaning for sources in the Configuration NC: no "
                        "domain has their place",
                        "name a container, or configuration:RDN");
    }
    rule.attributes = default_attributes();
    return rule;
}

} // namespace scp
