#include "base/text.hpp"
#include "directory/libldap/range.hpp"
#include "directory/libldap/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace scp {

void LdapSession::fetch_ranges(Found& found, const Search& search, Deadline deadline) {
    for (Entry& entry : found.entries) {
        std::vector<std::string> ranged;
        for (const auto& [name, values] : entry.attributes) {
            if (parse_range(name)) {
                ranged.push_back(name);
            }
        }
        for (const std::string& name : ranged) {
            auto fetched = fetch_range(entry, name, search, deadline);
            if (!fetched && !found.incomplete) {
                found.incomplete = fetched.error();
            }
        }
    }
}

Result<void> LdapSession::fetch_range(Entry& entry, const std::string& ranged_name,
                                      const Search& search, Deadline deadline) {
    auto range = parse_range(ranged_name);
    Values values = std::move(entry.attributes[ranged_name]);
    entry.attributes.erase(ranged_name);
    const std::string attribute = range->attribute;
    Search rest;
    rest.base = {entry.dn, guid_of(entry.attributes)};
    rest.scope = Scope::base;
    rest.deleted = search.deleted;
    const std::string what = fmt::format("cannot read all of {} of {}", printable(attribute),
                                         printable(entry.dn.text()));
    Result<void> outcome{};
    while (range && range->last) {
        if (values.size() != *range->last + 1) {
            outcome =
                fail(ErrorKind::incomplete,
                     fmt::format("{} on {}: the range and the values differ", what, server()));
            break;
        }
        rest.attributes = {range_from(attribute, *range->last + 1)};
        const std::uint64_t expected = *range->last + 1;
        Found more = run(rest, deadline);
        range.reset();
        if (more.incomplete || more.entries.size() != 1) {
            outcome =
                fail(more.incomplete ? *more.incomplete
                                     : Error{ErrorKind::incomplete,
                                             fmt::format("{} on {}: it has gone", what, server()),
                                             {},
                                             0});
            break;
        }
        for (auto& [name, part] : more.entries.front().attributes) {
            auto next = parse_range(name);
            if (next && next->first == expected && equal_ascii_nocase(next->attribute, attribute) &&
                (!part.empty() || !next->last)) {
                range = std::move(next);
                std::ranges::move(part, std::back_inserter(values));
                break;
            }
        }
        if (!range) {
            outcome = fail(ErrorKind::incomplete,
                           fmt::format("{} on {}: no values from {} on", what, server(), expected));
        }
    }
    Values& all = entry.attributes[attribute]; // AD also sends the plain name, without values
    std::ranges::move(values, std::back_inserter(all));
    return outcome;
}

} // namespace scp
