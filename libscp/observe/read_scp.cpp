#include "observe/read_scp.hpp"

#include "observe/replication_metadata.hpp"
#include "observe/security_descriptor.hpp"

#include <algorithm>
#include <set>

namespace scp {
namespace {

constexpr std::string_view conflict_mark =
    "\nCNF:"; // what a replication conflict adds to the RDN value

/// Bookkeeping of the server, not content.
constexpr std::string_view housekeeping[] = {"objectGUID",
                                             "entryUUID",
                                             "entryCSN",
                                             "replPropertyMetaData",
                                             "whenChanged",
                                             "modifyTimestamp",
                                             "nTSecurityDescriptor",
                                             "isDeleted",
                                             "name",
                                             "cn"};

std::vector<std::string> copied_attributes(std::span<const Rule> rules) {
    std::set<std::string, LessNoCase> names{"keywords"};
    for (const auto& rule : rules)
        names.insert(rule.attributes.begin(), rule.attributes.end());
    return {names.begin(), names.end()};
}

SourceVersion version_of(const Attributes& attributes, std::span<const Rule> rules) {
    if (const auto& blob = first_of(attributes, "replPropertyMetaData"); !blob.empty()) {
        const auto newest = newest_change(blob, copied_attributes(rules));
        return newest ? SourceVersion{SourceVersion::Kind::originating, to_rfc3339(*newest)}
                      : SourceVersion{};
    }
    if (const auto& csn = first_of(attributes, "entryCSN"); !csn.empty())
        return {SourceVersion::Kind::entry_csn, lower_ascii(csn)};
    return {};
}

} // namespace

std::vector<Filter> keywords_filters(std::span<const Rule> rules) {
    std::vector<Filter> wanted;
    for (const auto& rule : rules) {
        std::vector<Filter> parts;
        for (const auto& keyword : rule.keywords)
            parts.push_back(equals("keywords", keyword));
        wanted.push_back(all_of(std::move(parts)));
    }
    return wanted;
}

std::vector<std::string> scp_attributes(std::span<const Rule> rules,
                                        const std::string& marker_attribute) {
    std::vector<std::string> names = copied_attributes(rules);
    names.insert(names.end(), std::begin(housekeeping), std::end(housekeeping));
    names.insert(names.end(), {"objectClass", marker_attribute});
    return names;
}

std::optional<Scp> read_scp(const Entry& entry, const Domain& domain, std::span<const Rule> rules,
                            const std::string& marker_attribute) {
    const auto guid = guid_of(entry.attributes);
    if (!guid)
        return std::nullopt;
    Scp scp;
    scp.forest = domain.forest;
    scp.domain = domain.name;
    scp.nc = domain.nc;
    scp.dn = entry.dn;
    scp.guid = *guid;
    scp.name = entry.dn.rdn_value();
    scp.conflict = scp.name.find(conflict_mark) != std::string::npos;
    scp.version = version_of(entry.attributes, rules);
    scp.owner = owner_of(first_of(entry.attributes, "nTSecurityDescriptor"));
    const auto& changed = first_of(entry.attributes, "whenChanged");
    scp.modified = parse_generalized_time(
        changed.empty() ? first_of(entry.attributes, "modifyTimestamp") : changed);
    scp.attributes = entry.attributes;
    for (const auto name : housekeeping)
        scp.attributes.erase(std::string(name));

    for (const auto& value : values_of(entry.attributes, marker_attribute)) {
        if (!looks_like_marker(value))
            continue;
        scp.marked = true;
        if (scp.marker)
            continue;
        scp.marker = parse_marker(value);
        scp.marker_value = scp.marker ? value : std::string();
    }
    return scp;
}

} // namespace scp
