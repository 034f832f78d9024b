#include "daemon/unpark.hpp"

#include "apply/apply.hpp"
#include "base/text.hpp"
#include "observe/read_domain.hpp"
#include "plan/by_hand.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {
namespace {

/// Every domain that is about what a DN lies in, of all forests.
std::vector<const Domain*> domains_of(const Topology& topology, const Dn& dn) {
    std::vector<const Domain*> found;
    for (const Forest& forest : topology.forests)
        if (const Domain* domain = topology.domain_of(forest.name, dn))
            found.push_back(domain);
    return found;
}

Result<void> write(const Change& change, const Topology& topology, Sessions& sessions,
                   const std::filesystem::path& history_dir) {
    auto history = History::open(history_dir);
    if (!history)
        return fail(history.error());
    Plan plan;
    plan.changes = {change};
    const auto results = apply(plan, topology, sessions, **history);
    const auto result = results.find(change.id());
    if (result != results.end() && result->second.state == ChangeResult::State::done)
        return {};
    if (result != results.end() && result->second.error)
        return fail(*result->second.error);
    return fail(ErrorKind::interrupted, "it was not written: scpd is about to stop");
}

} // namespace

Result<void> unpark(const std::string& text, const Settings& settings, Connector& connector,
                    const std::filesystem::path& history_dir, const std::stop_token& stop) {
    const auto dn = Dn::parse(text);
    if (!dn)
        return fail(ErrorKind::usage, printable(text) + ": this is no DN");
    Sessions sessions(settings, connector, stop);
    const Topology topology = sessions.discover();
    std::optional<Error> lost;
    for (const Domain* domain : domains_of(topology, *dn)) {
        Observation observation;
        observation.domains = {read_domain(topology, *domain, sessions, {})};
        const DomainView& view = observation.domains.front();
        const auto copy = std::ranges::find(view.scps, *dn, &Scp::dn);
        if (copy == view.scps.end()) {
            if (view.incomplete)
                lost = view.incomplete;
            continue;
        }
        const HandVerdict verdict =
            unparking(*copy, {settings, settings.rules, topology, observation});
        if (verdict.held)
            return fail(ErrorKind::conflict, verdict.held->detail, verdict.held->hint);
        return verdict.change ? write(*verdict.change, topology, sessions, history_dir)
                              : Result<void>{};
    }
    for (const Forest& forest : topology.forests)
        if (forest.error)
            lost = lost.value_or(*forest.error);
    if (lost)
        return fail(*lost);
    return fail(ErrorKind::not_found,
                fmt::format("there is no copy {}: nothing there carries a marker", printable(text)),
                "scpctl list shows the copies");
}

} // namespace scp
