#include "base/text.hpp"
#include "scpctl/agent_log.hpp"
#include "scpctl/context.hpp"
#include "scpctl/explain_gather.hpp"
#include "scpctl/explain_output.hpp"
#include "scpctl/explain_questions.hpp"
#include "scpctl/log_stream.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

/// A log is a stranger's text: that many searches at most are made on its behalf.
constexpr std::size_t most_filters = 100;

struct ExplainOptions {
    RuleOptions rules;
    std::string filter;
    std::string log;
    std::string agent_bind_dn;
    std::string agent_password_file;
    std::string agent_ccache;
};

Result<void> check_options(const ExplainOptions& options) {
    const RuleOptions& rules = options.rules;
    const int asked = static_cast<int>(!rules.names.empty()) +
                      static_cast<int>(!rules.keywords.empty()) +
                      static_cast<int>(!options.filter.empty());
    if (!options.log.empty() && (!options.filter.empty() || !rules.keywords.empty())) {
        return fail(ErrorKind::usage,
                    "--log brings its own filters: --filter and --keyword do not go with it",
                    "scpctl explain --log FILE --account 'DOMAIN\\name'");
    }
    if (options.log.empty() && asked != 1) {
        return fail(ErrorKind::usage,
                    asked == 0 ? "what the agent asks is missing"
                               : "--rule, --filter and --keyword exclude each other",
                    "--rule R, --filter '(&(objectClass=serviceConnectionPoint)(keywords=…))', "
                    "--keyword K for each "
                    "keyword, or --log FILE");
    }
    if (options.log.empty() && rules.names.empty() && rules.accounts.empty() && rules.to.empty()) {
        return fail(ErrorKind::usage,
                    "--account is missing: an agent looks in its account's domain",
                    "--account 'DOMAIN\\name', name@domain, a DN or a SID");
    }
    if (options.agent_bind_dn.empty() != options.agent_password_file.empty()) {
        return fail(ErrorKind::usage, "--agent-bind-dn and --agent-password-file go together",
                    "or --agent-ccache CACHE, with a ticket of the agent's account");
    }
    if (!options.agent_ccache.empty() && !options.agent_bind_dn.empty()) {
        return fail(ErrorKind::usage, "--agent-ccache and --agent-bind-dn exclude each other",
                    "use either");
    }
    return {};
}

/// nullopt where no flag says how a copy is to be made.
Result<std::optional<CopyWish>> copy_wish(const RuleOptions& given) {
    CopyWish wish;
    const auto add = [&](const char* flag, const std::string& value) {
        wish.flags.insert(wish.flags.end(), {flag, value});
    };
    if (!given.container.empty()) {
        add("--container", given.container);
    }
    if (given.create_containers) {
        wish.flags.emplace_back("--create-containers");
    }
    if (!given.mode.empty()) {
        add("--mode", given.mode);
    }
    for (const std::string& place : given.trust_containers) {
        add("--trust-container", place);
    }
    if (wish.flags.empty()) {
        return std::optional<CopyWish>();
    }
    if (!given.names.empty()) {
        return fail(ErrorKind::usage,
                    fmt::format("--rule takes a rule of the settings, {} is for one without them",
                                wish.flags.front()),
                    "use either");
    }
    RuleOptions options = given;
    options.accounts.clear(); // these say who asks
    options.to.clear();
    if (options.keywords.empty()) {
        options.keywords = {"those of the filter"};
    }
    auto rule = one_off_rule(options);
    if (!rule) {
        return fail(rule.error());
    }
    wish.rule = std::move(*rule);
    return wish;
}

std::optional<AuthSettings> agent_auth(const ExplainOptions& options) {
    AuthSettings auth;
    if (!options.agent_ccache.empty()) {
        auth.mechanism = AuthSettings::Mechanism::gssapi;
        auth.ccache = options.agent_ccache;
        return auth;
    }
    if (options.agent_bind_dn.empty()) {
        return std::nullopt;
    }
    auth.mechanism = AuthSettings::Mechanism::simple;
    auth.bind_dn = options.agent_bind_dn;
    auth.password_file = options.agent_password_file;
    return auth;
}

