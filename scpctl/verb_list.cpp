#include "base/text.hpp"
#include "observe/observe.hpp"
#include "plan/roles.hpp"
#include "report/ldif.hpp"
#include "report/text.hpp"
#include "scpctl/listing.hpp"
#include "scpctl/lookup.hpp"
#include "scpctl/needed.hpp"
#include "scpctl/planning.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

struct ListOptions {
    RuleOptions rules;
    std::string domain;
    bool all = false;
};

/// What a list is made of.
struct Listing {
    std::vector<Rule> rules;           ///< that roles are told for
    std::vector<std::string> keywords; ///< only SCPs that have them all
};

/// --keyword is a filter where there are rules to tell roles for, and else makes a one-off rule.
Result<Listing> what_to_list(Context& context, const ListOptions& options) {
    RuleOptions asked = options.rules;
    Listing listing;
    const auto settings = context.settings();
    if (!settings)
        return fail(settings.error());
    const bool only_keywords = asked.accounts.empty() && asked.to.empty() &&
                               asked.container.empty() && asked.mode.empty() &&
                               asked.trust_containers.empty() && !asked.create_containers;
    if (only_keywords && (!(*settings)->rules.empty() || !asked.names.empty())) {
        if (!asked.keywords.empty())
            if (const auto valid = one_off_rule(asked); !valid)
                return fail(valid.error());
        listing.keywords = asked.keywords;
        asked.keywords.clear();
    }
    auto rules = context.select_rules(asked);
    if (!rules)
        return fail(rules.error());
    listing.rules = std::move(*rules);
    return listing;
}

bool has_keywords(const Scp& scp, const std::vector<std::string>& keywords) {
    return std::ranges::all_of(keywords, [&](const std::string& keyword) {
        return std::ranges::any_of(
            values_of(scp.attributes, "keywords"),
            [&](const std::string& value) { return equal_folded(value, keyword); });
    });
}

/// The domains that must have been read for the list to be whole.
std::optional<Error> missing_of(const PlanInput& input, const Domain* only) {
    std::set<DomainRef> needed = needed_domains(input);
    if (input.rules.empty() || needed.empty())
        for (const DomainView& view : input.observation.domains)
            needed.insert(ref(view));
    if (only != nullptr)
        needed = {{only->forest, only->name}};
    else if (auto lost = needed_but_incomplete(input))
        return lost;
    return incomplete_among(needed, input.observation);
}

Result<Exit> run_list(Context& context, const ListOptions& options) {
    auto listing = what_to_list(context, options);
    if (!listing)
        return fail(listing.error());
    const auto topology = context.topology();
    if (!topology)
        return fail(topology.error());
    const Domain* only = nullptr;
    if (!options.domain.empty()) {
        const auto found = find_domain(**topology, options.domain);
        if (!found)
            return fail(found.error());
        only = *found;
    }
    Sessions& sessions = **context.sessions();
    if (only != nullptr && only->name.is_configuration() &&
        !any_uses_configuration(listing->rules) &&
        !any_uses_configuration(sessions.settings().rules))
        return fail(ErrorKind::usage,
                    "no rule reads or writes the Configuration NC, so nothing of it is listed",
                    "list --keyword K --trust-container configuration:CN=Services");
    trust_everywhere_without_target(listing->rules, **topology);
    context.progress().stage("reading the domains");
    std::vector<Rule> asked = listing->rules;
    if (!listing->keywords.empty())
        asked.push_back(rule_for_keywords(listing->keywords));
    Observation observation = observe(**topology, sessions, asked);
    if (options.all || asked.empty())
        add_all_scps(observation, find_scps(**topology, sessions, present("objectClass")));
    context.progress().clear();

    const PlanInput input{sessions.settings(), listing->rules, **topology, observation};
    std::vector<ListedScp> scps = listed_scps(input);
    std::erase_if(scps, [&](const ListedScp& one) {
        return !has_keywords(one.scp, listing->keywords) ||
               (only != nullptr &&
                !(one.scp.forest == only->forest && one.scp.domain == only->name));
    });
    const auto missing = missing_of(input, only);
    Output& out = context.out();
    if (out.structured()) {
        Json document = list_document(scps);
        document["complete"] = !missing;
        if (missing)
            document["error"] = error_json(*missing);
        out.document(document);
    } else {
        out.text(out.format() == Format::ldif ? content_ldif(scps) : list_text(scps, out.style()));
    }
    return exit_of_read(context, missing, Exit::ok);
}

RunVerb declare_list(CLI::App& app) {
    auto options = std::make_shared<ListOptions>();
    declare_rule_options(app, options->rules);
    declare_single(app, "--domain", options->domain, "D: only SCPs of this domain");
    app.add_flag("--all", options->all, "also SCPs that have nothing to do with a rule");
    return [options](Context& context) { return run_list(context, *options); };
}

} // namespace

Verb list_verb() {
    return {
        .name = "list",
        .summary = "SCPs and what they are to the rules: source, copy, native, foreign, …",
        .description =
            "Lists the SCPs that the rules match and all that carry a marker, with their role for "
            "each rule: source, copy,\nnative, foreign, suspect, untrusted, unrelated. With "
            "--keyword only those that have it. Without any rule: all SCPs.",
        .exit_status = "0  listed",
        .examples = "scpctl list\nscpctl list --rule mage --domain emea.corp.test\n"
                    "scpctl list --server ldaps://dc1.corp.test --keyword QmmEx",
        .schema = "scpd.list/1",
        .ldif = true,
        .declare = declare_list};
}

} // namespace scp
