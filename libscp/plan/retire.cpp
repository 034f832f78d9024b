#include "base/safeguard.hpp"
#include "plan/hold.hpp"
#include "plan/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

// What becomes of a copy that a row wants to retire (DESIGN.md, below the table): held until enough
// reads in a row say the same, then marked, and deleted once it has borne the mark for long enough.

namespace scp {
namespace {

/// Domains whose last read was of another database than this one; empty: none. Any of them may be
/// the one where a source, an account or a rule's container seems to be gone.
std::set<DomainName> read_elsewhere(const PlanInput& input) {
    std::set<DomainName> domains;
    for (const auto& view : input.observation.domains) {
        const auto before = input.replicas.find({view.forest, view.domain});
        if (before != input.replicas.end() && !view.replica.empty() &&
            before->second != view.replica)
            domains.insert(view.domain);
    }
    return domains;
}

/// After a retire that was taken back; doubled each time.
constexpr std::chrono::seconds first_pause{10};
constexpr std::chrono::seconds longest_pause{3600};
constexpr std::chrono::hours retired_memory{24};
constexpr std::size_t most_remembered = 500; // and others of the last one's second

} // namespace

void note_retired(RetiredBefore& retired, const Change& done, Timestamp now) {
    const auto before = parse_marker(done.marker_before);
    const auto after = parse_marker(done.marker_after);
    if (done.op != Op::mark || !before || !after || before->gone || !after->gone)
        return;
    auto& one = retired[{done.forest, done.domain, before->source}];
    ++one.times;
    one.at = now;
}

RetiredBefore still_remembered(const RetiredBefore& before, Timestamp now) {
    RetiredBefore left = before;
    std::erase_if(left, [&](const auto& one) {
        return one.second.at > now || one.second.at + retired_memory < now;
    });
    if (left.size() <= most_remembered)
        return left;
    std::vector<Timestamp> times;
    for (const auto& [key, one] : left)
        times.push_back(one.at);
    const auto oldest = times.begin() + (most_remembered - 1);
    std::nth_element(times.begin(), oldest, times.end(), std::greater<>());
    std::erase_if(left, [&](const auto& one) { return one.second.at < *oldest; });
    return left;
}

/// Two hosts that see different things must not undo each other's writes without end: whoever would
/// take away waits, and longer each time; whoever serves does not. When they see the same again,
/// either does what is left to do.
std::optional<Timestamp> DecisionTable::not_marked_before(const Copy& copy) const {
    const auto found =
        input_.retired.find({cell_.target.forest, cell_.target.domain, copy.marker().source});
    if (found == input_.retired.end() || found->second.at > input_.now) // a clock that was set back
        return std::nullopt;
    auto pause = first_pause;
    for (int i = 1; i < found->second.times && pause < longest_pause; ++i)
        pause *= 2;
    return found->second.at + std::min(pause, longest_pause);
}

void DecisionTable::retire(Reason reason, const Copy& copy, std::string detail) {
    Change remove = removal(reason, copy);
    if (rule().mode != Mode::sync && in_force(Safeguard::mode)) {
        out_.held.push_back(hold(reason, remove, std::move(detail)));
        return;
    }
    // Several rules that write alike may still prune otherwise: the most patient decides.
    int needed = 1;
    for (const auto* views : {&cell_.rules, &cell_.also})
        for (const auto* view : *views)
            needed = std::max(needed, view->rule->prune_confirmations);
    const Retirement key{cell_.target.forest, cell_.target.domain, copy.scp->guid, reason};
    const auto before = input_.confirmations.find(key);
    int reads = std::min(needed, 1 + (before == input_.confirmations.end() ? 0 : before->second));
    const auto elsewhere = read_elsewhere(input_);
    if (!elsewhere.empty())
        reads = 0;
    out_.confirmations[key] = reads;
    if (reads >= needed || (elsewhere.empty() && !in_force(Safeguard::confirmations)))
        return retire_confirmed(std::move(remove), copy, std::move(detail));
    out_.unconfirmed = true;
    detail += fmt::format("; seen so by {} of {} reads in a row", reads, needed);
    if (!elsewhere.empty())
        detail += ": another DC than before, or one that was restored, was read in";
    for (const auto& domain : elsewhere)
        detail += " " + domain.text();
    out_.held.push_back(hold(reason, remove, std::move(detail)));
}

void DecisionTable::retire_confirmed(Change remove, const Copy& copy, std::string detail) {
    Marker marker = copy.marker();
    const auto gone = marker.gone;
    marker.gone = input_.now;
    // The mark's time is new in a delete too: whoever repairs the copy in between finds another
    // marker than he read, and one whose delete did not follow begins its grace anew.
    remove.marker_after = to_string(marker);
    if (const auto from = not_marked_before(copy); !gone && from && input_.now < *from) {
        detail +=
            "; this host has marked it before, and somebody took that back: not again before " +
            to_rfc3339(*from);
        out_.held.push_back(hold(remove.reason, remove, std::move(detail)));
        return;
    }
    if (!gone) {
        remove.op = Op::mark;
        remove.after = remove.before;
        return propose(std::move(remove));
    }
    auto grace = std::chrono::milliseconds::zero();
    for (const auto* views : {&cell_.rules, &cell_.also})
        for (const auto* view : *views)
            grace = std::max(grace, view->rule->prune_grace);
    // A clock that leaps ahead ends no grace: nobody had the time to notice.
    const Timestamp since = std::max(*gone, input_.clock_set.value_or(*gone));
    const auto end = since + std::chrono::ceil<std::chrono::seconds>(grace);
    if (input_.now >= end || !in_force(Safeguard::grace))
        return propose(std::move(remove));
    detail +=
        "; marked since " + to_rfc3339(*gone) + ", to be deleted from " + to_rfc3339(end) + " on";
    if (since != *gone)
        detail += " (this machine's clock was set at " + to_rfc3339(since) + ")";
    out_.held.push_back(hold(Reason::grace, remove, std::move(detail)));
}

Change DecisionTable::removal(Reason reason, const Copy& copy) const {
    Change remove = change(Op::remove, reason);
    remove.source.reset();
    if (copy.source.scp != nullptr)
        remove.source = source_ref(*copy.source.scp);
    remove.dn = copy.scp->dn;
    remove.guid = copy.scp->guid;
    remove.before = content(*copy.scp);
    remove.marker_before = copy.scp->marker_value;
    return remove;
}

} // namespace scp
