#include "settings/semantics.hpp"

#include "base/text.hpp"
#include "base/time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace scp {

namespace {

using Mechanism = AuthSettings::Mechanism;
using Scheme = ServerUri::Scheme;

/// A map of the tree and its path.
struct At {
    const SettingsTree* node = nullptr;
    std::string path;

    /// Present, whether right or wrong. Defaults do not count.
    [[nodiscard]] const SettingsTree* given(std::string_view key) const {
        const auto* child = node ? node->find(key) : nullptr;
        return child && child->kind != SettingsTree::Kind::null && child->place.line > 0 ? child
                                                                                         : nullptr;
    }
    [[nodiscard]] bool given_items(std::string_view key) const {
        const auto* list = given(key);
        return list && (!list->is_list() || !list->children.empty());
    }
    [[nodiscard]] At below(std::string_view key) const {
        return {node ? node->find(key) : nullptr, member_path(path, key)};
    }
};

class Checker {
  public:
    Checker(const Settings& settings, ProblemList& problems)
        : settings_(settings), problems_(problems) {}

    void forest(const At& at, const ForestSettings& forest) {
        if (!at.given("domain") && !at.given_items("servers"))
            add(at, "", "needs domain (servers are then found by DNS) or servers");
        const Login login{at, at.below("auth"), forest.tls, forest.auth, forest.servers};
        keys_of_login(login);
        way_of_login(login);
        for (const auto& [domain, changes] : forest.domains) {
            const auto* node = at.below("domains").node->find(domain.text());
            override_of({node, at.path + ".domains[" + domain.text() + "]"}, at, changes, forest);
        }
    }

    void rule(const At& at, const Rule& rule) {
        const auto targets = at.below("targets");
        if (!at.given_items("accounts") && !targets.given_items("domains"))
            add(at, "accounts", "the rule serves nobody: give accounts, or targets.domains");
        if (const auto* accounts = at.given("accounts"); accounts && accounts->is_list())
            for (std::size_t i = 0; i < accounts->children.size(); ++i)
                account({&accounts->children[i],
                         item_path(at.path + ".accounts", accounts->children[i], i)});
        const auto same = [this](const auto& name) {
            return equal_ascii_nocase(name, settings_.marker_attribute);
        };
        if (auto found = std::ranges::find_if(rule.attributes, same);
            found != rule.attributes.end())
            add(at, "attributes",
                fmt::format("{} holds the marker (marker.attribute) and cannot be copied", *found));
        configuration(at, rule);
    }

    void daemon(const At& at) {
        const auto& daemon = settings_.daemon;
        if (daemon.max_wait >= daemon.debounce)
            return;
        add(at, at.given("max_wait") ? "max_wait" : "debounce",
            fmt::format("max_wait ({}) is shorter than debounce ({})", to_duration(daemon.max_wait),
                        to_duration(daemon.debounce)));
    }

    void marker(const At& at) {
        static const std::vector<std::string> copied = default_attributes();
        const auto same = [this](const auto& name) {
            return equal_ascii_nocase(name, settings_.marker_attribute);
        };
        if (at.given("attribute") && std::ranges::any_of(copied, same) && settings_.rules.empty())
            add(at, "attribute",
                fmt::format("{} is copied by default and cannot hold the marker",
                            settings_.marker_attribute));
    }

  private:
    void configuration(const At& at, const Rule& rule) {
        if (!rule.in_configuration)
            return;
        if (rule.container.kind == TargetContainer::Kind::same)
            add(at.below("targets"), "container",
                "same has no meaning for sources in the Configuration NC: no domain has their "
                "place; name a container, or configuration:RDN");
        const auto trust = at.below("trust");
        if (trust.given("containers") && rule.configuration_containers.empty())
            add(trust, "containers",
                "none is in the Configuration NC, where match.in looks for sources: add "
                "configuration:CN=Services, or what is narrower");
    }

    /// One way to log in, with all that it depends on.
    struct Login {
        At owner; ///< the forest or the override
        At auth_at;
        const TlsSettings& tls;
        const AuthSettings& auth;
        const std::vector<ServerUri>& servers; ///< empty: found by DNS
    };

    void add(const At& at, std::string_view key, std::string message) {
        const auto* child = key.empty() ? nullptr : at.given(key);
        problems_.add(child ? child->place : at.node->place,
                      key.empty() ? at.path : member_path(at.path, key), std::move(message));
    }

    void override_of(const At& at, const At& forest_at, const DomainOverride& changes,
                     const ForestSettings& forest) {
        const auto& tls = changes.tls ? *changes.tls : forest.tls;
        const auto& auth = changes.auth ? *changes.auth : forest.auth;
        const auto auth_at = changes.auth ? at.below("auth") : forest_at.below("auth");
        const Login login{at, auth_at, tls, auth, changes.servers};
        if (changes.auth)
            keys_of_login(login);
        way_of_login(login);
    }

    void keys_of_login(const Login& login) {
        const auto* mechanism = login.auth_at.node->find("mechanism");
        if (!mechanism || !mechanism->valid)
            return; // what follows would be about a mechanism that nobody asked for
        fitting_keys(login);
        if (is_kerberos(login.auth))
            one_place(login, "keytab");
        if (login.auth.mechanism == Mechanism::simple)
            simple(login);
    }

    void way_of_login(const Login& login) {
        const auto* mechanism = login.auth_at.node->find("mechanism");
        if (!mechanism || !mechanism->valid)
            return;
        if (login.auth.mechanism == Mechanism::external)
            external(login);
        certificate(login);
        if (!is_kerberos(login.auth))
            never_in_clear(login);
    }

    static bool is_kerberos(const AuthSettings& auth) {
        return auth.mechanism == Mechanism::gssapi || auth.mechanism == Mechanism::gss_spnego;
    }

