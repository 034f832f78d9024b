#pragma once

#include "directory/directory.hpp"
#include "forest/parallel.hpp"
#include "forest/server_memory.hpp"
#include "forest/topology.hpp"
#include "settings/settings.hpp"

#include <memory>
#include <stop_token>

namespace scp {

/// The open sessions of one cycle: for each domain one server that all reads go to, and the server
/// that takes creates and deletes. Sessions are opened when first asked for and live as long as
/// this object. Different domains may be used by different threads at once; one domain by one
/// thread at a time.
class Sessions {
  public:
    /// `memory`: of earlier cycles of this process, and for later ones.
    Sessions(const Settings& settings, Connector& connector, std::stop_token stop,
             ServerMemory* memory = nullptr);
    ~Sessions();
    Sessions(const Sessions&) = delete;
    Sessions& operator=(const Sessions&) = delete;

    /// RootDSE → crossRefs → domains → a server each, all domains at once. Never fails as a whole:
    /// what could not be reached says so in the Topology.
    [[nodiscard]] Topology discover();

    /// What only `scpctl topology` shows: tries the servers that discover() had no need of, all at
    /// once, and reads the trusts.
    void probe(Topology& topology);

    /// The domain's pinned server.
    [[nodiscard]] Result<Directory*> reader(const std::string& forest, const DomainName& domain);
    /// The PDC emulator's session (not AD: the first server of the settings);
    /// ErrorKind::unreachable without it.
    [[nodiscard]] Result<Directory*> writer(const std::string& forest, const DomainName& domain);
    /// A global catalog of the forest, for one thread at a time. ErrorKind::not_found where there
    /// is none or it is off.
    [[nodiscard]] Result<Directory*> global_catalog(const std::string& forest);
    /// How to open another session with the server that reader() uses, e.g. to watch it from
    /// another thread.
    [[nodiscard]] Result<Endpoint> endpoint(const std::string& forest, const DomainName& domain);
    /// A session of its own there, bound as somebody else (scpctl explain --agent-bind-dn).
    [[nodiscard]] Result<std::unique_ptr<Directory>>
    separate_as(const std::string& forest, const DomainName& domain, const AuthSettings& auth);

    [[nodiscard]] const Settings& settings() const;
    [[nodiscard]] std::stop_token stop() const;

    /// Names a domain that was black-holed in the last cycle: it is not tried, and is incomplete
    /// with `why` at once.
    void take_as_down(const std::string& forest, const DomainName& domain, Error why);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace scp
