// The documents of the reading verbs: list, show, topology.
#include "report/documents.hpp"

#include <algorithm>
#include <tuple>

namespace scp {

namespace {

Json first_or_null(const Attributes& attributes, std::string_view name) {
    const Values& values = values_of(attributes, name);
    return values.empty() ? Json() : json_value(values.front());
}

Json time_or_null(const std::optional<Timestamp>& time) {
    return time ? Json(to_rfc3339(*time)) : Json();
}

Json marker_json(const Marker& marker) {
    return {{"instance", marker.instance},
            {"rule", marker.rule},
            {"source", marker.source.to_string()},
            {"origin", marker.origin.text()},
            {"hash", marker.hash},
            {"gone", time_or_null(marker.gone)},
            {"parked", time_or_null(marker.parked)}};
}

Json listed_json(const ListedScp& listed) {
    const Scp& scp = listed.scp;
    Json roles = Json::array();
    for (const auto& [rule, role] : listed.roles) {
        Json json{{"rule", rule}, {"role", to_string(role.role)}};
        if (role.why)
            json["reason"] = to_string(*role.why);
        roles.push_back(std::move(json));
    }
    return {{"forest", scp.forest},
            {"domain", scp.domain.text()},
            {"dn", json_value(scp.dn.text())},
            {"name", json_value(scp.name)},
            {"guid", scp.guid.to_string()},
            {"roles", std::move(roles)},
            {"keywords", json_values(values_of(scp.attributes, "keywords"))},
            {"bindings", json_values(values_of(scp.attributes, "serviceBindingInformation"))},
            {"class_name", first_or_null(scp.attributes, "serviceClassName")},
            {"dns_name", first_or_null(scp.attributes, "serviceDNSName")},
            {"dns_name_type", first_or_null(scp.attributes, "serviceDNSNameType")},
            {"modified", time_or_null(scp.modified)},
            {"marker", scp.marker ? marker_json(*scp.marker) : Json()}};
}

Json server_json(const Server& server) {
    return {{"uri", server.uri.to_string()},
            {"dns_name", server.dns_name},
            {"site", server.site},
            {"pdc", server.pdc},
            {"gc", server.gc},
            {"writable", server.writable},
            {"reachable", server.reachable},
            {"lag_s", server.lag ? Json(server.lag->count()) : Json()},
            {"error", server.error ? Json(server.error->message) : Json()}};
}

Json topology_domain_json(const Domain& domain) {
    Json servers = Json::array();
    for (const Server& server : domain.servers)
        servers.push_back(server_json(server));
    return {{"domain", domain.name.text()},
            {"nc", json_value(domain.nc.text())},
            {"netbios", json_value(domain.netbios)},
            {"parent", domain.parent ? Json(domain.parent->text()) : Json()},
            {"servers", std::move(servers)},
            {"error", domain.error ? Json(domain.error->message) : Json()}};
}

} // namespace

Json list_document(const std::vector<ListedScp>& scps) {
    Json list = Json::array();
    for (const ListedScp& listed : scps)
        list.push_back(listed_json(listed));
    return {{"schema", "scpd.list/1"}, {"scps", std::move(list)}};
}

Json show_document(const ShownScp& shown) {
    Json document{{"schema", "scpd.show/1"}};
    document.update(listed_json(shown.listed));
    document["owner"] = shown.owner.empty() ? Json() : Json(shown.owner);
    document["dacl_writers"] = shown.dacl_writers;
    Json names = Json::object();
    for (const auto& [sid, name] : shown.names)
        names[sid] = json_value(name);
    document["names"] = std::move(names);
    document["attributes"] = json_attributes(shown.attributes);
    Json replication = Json::array();
    for (const ReplicationNote& note : shown.replication)
        replication.push_back({{"attribute", note.attribute},
                               {"version", note.version},
                               {"time", time_or_null(note.time)},
                               {"dc", note.dc}});
    document["replication"] = std::move(replication);
    Json copies = Json::array();
    for (const ListedScp& copy : shown.copies)
        copies.push_back(json_value(copy.scp.dn.text()));
    document["copies"] = std::move(copies);
    document["source"] = shown.source ? Json{{"dn", json_value(shown.source->dn.text())},
                                             {"domain", shown.source->domain.text()},
                                             {"guid", shown.source->guid.to_string()}}
                                      : Json();
    return document;
}

std::vector<Trust> distinct_trusts(const Forest& forest) {
    std::vector<Trust> trusts = forest.trusts;
    const auto fields = [](const Trust& trust) {
        return std::tie(trust.domain, trust.direction, trust.type);
    };
    std::ranges::sort(trusts, {}, fields);
    const auto same = [&](const Trust& a, const Trust& b) { return fields(a) == fields(b); };
    trusts.erase(std::unique(trusts.begin(), trusts.end(), same), trusts.end());
    return trusts;
}

Json topology_document(const Topology& topology) {
    Json forests = Json::array();
    for (const Forest& forest : topology.forests) {
        Json domains = Json::array();
        for (const Domain& domain : forest.domains)
            domains.push_back(topology_domain_json(domain));
        Json trusts = Json::array();
        for (const Trust& trust : distinct_trusts(forest))
            trusts.push_back({{"domain", trust.domain.text()},
                              {"direction", trust.direction},
                              {"type", trust.type}});
        forests.push_back(
            {{"name", forest.name},
             {"root", forest.root.text()},
             {"domains", std::move(domains)},
             {"configuration", forest.configuration
                                   ? Json{{"domain", forest.configuration->name.text()},
                                          {"nc", json_value(forest.configuration->nc.text())}}
                                   : Json()},
             {"trusts", std::move(trusts)},
             {"error", forest.error ? Json(forest.error->message) : Json()}});
    }
    return {{"schema", "scpd.topology/1"}, {"forests", std::move(forests)}};
}

} // namespace scp
