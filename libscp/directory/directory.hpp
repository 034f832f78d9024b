#pragma once

#include "base/dn.hpp"
#include "base/filter.hpp"
#include "base/guid.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "directory/endpoint.hpp"
#include "directory/entry.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

namespace scp {

enum class Scope { base, one, subtree };

/// LDAP_SERVER_SD_FLAGS, [MS-ADTS] 3.1.1.3.4.1.11: who knows it shows owners and DACLs.
inline constexpr const char* sd_flags_control = "1.2.840.113556.1.4.801";
/// LDAP_SERVER_NOTIFICATION, [MS-ADTS] 3.1.1.3.4.1.9: who knows it tells of changes.
inline constexpr const char* notification_control = "1.2.840.113556.1.4.528";

struct Search {
    ObjectRef base;
    Scope scope = Scope::subtree;
    Filter filter = present("objectClass");
    std::vector<std::string>
        attributes;        ///< empty: all user attributes. entryUUID, entryCSN must be named.
    bool deleted = false;  ///< also deleted objects, where the server knows show-deleted
                           ///< (1.2.840.113556.1.4.417)
    bool security = false; ///< nTSecurityDescriptor as owner, group and DACL (sd_flags 7), where
                           ///< the server knows it
};

/// A continuation reference: where else the search would have to go on.
struct Reference {
    std::string uri;      ///< as the server wrote it
    std::optional<Dn> dn; ///< its base; nullopt where the URI names none, or cannot be read
};

/// What a search gave. `incomplete` empty means: read to a *proved* end (result code 0 and, where
/// paged, the last page's control with an empty cookie, no reference into a naming context that was
/// asked for). Entries that came before a failure are kept: they exist, but nothing may be
/// concluded from what is absent. A base search of an object that is not there is complete with no
/// entries.
struct Found {
    std::vector<Entry> entries;
    std::vector<Reference> references; ///< e.g. to child domains
    std::optional<Error> incomplete;

    [[nodiscard]] bool complete() const { return !incomplete; }
};

/// A part of the tree that a session listens to.
struct WatchedPlace {
    Dn base;
    Scope scope = Scope::one; ///< AD: subtree at the head of a naming context only
    bool deleted = false;     ///< also deleted objects
    friend bool operator==(const WatchedPlace&, const WatchedPlace&) = default;
};

struct Modification {
    enum class Op { add, remove, replace };
    Op op = Op::replace;
    std::string attribute;
    Values values; ///< remove: exactly these; empty: the whole attribute
};

struct AddEntry {
    Dn dn;
    Attributes attributes;
};
struct ModifyEntry {
    ObjectRef object;
    std::vector<Modification> modifications;
};
/// New RDN below the same parent; the old RDN value goes.
struct RenameEntry {
    ObjectRef object;
    std::string new_rdn;
};
struct DeleteEntry {
    ObjectRef object;
};
using Write = std::variant<AddEntry, ModifyEntry, RenameEntry, DeleteEntry>;

/// Read once, at connect.
struct RootDse {
    Dn default_naming_context;
    Dn root_domain_naming_context;
    Dn configuration_naming_context;
    Dn schema_naming_context;
    std::vector<Dn> naming_contexts;
    std::string dns_host_name;
    std::string ds_service_name; ///< DN of the NTDS Settings object
    Dn server_name;
    std::vector<std::string> supported_controls;
    std::vector<std::string> supported_capabilities;
    std::vector<std::string> supported_sasl_mechanisms;
    std::vector<std::string>
        token_groups; ///< SIDs (bytes) of the bound account, itself and its groups; AD only
    std::optional<std::uint64_t> highest_committed_usn;
    std::optional<Timestamp> current_time; ///< by the server's clock, at connect

    [[nodiscard]] bool supports_control(std::string_view oid) const;
};

/// One session with one server. Not for use by two threads at once. Every call ends within the
/// operation's deadline, or at once when the stop token given at connect is triggered
/// (ErrorKind::interrupted). After a failure of kind unreachable the session is dead: every later
/// call fails likewise.
class Directory {
  public:
    Directory() = default;
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    virtual ~Directory() = default;

