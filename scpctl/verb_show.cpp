#include "base/text.hpp"
#include "observe/observe.hpp"
#include "observe/read_owners.hpp"
#include "observe/replication_metadata.hpp"
#include "observe/security_descriptor.hpp"
#include "report/ldif.hpp"
#include "report/text.hpp"
#include "scpctl/listing.hpp"
#include "scpctl/lookup.hpp"
#include "scpctl/planning.hpp"
#include "scpctl/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

/// The one that is meant. A name alone means the source rather than its copies, which have the
/// same.
Result<FoundScp> pick(const Lookup& lookup, const std::string& asked) {
    std::vector<FoundScp> candidates = lookup.found;
    if (candidates.size() > 1)
        std::erase_if(candidates, [](const FoundScp& one) { return one.scp.marked; });
    if (candidates.size() == 1)
        return candidates.front();
    std::string names;
    for (const FoundScp& one : lookup.found)
        names += "\n  " + printable(one.scp.dn.text());
    return fail(
        ErrorKind::usage,
        fmt::format("{} SCPs are called {}:{}", lookup.found.size(), printable(asked), names),
        "name one by its DN or GUID");
}

/// What the server writes about the object, rather than what somebody wrote into it.
bool is_raw(std::string_view attribute) {
    return equal_ascii_nocase(attribute, "nTSecurityDescriptor") ||
           equal_ascii_nocase(attribute, "replPropertyMetaData");
}

/// The owner and those who may write.
std::set<Sid> sids_in(const std::string& descriptor) {
    const auto writers = writers_of(descriptor);
    std::set<Sid> sids(writers.begin(), writers.end());
    if (const auto owner = owner_of(descriptor))
        sids.insert(*owner);
    return sids;
}

ShownScp describe(const FoundScp& found, const PlanInput& input, Sessions& sessions) {
    ShownScp shown;
    shown.listed = listed_scp(found.scp, input);
    for (const auto& [name, values] : found.entry.attributes)
        if (!is_raw(name))
            shown.attributes[name] = values;
    const std::string& descriptor = first_of(found.entry.attributes, "nTSecurityDescriptor");
    if (const auto owner = owner_of(descriptor))
        shown.owner = owner->to_string();
    for (const Sid& writer : writers_of(descriptor))
        shown.dacl_writers.push_back(writer.to_string());
    for (const auto& [sid, name] : names_of(input.topology, sessions, sids_in(descriptor)))
        shown.names[sid.to_string()] = name;
    for (const AttributeChange& change :
         attribute_changes(first_of(found.entry.attributes, "replPropertyMetaData")))
        shown.replication.push_back(
            {change.attribute, change.version, change.time, change.dc.to_string()});

    for (const DomainView& view : input.observation.domains)
        for (const Scp& scp : view.scps)
            if (scp.marker && scp.marker->source == found.scp.guid && scp.guid != found.scp.guid)
                shown.copies.push_back(listed_scp(scp, input));
    if (!found.scp.marker)
        return shown;
    const Lookup sources = find_scps(input.topology, sessions, has_guid(found.scp.marker->source));
    if (!sources.found.empty()) {
        const Scp& source = sources.found.front().scp;
        shown.source = SourceRef{source.dn, source.domain, source.guid};
    } else {
        shown.source_state = sources.incomplete.empty() ? "not there any more"
                                                        : "not seen: not every domain was read";
    }
    return shown;
}

Result<Exit> run_show(Context& context, const std::string& asked) {
    const auto name = parse_scp_name("NAME", asked);
    if (!name)
        return fail(name.error());
    const auto topology = context.topology();
    if (!topology)
        return fail(topology.error());
    Sessions& sessions = **context.sessions();
    context.progress().stage("looking for it");
    const Lookup lookup = find_scps(**topology, sessions, *name);
    if (context.stop().stop_requested())
        return fail(ErrorKind::interrupted, "interrupted");
    if (lookup.found.empty()) {
        if (const auto missing = first_incomplete(lookup); missing && !context.options().partial)
            return fail(*missing);
        return fail(ErrorKind::not_found,
                    fmt::format("there is no serviceConnectionPoint {}", printable(asked)),
                    "scpctl list --all shows all that there are");
    }
    const auto found = pick(lookup, asked);
    if (!found)
        return fail(found.error());
    context.progress().stage("reading the domains");
    const std::vector<Rule>& rules = sessions.settings().rules;
    const Observation observation = observe(**topology, sessions, rules);
    const PlanInput input{sessions.settings(), rules, **topology, observation};
    const ShownScp shown = describe(*found, input, sessions);
    context.progress().clear();

    Output& out = context.out();
    if (out.structured())
        out.document(show_document(shown));
    else if (out.format() == Format::ldif)
        out.text(content_ldif(found->scp.dn, shown.attributes));
    else
        out.text(show_text(shown, out.style()));
    for (const DomainView& view : observation.domains)
        if (view.incomplete)
            out.note(fmt::format("scpctl: copies in {} are not shown: {}", view.domain.text(),
                                 view.incomplete->message));
    return exit_of_read(context, std::nullopt, Exit::ok);
}

RunVerb declare_show(CLI::App& app) {
    auto name = std::make_shared<std::string>();
    app.add_option("NAME", *name, "DN, GUID or name (cn)")->required()->type_name("");
    return [name](Context& context) { return run_show(context, *name); };
}

} // namespace

Verb show_verb() {
    return {.name = "show",
            .summary =
                "one SCP whole: values, marker, owner, replication, its copies or its source",
            .description =
                "Looks for one SCP in all domains, by DN, GUID or name, and shows all that can be "
                "read of it. A name that a\nsource shares with its copies means the source.",
            .exit_status = "0  shown\n1  there is none",
            .examples = "scpctl show 90e49231-3838-4e5e-b2e4-8813fbf59a11\n"
                        "scpctl show 'CN=x,CN=scpd,CN=System,DC=corp,DC=test' -o ldif",
            .schema = "scpd.show/1",
            .ldif = true,
            .declare = declare_show};
}

} // namespace scp