    void fitting_keys(const Login& login) {
        const bool kerberos = is_kerberos(login.auth);
        const bool simple = login.auth.mechanism == Mechanism::simple;
        const auto& name = login.auth_at.node->find("mechanism")->text;
        struct Fit {
            std::string_view key;
            bool fits;
        };
        for (const auto& [key, fits] :
             {Fit{"principal", kerberos}, Fit{"keytab", kerberos}, Fit{"bind_dn", simple},
              Fit{"password_file", simple}, Fit{"credential", kerberos || simple}})
            if (!fits && login.auth_at.given(key))
                add(login.auth_at, key, fmt::format("does not go with mechanism {}", name));
    }

    void one_place(const Login& login, std::string_view file) {
        if (login.auth_at.given(file) && login.auth_at.given("credential"))
            add(login.auth_at, "credential",
                fmt::format("{} and credential are two places for one thing: give one of them",
                            file));
    }

    void simple(const Login& login) {
        const auto& at = login.auth_at;
        if (!at.given("bind_dn"))
            add(at, "bind_dn", "is required with mechanism simple");
        one_place(login, "password_file");
        if (!at.given("password_file") && !at.given("credential"))
            add(at, "password_file", "is required with mechanism simple (or credential)");
    }

    static bool is_local_only(const Login& login) {
        return !login.servers.empty() && std::ranges::all_of(login.servers, [](const auto& uri) {
            return uri.scheme == Scheme::ldapi;
        });
    }

    void external(const Login& login) {
        if (!is_local_only(login) && login.tls.cert_file.empty())
            add(login.auth_at, "mechanism",
                "external needs a client certificate (tls: cert_file and key_file) or servers over "
                "ldapi:// only");
    }

    void certificate(const Login& login) {
        const auto tls_at = login.owner.below("tls");
        if (tls_at.node && login.tls.cert_file.empty() != login.tls.key_file.empty())
            add(tls_at, login.tls.cert_file.empty() ? "key_file" : "cert_file",
                "cert_file and key_file go together: give both or none");
    }

    /// Promise 5: without TLS only Kerberos protects what is sent.
    void never_in_clear(const Login& login) {
        const auto* what =
            login.auth.mechanism == Mechanism::simple ? "a password" : "what is read and written";
        const auto* word = login.auth_at.node->find("mechanism");
        if (login.tls.mode == TlsSettings::Mode::none && !is_local_only(login)) {
            add(login.owner.given("tls") ? login.owner.below("tls") : login.owner, "mode",
                fmt::format("none with mechanism {} would send {} in clear: use ldaps or starttls, "
                            "or mechanism gssapi",
                            word->text, what));
            return;
        }
        if (login.tls.mode != TlsSettings::Mode::ldaps)
            return;
        for (const auto& uri : login.servers)
            if (uri.scheme == Scheme::ldap)
                add(login.owner, "servers",
                    fmt::format("{} would send {} in clear: write ldaps://, or tls: {{mode: "
                                "starttls}}, or mechanism "
                                "gssapi",
                                printable(uri.to_string(), 200), what));
    }

    void account(const At& at) {
        if (!at.node->valid || !at.node->is_map())
            return;
        const auto kinds =
            std::ranges::count_if(std::span<const std::string_view>(account_kinds),
                                  [&at](auto key) { return at.given(key) != nullptr; });
        if (kinds != 1 && std::ranges::all_of(at.node->children, &SettingsTree::valid))
            add(at, "", "needs exactly one of account, group, filter");
        const auto* forest = at.given("forest");
        if (!forest || !forest->valid)
            return;
        std::vector<std::string> names;
        for (const auto& known : settings_.forests)
            names.push_back(known.name);
        if (std::ranges::find(names, forest->text) != names.end())
            return;
        const auto near = nearest(forest->text, names);
        add(at, "forest",
            fmt::format("no forest is named \"{}\"{}", printable(forest->text, 80),
                        near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
    }

    static constexpr std::string_view account_kinds[] = {"account", "group", "filter"};

    const Settings& settings_;
    ProblemList& problems_;
};

} // namespace

void check_semantics(const SettingsTree& root, const Settings& settings, ProblemList& problems) {
    Checker checker(settings, problems);
    const At at{&root, ""};
    if (const auto* forests = root.find("forests"); forests && forests->valid && forests->is_list())
        for (std::size_t i = 0; i < forests->children.size(); ++i)
            if (const auto& node = forests->children[i]; node.valid && node.is_map())
                checker.forest({&node, item_path("forests", node, i)}, settings.forests[i]);
    if (const auto* rules = root.find("rules"); rules && rules->valid && rules->is_list())
        for (std::size_t i = 0; i < rules->children.size(); ++i)
            if (const auto& node = rules->children[i]; node.valid && node.is_map())
                checker.rule({&node, item_path("rules", node, i)}, settings.rules[i]);
    if (const auto daemon = at.below("daemon"); daemon.node)
        checker.daemon(daemon);
    if (const auto marker = at.below("marker"); marker.node)
        checker.marker(marker);
}

std::vector<Problem> warnings_of(const SettingsTree& root, const Settings& settings) {
    std::vector<Problem> found;
    for (std::size_t i = 0; i < settings.rules.size(); ++i) {
        if (settings.rules[i].container.kind != TargetContainer::Kind::configuration)
            continue;
        const auto& node = root.find("rules")->children[i];
        const auto& place = node.find("targets")->find("container")->place;
        found.push_back({place.file, place.line, place.column,
                         item_path("rules", node, i) + ".targets.container",
                         std::string("warning: ") + configuration_copies_warning});
    }
    return found;
}

} // namespace scp
