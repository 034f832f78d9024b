#include "base/text.hpp"
#include "observe/observe.hpp"
#include "report/text.hpp"
#include "scpctl/named_object.hpp"
#include "scpctl/needed.hpp"
#include "scpctl/verbs.hpp"
#include "scpctl/writing.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

struct AdoptOptions {
    std::string name;
    std::string rule;
    std::string from;
    std::string from_instance;
};

/// As the cycle would read it: the version that goes into the marker depends on the rules read for.
const Scp* find_scp(const Observation& observation, const Guid& guid) {
    for (const DomainView& view : observation.domains)
        for (const Scp& scp : view.scps)
            if (scp.guid == guid)
                return &scp;
    return nullptr;
}

/// Shown before the next cycle does it.
std::string remark_on(const Scp& object, const Scp* source, const Rule& rule, Context& context) {
    const auto repair =
        source == nullptr ? std::nullopt : repair_after_adoption(object, *source, rule);
    if (!repair)
        return {};
    const bool will = rule.mode == Mode::upsert || rule.mode == Mode::sync;
    return fmt::format("scpctl: it differs from its source. {}:\n{}",
                       will ? "The next cycle brings it into line"
                            : "The rule's mode leaves it so; upsert would bring it into line",
                       change_text(*repair, {}, context.out().style_for_errors()));
}

/// What is not seen may be a source too, one that disagrees.
std::optional<Error> unread(const Domain& domain, const PlanInput& input) {
    if (const DomainView* view = input.observation.find(domain.forest, domain.name);
        view != nullptr && view->incomplete)
        return view->incomplete;
    return needed_but_incomplete(input);
}

Result<Exit> run_adopt(Context& context, const AdoptOptions& options) {
    RuleOptions wanted;
    wanted.names = {options.rule};
    const auto rules = context.select_rules(wanted);
    if (!rules)
        return fail(rules.error());
    if (auto ok = check_named_object(options.name); !ok)
        return fail(ok.error());
    const auto discovered = context.topology();
    if (!discovered)
        return fail(discovered.error());
    const Topology& topology = **discovered;
    const auto object = find_named_object(context, topology, options.name);
    if (!object)
        return fail(object.error());
    const Scp& scp = object->found.scp;
    std::optional<FoundScp> from;
    if (!options.from.empty()) {
        auto found = find_source(context, topology, options.from);
        if (!found)
            return fail(found.error());
        from = std::move(*found);
    }
    Sessions& sessions = **context.sessions();
    context.progress().stage("reading the domains");
    const Observation observation = observe(topology, sessions, *rules);
    context.progress().clear();
    const PlanInput input{sessions.settings(), *rules, topology, observation};
    const Rule& rule = rules->front();
    // Nothing is adopted on the strength of what was not seen, not even with --partial.
    if (const auto missing = unread(*topology.find(scp.forest, scp.domain), input))
        return fail(*missing);

    AdoptWish wish;
    wish.from_instance = options.from_instance;
    if (from) {
        const Scp* seen = find_scp(observation, from->scp.guid);
        wish.from = seen != nullptr ? seen : &from->scp;
    }
    HandWrite write;
    write.add(adoption(scp, rule, wish, input));
    std::string remark;
    if (!write.changes.empty()) {
        const Guid& source = write.changes.front().source->guid;
        remark = remark_on(scp, wish.from != nullptr ? wish.from : find_scp(observation, source),
                           rule, context);
    }
    return finish_by_hand(context, topology, write, false, remark);
}

RunVerb declare_adopt(CLI::App& app) {
    auto options = std::make_shared<AdoptOptions>();
    app.add_option("DN", options->name, "DN or GUID")->required()->type_name("");
    declare_single(app, "--rule", options->rule, "R: the rule that it is to be a copy of");
    app.get_option("--rule")->required();
    declare_single(app, "--from", options->from,
                   "DN|GUID: its source; else found by name and keywords");
    declare_single(app, "--from-instance", options->from_instance,
                   "I: it is a copy of this instance, which does not run any more");
    return [options](Context& context) { return run_adopt(context, *options); };
}

} // namespace

Verb adopt_verb() {
    return {.name = "adopt",
            .summary = "makes an SCP that is there a copy of ours",
            .description =
                "Puts our marker on an SCP that lies where the rule's copies go: one made by "
                "hand, or with --from-instance a copy\nof another instance. Its source is found "
                "by name and keywords, or named with --from; the rule must trust it. Only\nthe "
                "marker is written. Content that differs from the source is shown and stays until "
                "the next cycle, which brings\nit into line as the rule's mode lets it: look at "
                "scpctl diff before you adopt, and at scpctl plan after it.",
            .exit_status = "0  adopted, or it is ours already\n1  it is not there\n3  refused: "
                           "the source, the place, the owner or the marker forbids it\n5  the "
                           "write failed",
            .examples = "scpctl adopt 'CN=x,CN=scpd,CN=System,DC=corp,DC=test' --rule mage\n"
                        "scpctl adopt 'CN=x,CN=scpd,CN=System,DC=corp,DC=test' --rule mage "
                        "--from-instance old",
            .schema = "scpd.write/1",
            .declare = declare_adopt};
}

} // namespace scp
