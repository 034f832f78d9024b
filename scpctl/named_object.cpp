#include "scpctl/named_object.hpp"

#include "base/text.hpp"
#include "observe/read_domain.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

/// A DN that lies in no domain we know of may be one of a forest that was not read.
std::optional<Error> lost_forest(const Topology& topology) {
    for (const Forest& forest : topology.forests)
        if (forest.error)
            return forest.error;
    return std::nullopt;
}

} // namespace

Result<ScpName> check_named_object(const std::string& text) {
    auto name = parse_scp_name("DN", text);
    if (name && name->kind == ScpName::Kind::name)
        return fail(ErrorKind::usage,
                    fmt::format("{}: this is neither a DN nor a GUID", printable(text)),
                    "scpctl list shows the DNs");
    return name;
}

Result<NamedObject> find_named_object(Context& context, const Topology& topology,
                                      const std::string& text) {
    const auto name = parse_scp_name("DN", text);
    if (!name)
        return fail(name.error());
    if (name->kind == ScpName::Kind::name)
        return fail(ErrorKind::usage,
                    fmt::format("{}: this is neither a DN nor a GUID", printable(text)),
                    "scpctl list shows the DNs");
    Sessions& sessions = **context.sessions();
    context.progress().stage("looking for the object");
    Lookup lookup = find_scps(topology, sessions, *name);
    context.progress().clear();
    if (context.stop().stop_requested())
        return fail(ErrorKind::interrupted, "interrupted");
    if (name->kind == ScpName::Kind::guid) // a cn may look like a GUID
        std::erase_if(lookup.found,
                      [&](const FoundScp& one) { return one.scp.guid != name->guid; });
    if (lookup.found.empty()) {
        if (const auto missing = first_incomplete(lookup))
            return fail(*missing);
        if (const auto lost = lost_forest(topology))
            return fail(*lost);
        return fail(ErrorKind::not_found,
                    fmt::format("there is no serviceConnectionPoint {}", printable(text)),
                    "scpctl list --all shows all that there are");
    }
    if (lookup.found.size() > 1)
        return fail(ErrorKind::usage,
                    fmt::format("{} SCPs are called {}", lookup.found.size(), printable(text)),
                    "use settings with only one of their forests");
    NamedObject object{std::move(lookup.found.front()), {}};
    const Domain* domain = topology.find(object.found.scp.forest, object.found.scp.domain);
    if (domain == nullptr)
        return fail(ErrorKind::internal, "the object lies in no domain");
    context.progress().stage("looking at its domain");
    object.view = read_domain(topology, *domain, sessions, {});
    context.progress().clear();
    return object;
}

Result<FoundScp> find_source(Context& context, const Topology& topology, const std::string& from) {
    const auto name = parse_scp_name("--from", from);
    if (!name)
        return fail(name.error());
    context.progress().stage("looking for the source");
    const Lookup lookup = find_scps(topology, **context.sessions(), *name);
    context.progress().clear();
    if (context.stop().stop_requested())
        return fail(ErrorKind::interrupted, "interrupted");
    if (lookup.found.size() == 1)
        return lookup.found.front();
    if (lookup.found.size() > 1)
        return fail(
            ErrorKind::usage,
            fmt::format("--from {}: {} SCPs are called so", printable(from), lookup.found.size()),
            "name one by its DN or GUID");
    if (const auto missing = first_incomplete(lookup))
        return fail(*missing);
    return fail(ErrorKind::usage,
                fmt::format("--from {}: there is no such serviceConnectionPoint", printable(from)),
                "scpctl list shows what there is");
}

} // namespace scp
