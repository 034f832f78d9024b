#include "plan/settle.hpp"

#include "base/safeguard.hpp"
#include "plan/hold.hpp"

#include <algorithm>
#include <map>

namespace scp {
namespace {

class Settler {
  public:
    Settler(const PlanInput& input, Decisions decisions)
        : input_(input), in_(std::move(decisions)) {}
    Plan run() &&;

  private:
    void index();
    void settle(const Proposal& proposal);
    [[nodiscard]] std::optional<Held> collision(const Change& change, const Place& place) const;
    [[nodiscard]] bool waits(const Proposal& proposal);
    [[nodiscard]] std::optional<Held> no_place(const Proposal& proposal, const Place& place) const;
    [[nodiscard]] std::string catalog_failure(const DomainRef& domain) const;
    void add(const Proposal& proposal, const std::vector<Dn>& containers);
    void report_incomplete();

    const PlanInput& input_;
    Decisions in_;
    Plan plan_;
    std::map<Place, std::vector<const Proposal*>> claims_;
    std::map<Place, const PlaceView*> seen_;
    std::map<Place, const Scp*> occupants_;
    std::map<std::tuple<std::string, DomainRef>, std::size_t>
        waiting_; ///< creates, by rule and source domain
    std::map<Place, std::pair<Change, bool>>
        containers_; ///< to be made, and whether a mode lets one be
};

void Settler::index() {
    for (const auto& proposal : in_.proposals)
        if (const auto place = wanted_place(proposal.change))
            claims_[*place].push_back(&proposal);
    for (const auto& view : input_.observation.places)
        seen_.emplace(view.place, &view);
    for (const auto& view : input_.observation.domains)
        for (const auto& scp : view.scps)
            occupants_.emplace(Place{scp.forest, scp.domain, scp.dn}, &scp);
}

// Row 16.
std::optional<Held> Settler::collision(const Change& change, const Place& place) const {
    if (const auto& rivals = claims_.at(place); rivals.size() > 1) {
        Held held = hold(Reason::name_collision, change, "more than one source wants this name");
        held.dn = place.dn;
        held.sources.clear();
        for (const auto* rival : rivals)
            held.sources.push_back(*rival->change.source);
        std::ranges::sort(held.sources);
        return held;
    }
    const auto taken = [&](const std::string& by) {
        Held held = hold(Reason::name_collision, change, "the name is taken by " + by);
        held.dn = place.dn;
        return held;
    };
    if (const auto scp = occupants_.find(place);
        scp != occupants_.end() && scp->second->guid != change.guid)
        return taken("another SCP");
    const auto view = seen_.find(place);
    if (view != seen_.end() && view->second->occupant && view->second->occupant != change.guid)
        return taken("another object");
    return std::nullopt;
}

// Row 17: counted here, reported once a rule and domain.
bool Settler::waits(const Proposal& proposal) {
    for (const auto& domain : proposal.waits_for)
        ++waiting_[{proposal.change.rule, domain}];
    return !proposal.waits_for.empty();
}

/// What stands in the way at the place itself: not looked at, or a parent that we may not make.
std::optional<Held> Settler::no_place(const Proposal& proposal, const Place& place) const {
    const auto view = seen_.find(place);
    if (view == seen_.end())
        return hold(Reason::domain_incomplete, proposal.change, "the place was not looked at");
    if (view->second->error)
        return hold(Reason::domain_incomplete, proposal.change,
                    "the place could not be looked at: " + view->second->error->message);
    const auto& missing = view->second->missing_parents;
    const bool only_containers = std::ranges::all_of(
        missing, [](const Dn& dn) { return equal_ascii_nocase(dn.rdn_type(), "CN"); });
    if (missing.empty() || (proposal.rule->create_containers && only_containers))
        return std::nullopt;
    return hold(Reason::parent_missing, proposal.change,
                printable(missing.front().text()) + " is not there" +
                    (only_containers ? "" : ", and only containers (CN=) are ever created"));
}

std::string_view forbidden(Mode mode, Op op) {
    if (!in_force(Safeguard::mode))
        return {};
    if (mode == Mode::observe)
        return "mode observe writes nothing";
    if (mode == Mode::create_only && op != Op::create)
        return "mode create-only changes nothing that is there";
    return {};
}

// The mode filters last.
void Settler::add(const Proposal& proposal, const std::vector<Dn>& containers) {
    const auto why = forbidden(proposal.rule->mode, proposal.change.op);
    for (const auto& dn : containers) {
        Change change = proposal.change;
        change.op = Op::create_container;
        change.dn = dn;
        change.source.reset();
        change.after.clear();
        change.marker_after.clear();
        const Place place{change.forest, change.domain, dn};
        const auto [found, added] = containers_.try_emplace(place, std::move(change), why.empty());
        found->second.second = found->second.second || why.empty();
    }
    if (why.empty())
        plan_.changes.push_back(proposal.change);
    else
        plan_.held.push_back(hold(Reason::mode_forbids, proposal.change, std::string(why)));
}

void Settler::settle(const Proposal& proposal) {
    const auto place = wanted_place(proposal.change);
    if (!place)
        return add(proposal, {});
    if (auto held = collision(proposal.change, *place)) {
        plan_.held.push_back(std::move(*held));
        return;
    }
    if (waits(proposal))
        return;
    if (auto held = no_place(proposal, *place)) {
        plan_.held.push_back(std::move(*held));
        return;
    }
    add(proposal, seen_.at(*place)->missing_parents);
}

/// Why the other proof that creates take was not to be had; empty where it was, or none is set up.
std::string Settler::catalog_failure(const DomainRef& domain) const {
    for (const auto& view : input_.observation.catalogs)
        if (view.forest == domain.forest && view.domain == domain.domain && view.incomplete &&
            view.incomplete->kind != ErrorKind::not_found)
            return "; a global catalog could not tell either: " + view.incomplete->message;
    return {};
}

void Settler::report_incomplete() {
    const auto view = [&](const DomainRef& domain) -> const DomainView* {
        const auto found = std::ranges::find(input_.observation.domains, domain, ref);
        return found == input_.observation.domains.end() ? nullptr : &*found;
    };
    for (const auto& key : in_.incomplete)
        waiting_.try_emplace(key, 0);
    for (const auto& [key, creates] : waiting_) {
        const auto& [rule, domain] = key;
        Held held = hold_incomplete(rule, domain, view(domain));
        if (creates > 0)
            held.detail += "; " + std::to_string(creates) +
                           (creates == 1 ? " copy elsewhere waits" : " copies elsewhere wait") +
                           " until its sources are seen" + catalog_failure(domain);
        plan_.held.push_back(std::move(held));
    }
}

Plan Settler::run() && {
    index();
    plan_.held = std::move(in_.held);
    plan_.in_sync = in_.in_sync;
    plan_.in_sync_of = std::move(in_.in_sync_of);
    plan_.confirmations = std::move(in_.confirmations);
    plan_.retired = std::move(in_.retired);
    plan_.replicas = input_.replicas;
    for (const auto& view : input_.observation.domains)
        if (!view.replica.empty())
            plan_.replicas[{view.forest, view.domain}] = view.replica;
    plan_.unconfirmed = in_.unconfirmed;
    plan_.copies = std::move(in_.copies);
    for (const auto& proposal : in_.proposals)
        settle(proposal);
    for (auto& [place, container] : containers_) {
        auto& [change, allowed] = container;
        if (allowed)
            plan_.changes.push_back(std::move(change));
        else
            plan_.held.push_back(hold(Reason::mode_forbids, change, "mode observe writes nothing"));
    }
    report_incomplete();
    return std::move(plan_);
}

} // namespace

Plan settle(const PlanInput& input, Decisions decisions) {
    return Settler(input, std::move(decisions)).run();
}

std::optional<Place> wanted_place(const Change& change) {
    if (change.op == Op::create)
        return Place{change.forest, change.domain, change.dn};
    if (change.new_dn)
        return Place{change.forest, change.domain, *change.new_dn};
    return std::nullopt;
}

} // namespace scp
