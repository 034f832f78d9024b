#include "settings/convert.hpp"

#include "base/time.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <type_traits>
#include <utility>

namespace scp {

namespace {

const SettingsTree* valid_member(const SettingsTree& map, std::string_view key) {
    const auto* member = map.find(key);
    return member && member->valid ? member : nullptr;
}

const std::string* text_of(const SettingsTree& map, std::string_view key) {
    const auto* member = valid_member(map, key);
    return member && member->is_scalar() ? &member->text : nullptr;
}

const SettingsTree& map_of(const SettingsTree& map, std::string_view key) {
    static const SettingsTree empty{.kind = SettingsTree::Kind::map};
    const auto* member = valid_member(map, key);
    return member && member->is_map() ? *member : empty;
}

const std::vector<SettingsTree>& items_of(const SettingsTree& map, std::string_view key) {
    static const std::vector<SettingsTree> none;
    const auto* member = valid_member(map, key);
    return member && member->is_list() ? member->children : none;
}

void read(const SettingsTree& map, std::string_view key, std::string& out) {
    if (const auto* text = text_of(map, key))
        out = *text;
}
void read(const SettingsTree& map, std::string_view key, bool& out) {
    if (const auto* text = text_of(map, key))
        out = *text == "true";
}
void read(const SettingsTree& map, std::string_view key, DomainName& out) {
    if (const auto* text = text_of(map, key))
        out = DomainName(*text);
}
void read(const SettingsTree& map, std::string_view key, std::chrono::milliseconds& out) {
    if (const auto* text = text_of(map, key))
        out = parse_duration(*text).value_or(out);
}
template <class Number>
void read_number(const SettingsTree& map, std::string_view key, Number& out) {
    if (const auto* text = text_of(map, key))
        std::from_chars(text->data(), text->data() + text->size(), out);
}

template <class Enum>
using Words = std::initializer_list<std::pair<std::string_view, std::type_identity_t<Enum>>>;

template <class Enum>
void read_choice(const SettingsTree& map, std::string_view key, Enum& out, Words<Enum> words) {
    if (const auto* text = text_of(map, key))
        for (const auto& [word, value] : words)
            if (word == *text)
                out = value;
}

template <class Value, class Make>
std::vector<Value> read_list(const SettingsTree& map, std::string_view key, Make make) {
    std::vector<Value> values;
    for (const auto& item : items_of(map, key))
        if (item.valid && item.is_scalar())
            if (auto value = make(item.text))
                values.push_back(std::move(*value));
    return values;
}

std::vector<std::string> read_texts(const SettingsTree& map, std::string_view key) {
    return read_list<std::string>(map, key,
                                  [](const std::string& text) { return std::optional(text); });
}
std::vector<DomainName> read_domains(const SettingsTree& map, std::string_view key) {
    return read_list<DomainName>(
        map, key, [](const std::string& text) { return std::optional(DomainName(text)); });
}
std::vector<ServerUri> read_servers(const SettingsTree& map, std::string_view key) {
    return read_list<ServerUri>(map, key,
                                [](const std::string& text) { return ServerUri::parse(text); });
}
/// Places in domains, or those in the Configuration NC.
std::vector<Dn> read_places(const SettingsTree& map, std::string_view key, bool configuration) {
    return read_list<Dn>(map, key, [&](const std::string& text) -> std::optional<Dn> {
        const auto below = in_configuration(text);
        if (below.has_value() != configuration)
            return std::nullopt;
        auto dn = Dn::parse(below.value_or(text));
        return dn ? std::optional(std::move(*dn)) : std::nullopt;
    });
}

TargetContainer to_container(const std::string& text) {
    using Kind = TargetContainer::Kind;
    if (text == "same")
        return {Kind::same, {}};
    if (const auto below = in_configuration(text))
        return {Kind::configuration,
                below->empty() ? default_configuration_container()
                               : Dn::parse(*below).value_or(default_configuration_container())};
    return {Kind::relative, Dn::parse(text).value_or(default_container())};
}

std::vector<Pattern> read_patterns(const SettingsTree& map, std::string_view key) {
    return read_list<Pattern>(map, key,
                              [](const std::string& text) { return Pattern::compile(text); });
}

TlsSettings to_tls(const SettingsTree& node) {
    using Mode = TlsSettings::Mode;
    TlsSettings tls;
    read_choice(node, "mode", tls.mode,
                {{"ldaps", Mode::ldaps}, {"starttls", Mode::starttls}, {"none", Mode::none}});
    read(node, "ca_file", tls.ca_file);
    read(node, "cert_file", tls.cert_file);
    read(node, "key_file", tls.key_file);
    read(node, "min_version", tls.min_version);
    return tls;
}

AuthSettings to_auth(const SettingsTree& node) {
    using Mechanism = AuthSettings::Mechanism;
    AuthSettings auth;
    read_choice(node, "mechanism", auth.mechanism,
                {{"gssapi", Mechanism::gssapi},
                 {"gss-spnego", Mechanism::gss_spnego},
                 {"external", Mechanism::external},
                 {"simple", Mechanism::simple},
                 {"anonymous", Mechanism::anonymous}});
    read(node, "principal", auth.principal);
    read(node, "keytab", auth.keytab);
    read(node, "bind_dn", auth.bind_dn);
    read(node, "password_file", auth.password_file);
    read(node, "credential", auth.credential);
    return auth;
}

DomainOverride to_override(const SettingsTree& node) {
    DomainOverride result;
    result.servers = read_servers(node, "servers");
    if (valid_member(node, "tls"))
        result.tls = to_tls(map_of(node, "tls"));
    if (valid_member(node, "auth"))
        result.auth = to_auth(map_of(node, "auth"));
    return result;
}

ForestSettings to_forest(const SettingsTree& node) {
    ForestSettings forest;
    read(node, "name", forest.name);
    read(node, "domain", forest.domain);
    forest.servers = read_servers(node, "servers");
    if (const auto* site = text_of(node, "site"); site != nullptr && *site == "off")
        forest.site.mode = SiteSettings::Mode::off;
    else if (site != nullptr && *site != "auto")
        forest.site = {SiteSettings::Mode::named, *site};
    if (const auto* catalog = valid_member(node, "global_catalog"); catalog && catalog->is_list())
        forest.global_catalog = {GlobalCatalogSettings::Mode::listed,
                                 read_servers(node, "global_catalog")};
    else if (catalog && catalog->text == "off")
        forest.global_catalog.mode = GlobalCatalogSettings::Mode::off;
    for (const auto& domain : map_of(node, "domains").children)
        if (domain.valid)
            forest.domains[DomainName(domain.key)] = to_override(domain);
    forest.tls = to_tls(map_of(node, "tls"));
    forest.auth = to_auth(map_of(node, "auth"));
    read(map_of(node, "timeouts"), "connect", forest.timeouts.connect);
    read(map_of(node, "timeouts"), "operation", forest.timeouts.operation);
    return forest;
}

std::vector<AccountQuery> read_accounts(const SettingsTree& rule) {
    std::vector<AccountQuery> accounts;
    for (const auto& item : items_of(rule, "accounts")) {
        if (!item.valid)
            continue;
        AccountQuery query;
        if (item.is_scalar()) {
            if (auto parsed = parse_account(item.text))
                query = *parsed;
        } else if (const auto* account = text_of(item, "account")) {
            if (auto parsed = parse_account(*account))
                query = *parsed;
        } else if (const auto* group = text_of(item, "group")) {
            query = {AccountQuery::Kind::group, {}, *group};
        } else if (const auto* filter = text_of(item, "filter")) {
            query = {AccountQuery::Kind::filter, {}, *filter};
        }
        read(item, "forest", query.forest);
        accounts.push_back(std::move(query));
    }
    return accounts;
}

std::vector<AccountQuery> read_owners(const SettingsTree& map) {
    std::vector<AccountQuery> owners;
    for (const auto& text : read_texts(map, "owners"))
        if (auto parsed = parse_account(text))
            owners.push_back(*parsed);
    return owners;
}

Rule to_rule(const SettingsTree& node) {
    Rule rule;
    read(node, "name", rule.name);
    rule.keywords = read_texts(map_of(node, "match"), "keywords");
    read(map_of(node, "match"), "name", rule.name_glob);
    const auto in = read_texts(map_of(node, "match"), "in");
    rule.in_domains = std::ranges::find(in, "domain") != in.end();
    rule.in_configuration = std::ranges::find(in, "configuration") != in.end();
    const auto& trust = map_of(node, "trust");
    rule.trust_domains = read_domains(trust, "domains");
    rule.trust_containers = read_places(trust, "containers", false);
    rule.trust_exclude = read_places(trust, "exclude", false);
    rule.configuration_containers = read_places(trust, "containers", true);
    rule.configuration_exclude = read_places(trust, "exclude", true);
    read_choice(trust, "first_use", rule.first_use,
                {{"allow", FirstUse::allow}, {"approve", FirstUse::approve}});
    rule.trust_owners = read_owners(trust);
    rule.accounts = read_accounts(node);
    const auto& targets = map_of(node, "targets");
    rule.target_domains = read_domains(targets, "domains");
    rule.target_exclude = read_domains(targets, "exclude");
    if (const auto* container = text_of(targets, "container"))
        rule.container = to_container(*container);
    read(targets, "create_containers", rule.create_containers);
    rule.attributes = read_texts(node, "attributes");
    if (const auto* mode = text_of(node, "mode"))
        rule.mode = parse_mode(*mode).value_or(rule.mode);
    rule.prefer = read_domains(map_of(node, "on_conflict"), "prefer");
    rule.bindings = {read_patterns(map_of(node, "bindings"), "allow"),
                     read_patterns(map_of(node, "bindings"), "deny")};
    read(map_of(node, "prune"), "grace", rule.prune_grace);
    read_number(map_of(node, "prune"), "confirmations", rule.prune_confirmations);
    return rule;
}

DaemonSettings to_daemon(const SettingsTree& node) {
    using Watch = DaemonSettings::Watch;
    DaemonSettings daemon;
    read(node, "resync", daemon.resync);
    read(node, "debounce", daemon.debounce);
    read(node, "max_wait", daemon.max_wait);
    read_choice(node, "watch", daemon.watch,
                {{"auto", Watch::automatic},
                 {"notify", Watch::notify},
                 {"usn", Watch::usn},
                 {"syncrepl", Watch::syncrepl},
                 {"poll", Watch::poll}});
    read(node, "poll", daemon.poll);
    read_number(node, "workers", daemon.workers);
    return daemon;
}

LogSettings to_log(const SettingsTree& node) {
    using Target = LogSettings::Target;
    LogSettings log;
    read(node, "level", log.level);
    read_choice(node, "target", log.target,
                {{"auto", Target::automatic},
                 {"journal", Target::journal},
                 {"stderr", Target::standard_error}});
    using Format = LogSettings::Format;
    read_choice(node, "format", log.format, {{"text", Format::text}, {"json", Format::json}});
    return log;
}

MetricsSettings to_metrics(const SettingsTree& node) {
    MetricsSettings metrics;
    read(node, "listen", metrics.listen);
    if (metrics.listen == "off")
        metrics.listen.clear();
    read(node, "textfile", metrics.textfile);
    return metrics;
}

} // namespace

Settings to_settings(const SettingsTree& root) {
    Settings settings;
    read(root, "instance", settings.instance);
    for (const auto& forest : items_of(root, "forests"))
        settings.forests.push_back(to_forest(forest));
    for (const auto& rule : items_of(root, "rules"))
        settings.rules.push_back(to_rule(rule));
    const auto& limits = map_of(root, "limits");
    read_number(limits, "changes", settings.limits.changes);
    read_number(limits, "deletes", settings.limits.deletes);
    read_number(limits, "delete_percent", settings.limits.delete_percent);
    settings.daemon = to_daemon(map_of(root, "daemon"));
    read(map_of(root, "marker"), "attribute", settings.marker_attribute);
    settings.marker_owners = read_owners(map_of(root, "marker"));
    settings.log = to_log(map_of(root, "log"));
    settings.metrics = to_metrics(map_of(root, "metrics"));
    return settings;
}

} // namespace scp
