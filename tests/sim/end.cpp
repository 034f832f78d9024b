#include "sim/run.hpp"

#include <fmt/format.h>

#include <algorithm>

// When nothing happens any more: the state is that of a run that nothing has disturbed.

namespace scp::sim {
namespace {

/// A copy without what may differ: its GUID, `v=` and `gone=`.
struct Normal {
    std::size_t domain = 0;
    Dn dn;
    Attributes content;
    std::string source, rule;
};

/// A source's object, at its domain's first DC; null: it is not there any more.
const MemoryObject* object_of(const World& world, const std::string& source) {
    const auto guid = Guid::parse(source);
    const Published* known = guid ? world.published(*guid) : nullptr;
    if (known == nullptr)
        return nullptr;
    const Dc& dc = world.dcs.at(world.domains.at(known->domain).dcs.front());
    return dc.objects().find(*guid);
}

/// Of sources that agree any may be the recorded one: that which was there first.
bool serves(const World& world, const std::string& source) {
    const MemoryObject* object = object_of(world, source);
    return object != nullptr && !object->deleted && our_marker(object->attributes).empty();
}

bool same(const World& world, const Normal& a, const Normal& b) {
    return a.domain == b.domain && a.dn == b.dn && a.content == b.content && a.rule == b.rule &&
           (a.source == b.source || (serves(world, a.source) && serves(world, b.source)));
}

std::vector<Normal> state_of(const World& world) {
    std::vector<Normal> state;
    for (std::size_t domain = 0; domain < world.domains.size(); ++domain)
        for (const MemoryObject* copy : world.copies(domain)) {
            const std::string marker = our_marker(copy->attributes);
            Normal normal{
                domain, copy->dn, {}, marker_field(marker, "s"), marker_field(marker, "r")};
            for (const char* name : {"keywords", "serviceBindingInformation", "description"})
                if (name != std::string_view("description") || world.config.describes)
                    normal.content[name] = sorted(values_of(copy->attributes, name));
            state.push_back(std::move(normal));
        }
    return state;
}

/// Somebody was told why it is not otherwise. A copy that was renamed by hand is told of by the
/// name that it would get.
bool explained(const Plan& plan, const World& world, const Normal& copy) {
    const SimDomain& domain = world.domains.at(copy.domain);
    const MemoryObject* object = object_of(world, copy.source);
    const std::string name = object == nullptr ? "" : object->dn.rdn_value();
    return std::ranges::any_of(plan.held, [&](const Held& held) {
        return held.domain == DomainName(domain.name) &&
               (held.dn == copy.dn || held.dn.rdn_value() == copy.dn.rdn_value() ||
                held.dn.rdn_value() == name || held.reason == Reason::copy_moved ||
                std::ranges::any_of(held.sources, [&](const SourceRef& source) {
                    return source.guid.to_string() == copy.source;
                }));
    });
}

} // namespace

void Run::check_end() {
    const Plan plan = daemons_.back().last->plan;
    const std::vector<Normal> disturbed = state_of(world);
    // Somebody takes all copies away, and daemons that know of nothing begin anew.
    for (const Normal& copy : disturbed)
        for (const std::size_t dc : world.domains.at(copy.domain).dcs)
            world.dcs.at(dc).objects().remove(copy.dn);
    world.replicate(true);
    for (int i = 0; i < 8; ++i) {
        restart(daemons_.front());
        cycle(daemons_.front());
        world.replicate(true);
        if (daemons_.front().last->plan.changes.empty() &&
            hash_to_approve(*daemons_.front().last).empty())
            break;
        approve(daemons_.front());
    }
    const Plan undisturbed_plan = daemons_.front().last->plan;
    const std::vector<Normal> undisturbed = state_of(world);
    const auto differs = [&](const std::vector<Normal>& these, const std::vector<Normal>& those,
                             const Plan& because, const char* what) {
        for (const Normal& one : these)
            if (!std::ranges::any_of(
                    those, [&](const Normal& other) { return same(world, one, other); }) &&
                !explained(because, world, one))
                throw Violation{"the state becomes that of a run that nothing has disturbed",
                                fmt::format("{} {} (source {}, rule {})", what, one.dn.text(),
                                            one.source, one.rule)};
    };
    differs(undisturbed, disturbed, plan, "there is no");
    // A copy stays that would not be made today, e.g. of bindings that are denied since.
    Plan either = plan;
    std::ranges::copy(undisturbed_plan.held, std::back_inserter(either.held));
    differs(disturbed, undisturbed, either, "there is");
}

} // namespace scp::sim
