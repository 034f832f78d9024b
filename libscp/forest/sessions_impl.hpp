#pragma once

#include "forest/candidates.hpp"
#include "forest/partitions.hpp"
#include "forest/sessions.hpp"

#include <map>
#include <mutex>

namespace scp {

using SessionPtr = std::unique_ptr<Directory>;

struct Sessions::Impl {
    Impl(const Settings& with, Connector& by, std::stop_token token, ServerMemory* remembered)
        : settings(with), connector(by), stop(std::move(token)),
          memory(remembered != nullptr ? *remembered : own_memory) {}

    /// What is known of one domain's servers.
    struct DomainState {
        ServerUri uri; ///< of reader
        SessionPtr reader;
        Result<Dn> pdc_role = Dn(); ///< DN of the holder's NTDS Settings
        SessionPtr pdc;             ///< empty where the reader is the PDC emulator
        std::optional<Error> error;
    };

    const Settings& settings;
    Connector& connector;
    std::stop_token stop;
    ServerMemory own_memory;
    ServerMemory& memory;
    std::mutex lock; ///< guards the maps, not the sessions in them
    std::map<DomainKey, DomainState> domains;
    std::map<DomainKey, Error> down;
    std::map<std::string, SessionPtr> catalogs;
    std::map<std::string, Error> no_catalogs; ///< forests where none answered: asked once a cycle
    std::map<std::string, KnownDcs> dcs;      ///< by forest
    Topology topology;

    [[nodiscard]] std::size_t workers() const;
    [[nodiscard]] const ForestSettings& forest_settings(const std::string& name) const;

    // discover.cpp
    Forest discover_forest(const ForestSettings& settings_of);
    void try_named(Candidates& candidates, const ForestSettings& forest);
    void learn(Forest& forest, Candidates& candidates, const ForestSettings& settings_of);
    Candidates candidates_of(const Domain& domain, const DomainName& root,
                             const ForestSettings& settings_of, Candidates& known,
                             std::optional<Error>& error);
    void open_domain(const ForestSettings& forest, const DomainName& root, Domain& domain,
                     Candidates& known);
    void choose_reader(Domain& domain, Candidates candidates, const ForestSettings& forest,
                       DomainState& state);
    void find_pdc(const Forest& forest, Domain& domain);

    // sessions.cpp
    void read_trusts_of(Forest& forest);
    void open_configuration(const DomainKey& key);
    Result<Directory*> open_pdc(const DomainKey& key, DomainState& state);
};

/// What the server says of itself, and what the forest knows of it.
[[nodiscard]] Server describe(const LocatedServer& at, Directory* session, const KnownDcs& dcs,
                              const Dn& nc);

} // namespace scp
