#include "base/text.hpp"
#include "observe/observe.hpp"
#include "scpctl/agent_log.hpp"
#include "scpctl/context.hpp"
#include "scpctl/explain_gather.hpp"
#include "scpctl/explain_output.hpp"
#include "scpctl/log_stream.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>

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

/// Who asks: turns filters into questions. Each account is resolved once.
class Askers {
  public:
    Askers(const Topology& topology, Sessions& sessions)
        : topology_(topology), sessions_(sessions) {}

    Result<void> name(const std::vector<std::string>& accounts) {
        for (const std::string& text : accounts) {
            if (auto ok = check_argument("--account", text); !ok) {
                return ok;
            }
            auto query = parse_account(text);
            if (!query) {
                return fail(ErrorKind::usage,
                            fmt::format("--account {}: {}", printable(text), query.error().message),
                            query.error().hint);
            }
            named_.push_back(std::move(*query));
        }
        return {};
    }

    [[nodiscard]] bool named() const { return !named_.empty(); }

    void ask(const std::vector<AccountQuery>& accounts, const Filter& filter,
             std::vector<ExplainQuestion>& questions) {
        for (const AccountQuery& query : named() ? named_ : accounts) {
            auto known = resolved_.find({query.forest, query.text});
            if (known == resolved_.end()) {
                known = resolved_
                            .emplace(std::pair{query.forest, query.text},
                                     resolve_account(topology_, sessions_, query))
                            .first;
            }
            std::ranges::move(questions_for(topology_, known->second, filter),
                              std::back_inserter(questions));
        }
    }

    /// --to DOMAIN: as an agent that lives there.
    Result<void> ask_in(const std::vector<std::string>& domains, const Filter& filter,
                        std::vector<ExplainQuestion>& questions) {
        for (const std::string& name : domains) {
            const std::size_t before = questions.size();
            for (ExplainQuestion& question : questions_everywhere(topology_, filter)) {
                if (question.domain == DomainName(name)) {
                    questions.push_back(std::move(question));
                }
            }
            if (questions.size() == before) {
                return fail(
                    ErrorKind::usage,
                    fmt::format("--to {}: no domain of the forests has that name", printable(name)),
                    "scpctl topology lists them");
            }
        }
        return {};
    }

  private:
    const Topology& topology_;
    Sessions& sessions_;
    std::vector<AccountQuery> named_;
    std::map<std::pair<std::string, std::string>, ResolvedAccount> resolved_;
};

/// All keywords of the rule are among those that the filter asks for.
bool rule_fits(const Rule& rule, const Filter& filter) {
    Values asked = keywords_of(filter);
    std::ranges::transform(asked, asked.begin(),
                           [](const std::string& word) { return fold_case(word); });
    return std::ranges::all_of(rule.keywords, [&](const std::string& keyword) {
        return std::ranges::find(asked, fold_case(keyword)) != asked.end();
    });
}

Result<void> ask_from_log(Context& context, const std::vector<Rule>& rules,
                          const Topology& topology, Askers& askers,
                          const std::vector<AskedFilter>& filters,
                          std::vector<ExplainQuestion>& questions) {
    bool everywhere = false;
    for (const AskedFilter& asked : filters) {
        const std::size_t before = questions.size();
        std::vector<AccountQuery> accounts;
        for (const Rule& rule : rules) {
            if (rule_fits(rule, asked.filter)) {
                accounts.insert(accounts.end(), rule.accounts.begin(), rule.accounts.end());
            }
        }
        askers.ask(accounts, asked.filter, questions);
        if (questions.size() == before) {
            everywhere = true;
            std::ranges::move(questions_everywhere(topology, asked.filter),
                              std::back_inserter(questions));
        }
        for (std::size_t i = before; i < questions.size(); ++i) {
            questions[i].log = asked;
        }
    }
    if (everywhere) {
        context.out().note(
            "a log does not say whose agent wrote it, so every domain was looked at; name the "
            "account: --account 'DOMAIN\\name'");
    }
    return {};
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
        asked = ask_from_log(context, *rules, **topology, askers, from_log, input.questions);
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
        app.add_option(name, into, help)->type_name("");
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
