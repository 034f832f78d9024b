#include "observe/read_fates.hpp"

#include "base/safeguard.hpp"
#include "observe/read_scp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace scp {
namespace {

constexpr std::size_t guids_a_search = 50; ///< where they are looked for by a filter

/// What a domain holds under a GUID.
struct Answer {
    std::optional<Entry> entry;
    std::optional<Error> error; ///< nothing follows from there being no entry
};

bool is_deleted(const Entry& entry) {
    return equal_ascii_nocase(first_of(entry.attributes, "isDeleted"), "TRUE");
}

bool is_named(const Entry& entry, const Guid& guid) {
    return Guid::from_ad_bytes(first_of(entry.attributes, "objectGUID")) == guid ||
           Guid::parse(first_of(entry.attributes, "entryUUID")) == guid;
}

Search search_for_scps(const Domain& domain, std::span<const Rule> rules,
                       const std::string& marker_attribute) {
    Search search;
    search.attributes = scp_attributes(rules, marker_attribute);
    search.security = true;
    search.base.dn = domain.nc;
    return search;
}

/// `<GUID=…>`, tombstones too.
std::vector<Answer> find_by_name(std::span<const Guid> guids, Search search, Directory& server) {
    search.scope = Scope::base;
    search.deleted = true;
    std::vector<Search> searches(guids.size(), search);
    for (std::size_t i = 0; i < guids.size(); ++i)
        searches[i].base.guid = guids[i];
    std::vector<Answer> answers;
    for (auto& found : server.search_all(searches)) {
        answers.push_back({{}, {}});
        if (in_force(Safeguard::proved_end))
            answers.back().error = found.incomplete;
        if (found.complete() && !found.entries.empty())
            answers.back().entry = std::move(found.entries.front());
    }
    return answers;
}

/// By a filter, where the server has no `<GUID=…>` names.
std::vector<Answer> find_by_filter(std::span<const Guid> guids, const Search& search,
                                   Directory& server) {
    std::vector<Search> searches;
    for (std::size_t i = 0; i < guids.size(); i += guids_a_search) {
        std::vector<Filter> wanted;
        for (const Guid& guid : guids.subspan(i, std::min(guids_a_search, guids.size() - i))) {
            wanted.push_back(equals("objectGUID", guid.ad_bytes()));
            wanted.push_back(equals("entryUUID", guid.to_string()));
        }
        searches.push_back(search);
        searches.back().filter = any_of(std::move(wanted));
    }
    const auto found = server.search_all(searches);
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < guids.size(); ++i) {
        const Found& here = found[i / guids_a_search];
        const auto entry = std::ranges::find_if(
            here.entries, [&](const Entry& one) { return is_named(one, guids[i]); });
        answers.push_back({{}, {}});
        if (in_force(Safeguard::proved_end))
            answers.back().error = here.incomplete;
        if (entry != here.entries.end())
            answers.back() = {*entry, {}};
    }
    return answers;
}

std::vector<Answer> find(std::span<const Guid> guids, const Search& search, Directory& server) {
    return server.takes_guid_names() ? find_by_name(guids, search, server)
                                     : find_by_filter(guids, search, server);
}

/// A DC that lags, or was put back to an old state, lacks what its partners have, and shows it as a
/// whole read. What it lacks is missing only if the server that takes the domain's creates and
/// deletes lacks it too; where that one cannot be asked, nothing follows.
void ask_the_writer_too(std::span<const Guid> guids, std::vector<Answer>& answers,
                        const DomainView& view, const Search& search, Sessions& sessions,
                        const Directory& reader) {
    std::vector<Guid> missing;
    for (std::size_t i = 0; i < guids.size(); ++i)
        if (!answers[i].entry && !answers[i].error)
            missing.push_back(guids[i]);
    if (missing.empty() || !in_force(Safeguard::source_not_seen))
        return;
    const auto writer = sessions.writer(view.forest, view.domain);
    if (writer && *writer == &reader)
        return;
    auto second = writer ? find(missing, search, **writer) : std::vector<Answer>(missing.size());
    auto next = second.begin();
    for (std::size_t i = 0; i < guids.size(); ++i) {
        if (answers[i].entry || answers[i].error)
            continue;
        const Answer& there = *next++;
        const std::string lacks =
            fmt::format("{} has no object {}", view.server, guids[i].to_string());
        if (!writer)
            answers[i].error = writer.error();
        else if (there.error)
            answers[i].error = there.error;
        else if (there.entry && !is_deleted(*there.entry))
            answers[i].error = Error{
                ErrorKind::incomplete,
                fmt::format("{} has it: replication lags behind, or an old state was put back",
                            (*writer)->server()),
                "", 0};
        if (answers[i].error)
            answers[i].error->message = lacks + ", and " + answers[i].error->message;
    }
}

