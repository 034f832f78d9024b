#include "scpctl/context.hpp"

#include <CLI/CLI.hpp>

#include <map>

namespace scp {

namespace {

/// One value each time the flag is given: CLI11 would otherwise take the words that follow, too,
/// and read "[a,b]" as a list.
void repeatable(CLI::App& app, const std::string& name, std::vector<std::string>& into,
                const std::string& help) {
    app.add_option(name, into, help)->allow_extra_args(false)->type_name("");
}

/// An empty value is a script's unset variable, and taken for "not given" it would do something
/// else than was asked.
const CLI::Validator not_empty{
    [](const std::string& value) { return std::string(value.empty() ? "is empty" : ""); }, ""};

void single(CLI::App& app, const std::string& name, std::string& into, const std::string& help) {
    app.add_option(name, into, help)->type_name("")->check(not_empty);
}

} // namespace

void declare_single(CLI::App& app, const std::string& name, std::string& into,
                    const std::string& help) {
    single(app, name, into, help);
}

void declare_global_options(CLI::App& app, GlobalOptions& options) {
    static const std::map<std::string, Format> formats{{"text", Format::text},
                                                       {"json", Format::json},
                                                       {"yaml", Format::yaml},
                                                       {"ldif", Format::ldif}};
    static const std::map<std::string, ColorWhen> colors{
        {"auto", ColorWhen::automatic}, {"always", ColorWhen::always}, {"never", ColorWhen::never}};
    single(app, "-c,--config", options.config,
           "FILE: settings; default $SCPD_CONFIG, else /etc/scpd/scpd.yaml");
    app.add_option("-o,--output", options.format, "text | json | yaml | ldif")
        ->transform(CLI::Transformer(formats).description(""))
        ->type_name("");
    app.add_option("--color", options.color, "auto | always | never")
        ->transform(CLI::Transformer(colors).description(""))
        ->type_name("");
    app.add_flag("-q,--quiet", options.quiet, "no remarks on stderr, errors only");
    app.add_flag("-v,--verbose", options.verbosity, "say more; repeatable");
    single(app, "--history", options.history, "DIR: where the pre-images of writes are kept");
    app.add_flag("--partial", options.partial,
                 "do not fail because a domain was read incompletely");

    const std::string group = "Connection (in place of settings, or over them)";
    repeatable(app, "--server", options.servers,
               "URI: ldaps://DC; the first says what the forest is; repeatable");
    single(app, "--ca-file", options.ca_file, "FILE: CAs to believe");
    app.add_flag("--starttls", options.starttls, "TLS on ldap:// servers");
    single(app, "--bind-dn", options.bind_dn, "DN: log in with a password");
    single(app, "--password-file", options.password_file, "FILE: its first line is the password");
    single(app, "--mech", options.mechanism, "gssapi | gss-spnego | external");
    for (const char* name :
         {"--server", "--ca-file", "--starttls", "--bind-dn", "--password-file", "--mech"})
        app.get_option(name)->group(group);
}

void declare_rule_options(CLI::App& app, RuleOptions& options) {
    repeatable(app, "--rule", options.names, "R: only this rule of the settings; repeatable");
    const std::string group = "A one-off rule, in place of those of the settings";
    repeatable(app, "--keyword", options.keywords,
               "K: SCPs with this keyword; repeatable, all must be present");
    repeatable(app, "--account", options.accounts,
               "A: an agent's account (CORP\\svc, svc@corp.test, DN, SID); repeatable");
    repeatable(app, "--to", options.to, "DOMAIN: a target in addition; repeatable");
    single(app, "--container", options.container,
           "RDN: where copies go, relative to the domain; CN=scpd,CN=System. configuration:RDN: in "
           "the Configuration NC");
    app.add_flag("--create-containers", options.create_containers, "create missing containers");
    single(app, "--mode", options.mode, "observe | create-only | upsert | sync");
    repeatable(
        app, "--trust-container", options.trust_containers,
        "RDN: where sources are believed; CN=System, or configuration:CN=Services; repeatable");
    for (const char* name : {"--keyword", "--account", "--to", "--container", "--create-containers",
                             "--mode", "--trust-container"})
        app.get_option(name)->group(group);
}

} // namespace scp
