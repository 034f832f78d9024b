#pragma once

#include "plan/plan.hpp"
#include "support/build_scp.hpp"

#include <algorithm>
#include <set>

namespace scp::test {

/// A forest or several as plain values: what the planner would be shown, and what applying a plan
/// makes of it.
class World {
  public:
    World() { settings.instance = "prod"; }

    Settings settings;
    std::vector<Rule> rules; ///< those selected; settings.rules holds them all
    Topology topology;
    Observation observation;
    Timestamp now = *parse_rfc3339("2026-06-01T00:00:00Z");
    std::optional<Timestamp> clock_set; ///< while the process ran
    Confirmations confirmations;        ///< of the reads before
    Replicas replicas;                  ///< likewise
    RetiredBefore retired;              ///< by the cycles before
    Past past;                          ///< what this host has done
    std::set<Place> other_objects;      ///< DNs taken by what is no SCP
    std::set<Place> missing_containers; ///< containers that are not there
    std::set<Place> unreadable;         ///< places that cannot be looked at

    DomainView& domain(const std::string& name, const std::string& forest = "corp") {
        for (auto& view : observation.domains)
            if (view.domain.text() == name && view.forest == forest)
                return view;
        DomainView view;
        view.forest = forest;
        view.domain = DomainName(name);
        view.nc = nc_of(name);
        observation.domains.push_back(view);
        return observation.domains.back();
    }

    Scp& add(const Scp& scp) {
        auto& list = domain(scp.domain.text(), scp.forest).scps;
        list.push_back(scp);
        return list.back();
    }

    void add_rule(const Rule& rule, bool selected = true) {
        settings.rules.push_back(rule);
        if (selected)
            rules.push_back(rule);
    }

    /// An account of the rule that lives in that domain; the rule must be added afterwards.
    void account(Rule& rule, const std::string& domain, const std::string& forest = "corp") {
        ResolvedAccount account;
        account.rule = rule.name;
        account.query.text =
            "CN=agent-" + std::to_string(rule.accounts.size()) + "," + Dn::of_domain(domain).text();
        account.query.kind = AccountQuery::Kind::dn;
        account.locations.push_back(
            {forest, DomainName(domain), *Dn::parse(account.query.text), false});
        rule.accounts.push_back(account.query);
        observation.accounts.push_back(std::move(account));
    }

    [[nodiscard]] PlanInput input() const {
        return {settings,      rules, topology, observation, now,
                confirmations, past,  replicas, clock_set,   retired};
    }

    [[nodiscard]] Plan plan() {
        observation.places.clear();
        for (const auto& place : places_needed(input()))
            observation.places.push_back(look_at(place));
        return make_plan(input());
    }

    /// What the directories hold once every change of the plan is carried out.
    void apply(const Plan& plan) {
        for (const auto& change : plan.changes)
            apply(change);
    }

  private:
    PlaceView look_at(const Place& place) {
        PlaceView view;
        view.place = place;
        if (unreadable.contains(place)) {
            view.error = Error{ErrorKind::unreachable, "no answer", "", 0};
            return view;
        }
        const Dn nc = domain(place.domain.text(), place.forest).nc;
        for (Dn parent = place.dn.parent(); parent != nc && !parent.empty();
             parent = parent.parent())
            if (missing_containers.contains({place.forest, place.domain, parent}))
                view.missing_parents.insert(view.missing_parents.begin(), parent);
        if (other_objects.contains(place)) {
            view.occupant = guid_number(0xffff);
            view.occupant_dn = place.dn;
        }
        for (const auto& scp : domain(place.domain.text(), place.forest).scps)
            if (scp.dn == place.dn) {
                view.occupant = scp.guid;
                view.occupant_dn = scp.dn;
            }
        return view;
    }

    void apply(const Change& change) {
        auto& view = domain(change.domain.text(), change.forest);
        if (change.op == Op::create_container) {
            missing_containers.erase({change.forest, change.domain, change.dn});
            return;
        }
        if (change.op == Op::create) {
            Scp scp;
            scp.forest = change.forest;
            scp.domain = change.domain;
            scp.nc = change.nc;
            scp.dn = change.dn;
            scp.name = change.dn.rdn_value();
            scp.guid = guid_number(++created_);
            scp.attributes["objectClass"] = {"top", "leaf", "connectionPoint",
                                             "serviceConnectionPoint"};
            if (view.has_owners)
                scp.owner = view.our_sids.front();
            view.scps.push_back(scp);
            write(view.scps.back(), change);
            return;
        }
        const auto found = std::ranges::find(
            view.scps, change.guid, [](const Scp& scp) { return std::optional(scp.guid); });
        if (change.op == Op::remove) {
            view.scps.erase(found);
            return;
        }
        if (change.new_dn) {
            found->dn = *change.new_dn;
            found->name = change.new_dn->rdn_value();
            found->conflict = false;
        }
        write(*found, change);
    }

    static void write(Scp& scp, const Change& change) {
        for (const auto& [name, values] : change.before)
            scp.attributes.erase(name);
        for (const auto& [name, values] : change.after)
            scp.attributes[name] = values;
        scp.attributes["cn"] = {scp.name};
        scp.attributes["msDS-Settings"] = {change.marker_after};
        scp.marked = true;
        scp.marker_value = change.marker_after;
        scp.marker = parse_marker(change.marker_after);
    }

    unsigned long long created_ = 0x1000;
};

} // namespace scp::test