    [[nodiscard]] virtual const RootDse& root_dse() const = 0;
    /// For messages and output: "ldaps://dc1.corp.test".
    [[nodiscard]] virtual const std::string& server() const = 0;
    /// The server takes `<GUID=…>` as a name (tried at connect: what a RootDSE claims is not
    /// proof).
    [[nodiscard]] virtual bool takes_guid_names() const = 0;

    /// Paged where it is not a base search.
    [[nodiscard]] virtual Found search(const Search& search) = 0;
    /// Many small searches, pipelined. Answers in the order asked.
    [[nodiscard]] virtual std::vector<Found> search_all(std::span<const Search> searches);
    /// Pipelined. Answers in the order asked; each write stands for itself, and the server may take
    /// them in any order: what depends on another write belongs into a later call. A write whose
    /// answer did not come has ErrorKind::unreachable: it may have happened.
    [[nodiscard]] virtual std::vector<Result<void>> write(std::span<const Write> writes) = 0;

    /// RFC 4533 refreshAndPersist over `nc`: calls `on_change` once the refresh is done, then after
    /// every change, from this thread, until `stop` or a failure. Returns without an error only
    /// when stopped. After `heartbeat` without a word the server is asked something that it must
    /// answer within the operation's deadline: silence is no failure, but a dead peer is.
    [[nodiscard]] virtual Result<void> persist(const Dn& nc, const Filter& filter,
                                               std::chrono::milliseconds heartbeat,
                                               std::stop_token stop,
                                               const std::function<void()>& on_change) = 0;

    /// AD's change notifications: from now on heard() tells of these places. A server answers a
    /// registration only to refuse it, by a code of its own for one too many on a connection (AD:
    /// 51 after 5, Samba: 11 after 4): the Error then has an ldap_code, and the session lives on.
    [[nodiscard]] virtual Result<void> listen(std::span<const WatchedPlace> places) = 0;
    /// What has changed in these places, as it is now, with objectClass and isDeleted: as soon as
    /// there is something, empty where there was nothing for `patience`, or stopped. Other calls
    /// may come in between; what is told meanwhile is kept. Changes before listen() are not told.
    [[nodiscard]] virtual Result<std::vector<Entry>> heard(std::chrono::milliseconds patience,
                                                           std::stop_token stop) = 0;
};

/// Whose servers are looked for, and how they are to be reached.
struct LocateRequest {
    std::string domain; ///< DNS name
    ServerUri::Scheme scheme = ServerUri::Scheme::ldaps;
    SiteSettings site{};
    std::chrono::milliseconds timeout{5000}; ///< for DNS; pings take a part of it
};
/// A server that DNS has for a domain, and what it says of itself without a log-in.
struct LocatedServer {
    ServerUri uri;
    int tier = 0;         ///< those of one tier are of equal worth; the lowest is the nearest
    bool writable = true; ///< false: it says that it is a read-only DC
    std::string site;     ///< empty: it did not say
    bool silent = false;  ///< others answered a ping, this one did not
    friend bool operator==(const LocatedServer&, const LocatedServer&) = default;
};

/// Opens sessions: real ones (directory/libldap), in-memory ones in tests. Safe for use by several
/// threads.
class Connector {
  public:
    virtual ~Connector() = default;
    /// DNS, connect, TLS, bind and RootDSE within endpoint.timeouts.connect.
    /// ErrorKind::unreachable, refused, settings.
    [[nodiscard]] virtual Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                                                     std::stop_token stop) = 0;
    /// The domain's DCs, best first: SRV records of its site and of the domain, by priority and
    /// weight; those that answer a ping, can be written to and stand in our site come first.
    [[nodiscard]] virtual Result<std::vector<LocatedServer>>
    locate(const LocateRequest& wanted) = 0;
};

} // namespace scp
