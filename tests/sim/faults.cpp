#include "sim/world.hpp"

#include <array>

// What goes wrong with the servers of a simulated world.

namespace scp::sim {
namespace {

constexpr std::array spans{60, 600, 3600, 10000};

} // namespace

void World::refresh_faults() {
    for (Dc& dc : dcs) {
        MemoryServer& server = *dc.server;
        const Timestamp now = forest.now;
        server.unreachable = dc.unreachable > now;
        server.may_write = nullptr;
        if (dc.refuses > now)
            server.may_write = [](const Write&, const MemoryObject*) { return false; };
        server.hidden = nullptr;
        if (dc.hidden > now)
            server.hidden = [](const Entry& entry, const Search&) {
                return !entry.dn.domain_name().empty() || entry.dn.depth() > 2;
            };
        else if (dc.objects_hidden > now)
            server.hidden = [](const Entry& entry, const Search&) {
                return values_of(entry.attributes, "keywords").size() > 0;
            };
    }
}

void World::cure() {
    for (Dc& dc : dcs)
        dc.unreachable = dc.partial = dc.hidden = dc.objects_hidden = dc.refuses = Timestamp{};
    for (auto& domain : domains)
        domain.stopped = Timestamp{};
    second_service_account = false;
    set_accounts();
    refresh_faults();
    replicate(true);
}

bool World::act_on_server(const Event& event) {
    Dc& dc = dcs.at(event.a % dcs.size());
    const Timestamp until = forest.now + std::chrono::seconds(spans.at(event.b % spans.size()));
    switch (event.what) {
    case What::unreachable:
        dc.unreachable = until;
        break;
    case What::partial_answers:
        dc.partial = until;
        break;
    case What::reads_hidden:
        dc.hidden = until;
        break;
    case What::objects_hidden: // nothing can tell: patience alone helps
        dc.objects_hidden = forest.now + std::chrono::seconds(spans.at(event.b % 2));
        blind_until = std::max(blind_until, dc.objects_hidden);
        blind_since = blind_since == 0 ? step : blind_since;
        break;
    case What::writes_refused:
        dc.refuses = until;
        break;
    case What::replication_stops:
        // Shorter than the grace of a retire: nothing can tell what is deleted from what has not
        // arrived, but patience.
        for (auto& domain : domains)
            domain.stopped = forest.now + std::chrono::seconds(spans.at(event.b % 2));
        return false;
    case What::snapshot:
        for (auto& one : dcs)
            if (domains.at(one.domain).dcs.size() > 1) {
                one.backup = std::make_shared<MemoryPartition>(forest, one.objects().nc(),
                                                               one.objects().flavour());
                one.backup->replicate_from(one.objects());
            }
        return false;
    case What::restore: {
        Dc& restored = pick_dc(event.a % domains.size(), event.c);
        if (!restored.backup)
            return false;
        restored.objects().replicate_from(*restored.backup);
        domains.at(restored.domain).restored = true;
        return true;
    }
    default:
        return false;
    }
    refresh_faults();
    return false;
}

} // namespace scp::sim
