#include "base/text.hpp"
#include "scpctl/named_object.hpp"
#include "scpctl/verbs.hpp"
#include "scpctl/writing.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace scp {

namespace {

struct DeleteOptions {
    std::vector<std::string> names;
    bool force = false;
};

/// What the next cycle makes of it, where it makes anything.
std::string created_again(const Change& change, const Settings& settings) {
    const auto rule = std::ranges::find_if(
        settings.rules, [&](const Rule& one) { return equal_ascii_nocase(one.name, change.rule); });
    if (rule == settings.rules.end() || rule->mode == Mode::observe)
        return {};
    return fmt::format("scpctl: where its source still asks for it, rule {} creates {} again",
                       rule->name, printable(change.dn.text()));
}

Result<Exit> run_delete(Context& context, const DeleteOptions& options) {
    const auto settings = context.settings();
    if (!settings)
        return fail(settings.error());
    for (const std::string& name : options.names)
        if (auto ok = check_named_object(name); !ok)
            return fail(ok.error());
    const auto topology = context.topology();
    if (!topology)
        return fail(topology.error());
    HandWrite write;
    std::set<Guid> seen;
    std::string remark;
    for (const std::string& name : options.names) {
        auto object = find_named_object(context, **topology, name);
        if (!object) {
            if (object.error().kind == ErrorKind::interrupted)
                return fail(object.error());
            write.errors.push_back(object.error());
            continue;
        }
        if (!seen.insert(object->found.scp.guid).second)
            continue;
        Observation observation;
        observation.domains = {object->view};
        HandVerdict verdict =
            deletion(object->found.scp,
                     {**settings, (*settings)->rules, **topology, observation, now_to_the_second()},
                     options.force);
        if (verdict.change && remark.empty())
            remark = created_again(*verdict.change, **settings);
        write.add(std::move(verdict));
    }
    return finish_by_hand(context, **topology, write, false, remark);
}

RunVerb declare_delete(CLI::App& app) {
    auto options = std::make_shared<DeleteOptions>();
    app.add_option("DN", options->names, "DNs or GUIDs")->required()->type_name("");
    app.add_flag("--force", options->force, "also what is not a copy of ours");
    return [options](Context& context) { return run_delete(context, *options); };
}

} // namespace

Verb delete_verb() {
    return {.name = "delete",
            .summary = "copies of ours, by hand",
            .description =
                "Deletes serviceConnectionPoints, each named by DN or GUID: copies of ours, and "
                "with --force any other. The\nmarker is swapped first, so that what somebody "
                "changes meanwhile is not deleted; all that was there is in the\nhistory, and "
                "scpctl undo creates it again. A copy that its rule still wants comes back with "
                "the next cycle:\nchange the rule first.",
            .exit_status = "0  deleted\n1  one of them is not there\n3  refused: not a copy of "
                           "ours, or changed meanwhile\n5  a delete failed\nEach is dealt with "
                           "by itself: what can be deleted, is.",
            .examples = "scpctl delete 'CN=x,CN=scpd,CN=System,DC=corp,DC=test'\n"
                        "scpctl delete --force 90e49231-3838-4e5e-b2e4-8813fbf59a11",
            .schema = "scpd.write/1",
            .declare = declare_delete};
}

} // namespace scp