/// Where sources of the rules may lie there: at least one such container must be seen before
/// absence means anything.
bool surroundings_seen(const Domain& domain, Directory& server, std::span<const Rule> rules) {
    std::vector<Search> searches;
    for (const auto& rule : rules)
        for (const auto& container : domain.name.is_configuration() ? rule.configuration_containers
                                                                    : rule.trust_containers) {
            Search search;
            search.base.dn = domain.nc.descendant(container);
            search.scope = Scope::base;
            search.attributes = {"objectClass"};
            searches.push_back(std::move(search));
        }
    const auto found = server.search_all(searches);
    return std::ranges::any_of(
        found, [](const Found& one) { return one.complete() && !one.entries.empty(); });
}

SourceFate fate_of(const Entry& entry, const Domain& domain, std::span<const Rule> rules,
                   const std::string& marker_attribute) {
    SourceFate fate;
    const bool deleted = is_deleted(entry);
    fate.state = deleted ? SourceFate::State::deleted : SourceFate::State::alive;
    if (!deleted)
        fate.scp = read_scp(entry, domain, rules, marker_attribute);
    fate.detail = (deleted ? "its source was deleted: " : "") + printable(entry.dn.text());
    return fate;
}

/// All of one domain, in the order of `sources`; `source` and `origin` are left to the caller.
std::vector<SourceFate> fates_in(const DomainView& view, std::span<const Guid> sources,
                                 const Topology& topology, Sessions& sessions,
                                 std::span<const Rule> rules) {
    std::vector<SourceFate> fates(sources.size());
    const auto all_not_seen = [&](const std::string& why) {
        for (auto& fate : fates)
            fate.detail = why;
        return fates;
    };
    const Domain* const domain = topology.find(view.forest, view.domain);
    const auto session = sessions.reader(view.forest, view.domain);
    if (view.incomplete)
        return all_not_seen(view.incomplete->message);
    if (!session || domain == nullptr)
        return all_not_seen(session ? "the domain is unknown" : session.error().message);

    Directory& server = **session;
    const std::string& marker_attribute = sessions.settings().marker_attribute;
    const Search search = search_for_scps(*domain, rules, marker_attribute);
    auto answers = find(sources, search, server);
    ask_the_writer_too(sources, answers, view, search, sessions, server);
    const bool some_missing = std::ranges::any_of(
        answers, [](const Answer& answer) { return !answer.entry && !answer.error; });
    const bool around = some_missing && surroundings_seen(*domain, server, rules);
    for (std::size_t i = 0; i < sources.size(); ++i) {
        if (answers[i].entry) {
            fates[i] = fate_of(*answers[i].entry, *domain, rules, marker_attribute);
        } else if (answers[i].error) {
            fates[i].detail = answers[i].error->message;
        } else {
            fates[i].state = around || !in_force(Safeguard::source_not_seen)
                                 ? SourceFate::State::absent
                                 : SourceFate::State::not_seen;
            fates[i].detail =
                around
                    ? fmt::format("{} has no object {}", view.server, sources[i].to_string())
                    : fmt::format("{} shows none of the containers where it could be", view.server);
        }
    }
    return fates;
}

/// How much one forest's answer counts beside another's of the same domain name.
int weight(const SourceFate& fate) {
    switch (fate.state) {
    case SourceFate::State::alive:
        return 3;
    case SourceFate::State::deleted:
        return 2;
    case SourceFate::State::not_seen:
        return 1;
    case SourceFate::State::absent:
        return 0;
    }
    return 1;
}

} // namespace

std::vector<SourceFate> read_fates(const std::set<std::pair<Guid, DomainName>>& sources,
                                   const Topology& topology, const Observation& seen,
                                   Sessions& sessions, std::span<const Rule> rules) {
    struct Work {
        const DomainView* view;
        std::vector<Guid> sources;
        std::vector<SourceFate> fates;
    };
    std::vector<Work> work;
    for (const auto& view : seen.domains) {
        Work here{&view, {}, {}};
        for (const auto& [source, origin] : sources)
            if (view.domain == origin)
                here.sources.push_back(source);
        if (!here.sources.empty())
            work.push_back(std::move(here));
    }
    run_parallel(work.size(), static_cast<std::size_t>(sessions.settings().daemon.workers),
                 [&](std::size_t i) {
                     work[i].fates =
                         fates_in(*work[i].view, work[i].sources, topology, sessions, rules);
                 });

    std::map<std::pair<Guid, DomainName>, SourceFate> best;
    for (auto& [view, guids, fates] : work)
        for (std::size_t i = 0; i < guids.size(); ++i) {
            const auto [at, added] = best.try_emplace({guids[i], view->domain}, fates[i]);
            if (!added && weight(fates[i]) > weight(at->second))
                at->second = std::move(fates[i]);
        }
    std::vector<SourceFate> out;
    for (const auto& key : sources) {
        const auto found = best.find(key);
        out.push_back(found == best.end() ? SourceFate{} : std::move(found->second));
        std::tie(out.back().source, out.back().origin) = key;
        if (found == best.end())
            out.back().detail =
                fmt::format("{} is no domain of the forests", printable(key.second.text()));
    }
    return out;
}

} // namespace scp
