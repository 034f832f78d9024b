#include "guard/host_state.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace scp {
namespace {

bool is_old(const Approval& approval, Timestamp now) {
    return approval.at < now - longest_approval || approval.at > now + longest_approval;
}

} // namespace

const Pause* find_pause(const HostState& state, std::string_view rule) {
    const auto found = std::ranges::find_if(
        state.pauses, [&](const Pause& one) { return equal_ascii_nocase(one.rule, rule); });
    return found == state.pauses.end() ? nullptr : &*found;
}

std::set<std::string> approved_hashes(const HostState& state, Timestamp now) {
    std::set<std::string> hashes;
    for (const auto& approval : state.approvals)
        if (!is_old(approval, now))
            hashes.insert(approval.hash);
    return hashes;
}

bool pause(HostState& state, Pause wanted) {
    const auto same = [&](const Pause& one) { return equal_ascii_nocase(one.rule, wanted.rule); };
    if (const auto found = std::ranges::find_if(state.pauses, same); found != state.pauses.end()) {
        if (wanted.reason.empty() || wanted.reason == found->reason)
            return false;
        found->reason = std::move(wanted.reason);
        found->who = std::move(wanted.who);
        return true;
    }
    state.pauses.push_back(std::move(wanted));
    std::ranges::sort(state.pauses, LessNoCase{}, &Pause::rule);
    return true;
}

bool resume(HostState& state, std::string_view rule) {
    return std::erase_if(state.pauses,
                         [&](const Pause& one) { return equal_ascii_nocase(one.rule, rule); }) != 0;
}

bool approve(HostState& state, Approval approval) {
    if (std::ranges::find(state.approvals, approval) != state.approvals.end())
        return false;
    use_up(state, approval.hash);
    state.approvals.push_back(std::move(approval));
    std::ranges::sort(state.approvals, {}, &Approval::hash);
    return true;
}

bool use_up(HostState& state, std::string_view hash) {
    return std::erase_if(state.approvals, [&](const Approval& one) { return one.hash == hash; }) !=
           0;
}

bool drop_old_approvals(HostState& state, Timestamp now) {
    return std::erase_if(state.approvals, [&](const Approval& one) { return is_old(one, now); }) !=
           0;
}

} // namespace scp