/// The flags by which this call found its directory, for the commands of the cure.
std::vector<std::string> connection_flags(const GlobalOptions& options) {
    std::vector<std::string> out;
    const auto add = [&](const char* flag, const std::string& value) {
        if (!value.empty()) {
            out.insert(out.end(), {flag, value});
        }
    };
    add("-c", options.config);
    for (const auto& server : options.servers) {
        add("--server", server);
    }
    add("--ca-file", options.ca_file);
    if (options.starttls) {
        out.emplace_back("--starttls");
    }
    add("--bind-dn", options.bind_dn);
    add("--password-file", options.password_file);
    add("--mech", options.mechanism);
    return out;
}

Result<Filter> filter_from(const ExplainOptions& options) {
    if (!options.filter.empty()) {
        auto filter = parse_filter(options.filter);
        if (!filter) {
            return fail(ErrorKind::usage, "--filter: " + filter.error().message,
                        filter.error().hint);
        }
        return filter;
    }
    Rule rule;
    for (const std::string& keyword : options.rules.keywords) {
        if (auto ok = check_argument("--keyword", keyword); !ok) {
            return fail(ok.error());
        }
        rule.keywords.push_back(keyword);
    }
    return filter_of_rule(rule);
}

Result<AgentLog> read_log(Context& context, const std::string& file) {
    context.progress().stage("reading the log");
    auto stream = open_log(file, context.stop());
    if (!stream) {
        return fail(stream.error());
    }
    auto log = read_agent_log(**stream, {}, context.stop());
    context.progress().clear();
    if (log && (log->interrupted || context.stop().stop_requested())) {
        return fail(ErrorKind::interrupted, "interrupted while the log was read");
    }
    return log;
}

Exit print_results(Context& context, const std::vector<ExplainResult>& results,
                   const std::optional<AgentLog>& log, std::size_t explained) {
    context.progress().clear();
    if (log) {
        for (const std::string& remark : log_remarks(*log, explained)) {
            context.out().note(remark);
        }
        if (log->filters.empty()) {
            context.out().note(fmt::format(
                "no agent's search that found nothing (\"Not found: (…)\") is in the {} "
                "lines of the log",
                log->lines));
        }
    }
    const auto unknown = std::ranges::find_if(
        results, [](const ExplainResult& result) { return result.error.has_value(); });
    if (context.out().structured()) {
        Json document = explain_document(results);
        if (log) {
            document["log"] = log_json(*log, explained);
        }
        if (unknown != results.end()) {
            document["error"] = error_json(*unknown->error);
        }
        context.out().document(document);
    } else {
        context.out().text(explain_text(results, context.out().style()));
    }
    return explain_exit(results, context.options().partial);
}

