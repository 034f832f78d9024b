#include "base/text.hpp"
#include "report/text.hpp"
#include "scpctl/context.hpp"
#include "scpctl/planning.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace scp {

namespace {

struct TopologyOptions {
    std::string format;
};

Result<Exit> run_topology(Context& context, const TopologyOptions& options) {
    if (!options.format.empty() && options.format != "dot" && options.format != "text")
        return fail(ErrorKind::usage,
                    fmt::format("--format {}: there is no such format", printable(options.format)),
                    "text or dot");
    const auto known = context.topology();
    if (!known)
        return fail(known.error());
    Topology topology = **known;
    context.progress().stage("trying the servers");
    (*context.sessions())->probe(topology);
    context.progress().clear();

    std::optional<Error> lost;
    for (const Forest& forest : topology.forests)
        if (forest.error && !lost)
            lost = Error{forest.error->kind,
                         fmt::format("forest {}: {}", forest.name, forest.error->message),
                         forest.error->hint, forest.error->ldap_code};
    Output& out = context.out();
    if (out.structured()) {
        Json document = topology_document(topology);
        if (lost)
            document["error"] = error_json(*lost);
        out.document(document);
    } else {
        out.text(options.format == "dot" ? topology_dot(topology)
                                         : topology_text(topology, out.style()));
    }
    return exit_of_read(context, lost, Exit::ok);
}

RunVerb declare_topology(CLI::App& app) {
    auto options = std::make_shared<TopologyOptions>();
    declare_single(app, "--format", options->format, "text | dot: for people, or for Graphviz");
    return [options](Context& context) { return run_topology(context, *options); };
}

} // namespace

Verb topology_verb() {
    return {.name = "topology",
            .summary = "forests, domains, their servers, PDC emulators, global catalogs, trusts",
            .description =
                "Shows the forests as scpd sees them: every domain, the servers that it knows of, "
                "which of them answer,\nthe PDC emulator (creates and deletes go there), global "
                "catalogs and trusts.",
            .exit_status = "0  shown; servers that do not answer say so\n"
                           "   (4 only where nothing of a forest could be read)",
            .examples = "scpctl topology\nscpctl topology --server ldaps://dc1.corp.test --mech "
                        "gssapi\nscpctl topology --format dot | dot -Tsvg > forest.svg",
            .schema = "scpd.topology/1",
            .ldif = false,
            .declare = declare_topology};
}

} // namespace scp
