// Text of topology, list and show.
#include "report/text.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace scp {

namespace {

std::string role_word(const RoleOf& role, const Style& style) {
    const std::string word = to_string(role.role);
    switch (role.role) {
    case Role::source:
    case Role::copy:
        return style.green(word);
    case Role::suspect:
    case Role::untrusted:
        return style.red(word);
    case Role::native:
    case Role::foreign:
        return style.yellow(word);
    case Role::unrelated:
        break;
    }
    return style.dim(word);
}

/// "copy (mage)"; what is nothing to a rule is said only where it is nothing to any.
std::string roles_text(const std::vector<ListedScp::RuleRole>& roles, const Style& style) {
    std::vector<std::string> parts;
    for (const auto& [rule, role] : roles)
        if (role.role != Role::unrelated)
            parts.push_back(role_word(role, style) +
                            (roles.size() > 1 ? " (" + printable(rule) + ")" : "") +
                            (role.why ? " " + to_string(*role.why) : ""));
    if (parts.empty())
        return roles.empty() ? "" : style.dim(to_string(Role::unrelated));
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::string marks_of(const Server& server, const Style& style) {
    std::vector<std::string> marks;
    if (server.pdc)
        marks.emplace_back("PDC emulator");
    if (server.gc)
        marks.emplace_back("GC");
    if (!server.writable)
        marks.emplace_back("read-only");
    marks.push_back(server.reachable ? style.green("reachable")
                    : server.error   ? style.red("unreachable")
                                     : style.dim("not tried"));
    return fmt::format("{}", fmt::join(marks, ", "));
}

} // namespace

std::string list_text(const std::vector<ListedScp>& scps, const Style& style) {
    if (scps.empty())
        return "no serviceConnectionPoint found\n";
    TextTable table({"DOMAIN", "ROLE", "NAME", "BINDINGS", "DN"});
    for (const ListedScp& listed : scps) {
        const Scp& scp = listed.scp;
        const Values& bindings = values_of(scp.attributes, "serviceBindingInformation");
        std::string shown =
            bindings.empty() ? std::string("-") : printable(sorted(bindings).front(), 60);
        if (bindings.size() > 1)
            shown += fmt::format(" (+{})", bindings.size() - 1);
        table.add({printable(scp.domain.text()), roles_text(listed.roles, style),
                   printable(scp.name, 80), shown, style.dim(printable(scp.dn.text()))});
    }
    return table.text(style);
}

std::string show_text(const ShownScp& shown, const Style& style) {
    const Scp& scp = shown.listed.scp;
    std::string out = style.bold(printable(scp.dn.text())) + "\n";
    TextTable facts({});
    const auto fact = [&](std::string name, std::string value) {
        if (!value.empty())
            facts.add({"  " + std::move(name), std::move(value)});
    };
    fact("domain", printable(scp.domain.text()));
    fact("GUID", scp.guid.to_string());
    for (const auto& [rule, role] : shown.listed.roles)
        fact("rule " + printable(rule),
             role_word(role, style) + (role.why ? " " + to_string(*role.why) : ""));
    fact("modified", scp.modified ? to_rfc3339(*scp.modified) : "");
    const auto named = [&](const std::string& sid) {
        const auto known = shown.names.find(sid);
        return known == shown.names.end() ? sid : printable(known->second) + " (" + sid + ")";
    };
    fact("owner", named(shown.owner));
    const char* heading = "writable by";
    for (const std::string& writer : shown.dacl_writers)
        fact(std::exchange(heading, ""), named(writer));
    if (scp.marker) {
        fact("copy made by", "instance " + printable(scp.marker->instance) + ", rule " +
                                 printable(scp.marker->rule));
        fact("its source", shown.source ? printable(shown.source->dn.text())
                                        : scp.marker->source.to_string() + " in " +
                                              printable(scp.marker->origin.text()) + ": " +
                                              shown.source_state);
    } else if (scp.marked) {
        fact("marker", style.red("not well formed: ") + printable(scp.marker_value));
    }
    for (const ListedScp& copy : shown.copies)
        fact("copy", printable(copy.scp.dn.text()));
    out += facts.text(style) + "\n";

    TextTable values({});
    for (const auto& [name, list] : shown.attributes) {
        std::string label = "  " + printable(name);
        for (const std::string& value : sorted(list)) {
            values.add({label, is_utf8(value) && value.find('\0') == std::string::npos
                                   ? printable(value)
                                   : style.dim("base64 ") + printable(to_base64(value), 200)});
            label.clear();
        }
    }
    out += values.text(style);

    if (!shown.replication.empty()) {
        TextTable notes({"  ATTRIBUTE", "VERSION", "TIME", "DC"});
        for (const ReplicationNote& note : shown.replication)
            notes.add({"  " + printable(note.attribute), std::to_string(note.version),
                       note.time ? to_rfc3339(*note.time) : "", printable(note.dc)});
        out += "\n" + notes.text(style);
    }
    return out;
}

std::string topology_text(const Topology& topology, const Style& style) {
    std::string out;
    for (const Forest& forest : topology.forests) {
        out += style.bold(fmt::format("forest {}", printable(forest.name)));
        if (!forest.root.empty())
            out += fmt::format("  root {}", printable(forest.root.text()));
        out += "\n";
        if (forest.configuration)
            out +=
                fmt::format("  Configuration NC {}\n", printable(forest.configuration->nc.text()));
        if (forest.error) {
            out += "  " + style.red("not read: ") + forest.error->message + "\n";
            if (!forest.error->hint.empty())
                out += "  " + style.dim("hint: " + forest.error->hint) + "\n";
        }
        TextTable table({"  DOMAIN", "NETBIOS", "PARENT", "SERVER", "SITE", ""});
        std::string errors;
        for (const Domain& domain : forest.domains) {
            std::string name = "  " + printable(domain.name.text());
            std::string netbios = printable(domain.netbios);
            std::string parent = domain.parent ? printable(domain.parent->text()) : "-";
            if (domain.servers.empty())
                table.add({name, netbios, parent, style.dim("none known"), "", ""});
            for (const Server& server : domain.servers) {
                table.add({name, netbios, parent, printable(server.uri.to_string()),
                           printable(server.site), marks_of(server, style)});
                name = netbios = parent = "";
                if (server.error)
                    errors += "  " + style.red(printable(server.uri.to_string())) + ": " +
                              server.error->message + "\n";
            }
            if (domain.error)
                errors += "  " + style.red(printable(domain.name.text())) + ": " +
                          domain.error->message + "\n";
        }
        if (!forest.domains.empty())
            out += table.text(style);
        out += errors;
        for (const Trust& trust : distinct_trusts(forest))
            out += fmt::format("  trust {}  {}  {}\n", printable(trust.domain.text()),
                               printable(trust.direction), printable(trust.type));
        out += "\n";
    }
    if (out.ends_with("\n\n"))
        out.pop_back();
    return out;
}

namespace {

/// A quoted ID of the DOT language.
std::string dot_id(std::string_view text) {
    std::string out = "\"";
    for (const char c : printable(text)) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + "\"";
}

} // namespace

std::string topology_dot(const Topology& topology) {
    std::string out = "digraph topology {\n  rankdir=TB;\n  node [shape=box];\n";
    for (const Forest& forest : topology.forests) {
        out += fmt::format("  subgraph {} {{\n    label={};\n", dot_id("cluster_" + forest.name),
                           dot_id(forest.name));
        for (const Domain& domain : forest.domains)
            out += fmt::format("    {} [color={}];\n", dot_id(domain.name.text()),
                               domain.error ? "red" : "black");
        out += "  }\n";
        for (const Domain& domain : forest.domains)
            if (domain.parent)
                out += fmt::format("  {} -> {};\n", dot_id(domain.parent->text()),
                                   dot_id(domain.name.text()));
        for (const Trust& trust : distinct_trusts(forest))
            out += fmt::format("  {} -> {} [style=dashed, label={}];\n", dot_id(forest.root.text()),
                               dot_id(trust.domain.text()), dot_id(trust.direction));
    }
    return out + "}\n";
}

} // namespace scp