Result<Exit> run_explain(Context& context, const ExplainOptions& options) {
    if (auto ok = check_options(options); !ok) {
        return fail(ok.error());
    }
    auto wish = copy_wish(options.rules);
    if (!wish) {
        return fail(wish.error());
    }
    std::optional<AgentLog> log;
    if (!options.log.empty()) {
        auto read = read_log(context, options.log);
        if (!read) {
            return fail(read.error());
        }
        log = std::move(*read);
        if (log->filters.empty()) {
            return print_results(context, {}, log, 0); // no directory is needed to say so
        }
    }
    RuleOptions names;
    names.names = options.rules.names;
    const auto rules = context.select_rules(names);
    if (!rules) {
        return fail(rules.error());
    }
    std::optional<Filter> filter;
    if (!log && options.rules.names.empty()) {
        auto given = filter_from(options);
        if (!given) {
            return fail(given.error());
        }
        filter = std::move(*given);
    }
    const auto topology = context.topology();
    if (!topology) {
        return fail(topology.error());
    }
    const auto sessions = context.sessions();
    if (!sessions) {
        return fail(sessions.error());
    }
    ExplainInput input;
    Askers askers(**topology, **sessions);
    if (auto ok = askers.name(options.rules.accounts); !ok) {
        return fail(ok.error());
    }
    std::vector<AskedFilter> from_log;
    Result<void> asked;
    context.progress().stage("looking the accounts up");
    if (log) {
        from_log.assign(log->filters.begin(),
                        log->filters.begin() + static_cast<std::ptrdiff_t>(
                                                   std::min(log->filters.size(), most_filters)));
        bool everywhere = false;
        for (const AskedFilter& one : from_log) {
            everywhere = askers.ask_from_log(*rules, one, input.questions) || everywhere;
        }
        if (everywhere) {
            context.out().note(
                "a log does not say whose agent wrote it, so every domain was looked at; name the "
                "account: --account 'DOMAIN\\name'");
        }
    } else if (filter) {
        askers.ask({}, *filter, input.questions);
        asked = askers.ask_in(options.rules.to, *filter, input.questions);
    } else {
        for (const Rule& rule : *rules) {
            askers.ask(rule.accounts, filter_of_rule(rule), input.questions);
            asked = askers.ask_in(options.rules.to, filter_of_rule(rule), input.questions);
        }
    }
    if (!asked) {
        return fail(asked.error());
    }
    input.agent = agent_auth(options);
    input.wish = std::move(*wish);
    input.connection = connection_flags(context.options());
    input.log_file = options.log;
    input.progress = [&](const std::string& what) { context.progress().stage(what); };
    std::vector<ExplainResult> results;
    for (const ExplainFacts& facts : gather_facts(**topology, **sessions, input)) {
        results.push_back(diagnose(facts));
    }
    if (context.stop().stop_requested()) {
        return fail(ErrorKind::interrupted, "interrupted");
    }
    return print_results(context, results, log, from_log.size());
}

RunVerb declare_explain(CLI::App& app) {
    auto options = std::make_shared<ExplainOptions>();
    declare_rule_options(app, options->rules);
    const auto single = [&](const char* name, std::string& into, const char* help) {
        declare_single(app, name, into, help);
    };
    single("--filter", options->filter, "F: what the agent asks, as its log has it");
    single("--log", options->log,
           "FILE: an agent's log; each filter that found nothing is explained; - is stdin");
    single("--agent-bind-dn", options->agent_bind_dn,
           "DN: look as the agent's account, with its password");
    single("--agent-password-file", options->agent_password_file,
           "FILE: its first line is that password");
    single("--agent-ccache", options->agent_ccache,
           "CACHE: look as the agent's account, with its Kerberos tickets");
    return [options](Context& context) { return run_explain(context, *options); };
}

} // namespace

Verb explain_verb() {
    return {
        .name = "explain",
        .summary = "looks as an agent looks: what it finds, why not, and the cure",
        .description =
            "Makes the agent's search where the agent makes it: in the domain of its account, and "
            "nowhere else. "
            "Says what\nit finds, what comes near in every other domain, why the agent does not "
            "see it, and the "
            "commands that cure it.\nWrites nothing.\n\nWith --log, reads an agent's log (of any "
            "size, UTF-8 or "
            "UTF-16) and explains each filter in it that found\nnothing. Without --account, the "
            "accounts of the "
            "rules whose keywords the filter has are taken, else every\ndomain is looked at. Times "
            "of a log "
            "without a zone are the agent's clock's; in JSON they stand as if they were\nUTC, with "
            "\"zone_known\": false.",
        .exit_status = "0  each search finds exactly one SCP, or the log has none that failed\n"
                       "1  one finds none\n6  one finds more than one",
        .examples = "scpctl explain --account 'CORP\\svc-mage' --rule mage\n"
                    "scpctl explain --log agent.log --account 'CORP\\svc-mage'\n"
                    "scpctl explain --server ldaps://dc1.corp.test --account svc-mage@corp.test "
                    "--keyword QmmEx",
        .schema = "scpd.explain/1",
        .declare = declare_explain};
}

} // namespace scp
