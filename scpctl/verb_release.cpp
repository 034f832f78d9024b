#include "scpctl/named_object.hpp"
#include "scpctl/verbs.hpp"
#include "scpctl/writing.hpp"

#include <CLI/CLI.hpp>

namespace scp {

namespace {

struct ReleaseOptions {
    std::string name;
    bool force = false;
};

constexpr const char* released_remark =
    "scpctl: it carries no marker now, so to a rule that matches it, it is a source, or native "
    "where it lies in a target domain";

Result<Exit> run_release(Context& context, const ReleaseOptions& options) {
    const auto settings = context.settings();
    if (!settings)
        return fail(settings.error());
    if (auto ok = check_named_object(options.name); !ok)
        return fail(ok.error());
    const auto topology = context.topology();
    if (!topology)
        return fail(topology.error());
    const auto object = find_named_object(context, **topology, options.name);
    if (!object)
        return fail(object.error());
    Observation observation;
    observation.domains = {object->view};
    HandWrite write;
    write.add(releasing(object->found.scp,
                        {**settings, (*settings)->rules, **topology, observation}, options.force));
    return finish_by_hand(context, **topology, write, false,
                          write.changes.empty() ? "" : released_remark);
}

RunVerb declare_release(CLI::App& app) {
    auto options = std::make_shared<ReleaseOptions>();
    app.add_option("DN", options->name, "DN or GUID")->required()->type_name("");
    app.add_flag("--force", options->force,
                 "also from what is suspect, or another instance's: whoever wrote the marker");
    return [options](Context& context) { return run_release(context, *options); };
}

} // namespace

Verb release_verb() {
    return {.name = "release",
            .summary = "takes the marker off a copy: it is nobody's then",
            .description =
                "Takes the marker off a copy of ours; its content, and other values of the "
                "marker's attribute, stay. To rules it is\nthen native where it lies in a target "
                "domain, and a source elsewhere. scpctl adopt puts a marker on again.",
            .exit_status = "0  released, or it carries no marker\n1  it is not there\n3  refused: "
                           "not a copy of ours, or changed meanwhile\n5  the write failed",
            .examples = "scpctl release 'CN=x,CN=scpd,CN=System,DC=corp,DC=test'",
            .schema = "scpd.write/1",
            .declare = declare_release};
}

} // namespace scp
