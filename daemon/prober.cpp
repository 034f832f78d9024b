#include "daemon/prober.hpp"

#include "daemon/patience.hpp"
#include "daemon/schedule.hpp"
#include "forest/parallel.hpp"
#include "forest/sessions.hpp"

#include <algorithm>
#include <utility>

namespace scp {
namespace {

/// True where the domain can be opened just now; all others are left alone.
bool answers(const DomainKey& domain, const Settings& settings, Connector& connector,
             std::stop_token stop) {
    Settings only = settings;
    std::erase_if(only.forests,
                  [&](const ForestSettings& forest) { return forest.name != domain.first; });
    Sessions sessions(only, connector, std::move(stop));
    for (const auto& [other, override] : only.forests.front().domains)
        if (other != domain.second.dns())
            sessions.take_as_down(domain.first, other,
                                  Error{ErrorKind::unreachable, "not asked", "", 0});
    Topology topology;
    run_on_lasting_thread([&] { topology = sessions.discover(); });
    const Domain* const found = topology.find(domain.first, domain.second);
    return found != nullptr && !found->error;
}

} // namespace

Prober::Prober(Connector& connector, Mailbox& mailbox, ProbeWaits waits)
    : connector_(connector), mailbox_(mailbox), waits_(waits) {}

void Prober::probe(const DomainKey& domain, const Error& why,
                   std::shared_ptr<const Settings> settings) {
    auto& probe = probes_[domain];
    if (probe.is_down)
        return;
    probe.why = why;
    probe.is_down = true;
    const int failures = ++probe.failures;
    const bool refused = why.kind == ErrorKind::refused;
    // The settings are shared: the main thread may load new ones while this runs.
    retired_.take(std::exchange(probe.thread, {}));
    probe.thread = std::jthread([this, domain, refused, failures,
                                 settings = std::move(settings)](const std::stop_token& stop) {
        int tries = failures;
        while (!wait_or_stop(stop, refused ? waits_.refused : back_off(tries++, waits_.longest)))
            if (answers(domain, *settings, connector_, stop)) {
                if (!stop.stop_requested())
                    mailbox_.post(DomainIsBack{domain});
                return;
            }
    });
}

void Prober::forget(const DomainKey& domain) {
    if (auto found = probes_.extract(domain))
        retired_.take(std::move(found.mapped().thread));
}

void Prober::came_back(const DomainKey& domain) {
    if (const auto found = probes_.find(domain); found != probes_.end())
        found->second.is_down = false;
}

void Prober::stop_all() {
    for (auto& [domain, probe] : probes_)
        retired_.take(std::move(probe.thread));
    probes_.clear();
}

std::map<DomainKey, Error> Prober::down() const {
    std::map<DomainKey, Error> out;
    for (const auto& [domain, probe] : probes_)
        if (probe.is_down)
            out.emplace(domain, probe.why);
    return out;
}

} // namespace scp
