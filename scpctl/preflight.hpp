#pragma once

#include "base/dn.hpp"
#include "base/error.hpp"
#include "base/names.hpp"
#include "base/sid.hpp"
#include "forest/topology.hpp"
#include "report/json.hpp"
#include "report/style.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace scp {

/// schemaIDGUID of serviceConnectionPoint.
inline constexpr const char* scp_class_guid = "28630ec1-41d5-11d1-a9c1-0000f80367c1";

/// What the account of scpd may do in a container that copies go to, as the server tells it without
/// anything being written ([MS-ADTS] 3.1.1.4.5.30 and .31).
struct ContainerRights {
    Dn container;
    std::vector<std::string> rules; ///< that write to it; sorted
    std::vector<Dn> missing; ///< it and what is above it, outermost first; empty: it is there
    bool told = false;       ///< the server tells rights at all (AD); else nothing below is known
    bool may_create = false;
    /// Of copies that will be made here, by the container's inheritable entries.
    bool may_change = false;
    bool may_delete = false;
    bool deletes = false;       ///< some rule is in mode sync
    std::optional<Error> error; ///< could not be looked at
};

struct DomainFacts {
    std::string forest;
    DomainName name;
    std::string netbios;
    Dn nc;
    std::string server; ///< URI of the one that is read
    std::vector<Server> servers;
    std::optional<Error> error;                ///< why nothing of it can be read
    std::optional<Error> incomplete;           ///< or why it was not read to its end
    std::string login;                         ///< how scpd logs in there, for people
    std::optional<Sid> account;                ///< who it is there; where the server tells
    std::optional<std::chrono::seconds> ahead; ///< the server's clock less ours
    bool is_target = false;
    std::string writes_to;            ///< URI of the server for creates and deletes
    std::optional<Error> write_error; ///< why there is none
    std::vector<ContainerRights> containers;
};

struct PreflightFacts {
    std::vector<std::pair<std::string, Error>> forests; ///< that could not be read at all
    std::vector<DomainFacts> domains;
    std::vector<std::pair<std::string, std::string>> unresolved; ///< rule, and account with why
    bool has_rules = false;
};

struct PreflightCheck {
    std::string forest; ///< our name for it; empty: of no forest
    std::string domain; ///< empty: of no domain
    std::string check;
    bool ok = false;
    std::string detail;
    std::string hint;
};

/// Pure. By domain, each with its checks in the order that they depend on each other.
[[nodiscard]] std::vector<PreflightCheck> preflight_checks(const PreflightFacts& facts);

enum class GrantTool { dsacls, powershell, samba_tool };
/// The commands by which an administrator gives what is missing, a domain after the other: one
/// container, create-child for SCPs on it, and write and delete on the SCPs below, for the group
/// `group`. Pure. Empty: nothing is missing.
[[nodiscard]] std::string grant_commands(const PreflightFacts& facts, GrantTool tool,
                                         const std::string& group);

/// scpd.preflight/1
[[nodiscard]] Json preflight_document(const std::vector<PreflightCheck>& checks);
[[nodiscard]] std::string preflight_text(const std::vector<PreflightCheck>& checks,
                                         const Style& style);

} // namespace scp
