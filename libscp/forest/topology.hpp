#pragma once

#include "base/dn.hpp"
#include "base/names.hpp"
#include "base/result.hpp"
#include "base/sid.hpp"
#include "directory/endpoint.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace scp {

using DomainKey = std::pair<std::string, DomainName>; ///< forest (our name for it), domain

struct Server {
    ServerUri uri;
    std::string dns_name; ///< from its RootDSE, or of its server object
    std::string site;
    bool pdc = false;
    bool gc = false;
    bool writable = true; ///< false: a read-only DC
    bool reachable = false;
    /// Since another DC last sent it changes, or said that there are none; nullopt where it shows
    /// nothing of it.
    std::optional<std::chrono::seconds> lag;
    std::optional<Error> error; ///< why it is not reachable
};

struct Domain {
    std::string forest; ///< our name for it
    DomainName name;
    Dn nc;
    std::string netbios;
    std::optional<DomainName> parent;
    std::vector<Server> servers; ///< in the order of the settings, or as DNS has them
    std::string server;          ///< URI of the one that this cycle reads; empty where none answers
    std::optional<Error> error;  ///< why nothing of it can be read
};

struct Trust {
    DomainName domain;
    std::string direction; ///< inbound | outbound | bidirectional
    std::string type;      ///< forest | parent-child | external | realm
};

struct Forest {
    std::string name; ///< our name for it
    DomainName root;
    Dn configuration_nc;
    std::vector<Dn> naming_contexts; ///< of all its crossRefs, application partitions and the
                                     ///< Configuration NC too
    bool active_directory =
        false; ///< else a plain LDAP server: writes go to the first server of the settings
    std::vector<Domain> domains; ///< sorted by name
    /// The Configuration NC as a domain of its own (DomainName::configuration_of the root), with
    /// the root's servers. Empty where the root is not known.
    std::optional<Domain> configuration;
    std::vector<Trust> trusts;  ///< once Sessions::probe() has read them
    std::optional<Error> error; ///< nothing of the forest could be read: its domains are unknown
};

struct Topology {
    std::vector<Forest> forests; ///< in the order of the settings

    /// A domain, or a Configuration NC.
    [[nodiscard]] const Domain* find(const std::string& forest, const DomainName& domain) const;
    [[nodiscard]] const Forest* find_forest(const std::string& forest) const;
    /// Of all forests.
    [[nodiscard]] std::vector<const Domain*> domains() const;
    /// What rules are about: the domains of all forests, and with `configuration` the Configuration
    /// NCs too.
    [[nodiscard]] std::vector<const Domain*> partitions(bool configuration) const;
    /// Those that DOMAIN\… may mean: by NetBIOS or DNS name; a NetBIOS name may repeat in another
    /// forest.
    [[nodiscard]] std::vector<const Domain*> called(std::string_view name) const;
    /// The domain, or Configuration NC, whose naming context is the longest that `dn` lies within;
    /// nullptr where none is.
    [[nodiscard]] const Domain* domain_of(const std::string& forest, const Dn& dn) const;
};

} // namespace scp
