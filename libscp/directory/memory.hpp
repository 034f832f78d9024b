#pragma once

#include "base/sid.hpp"
#include "base/time.hpp"
#include "directory/directory.hpp"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

/// Directories in memory, for tests and for the simulation. Deterministic: no real clock, no
/// randomness; GUIDs, USNs and times come from counters. Semantics are AD's (or OpenLDAP's, by
/// Flavour) as far as scpd can see them.
namespace scp {

enum class Flavour { ad, openldap };

struct MemoryObject {
    struct Change {
        std::uint32_t version = 0;
        Timestamp time;
    };
    Dn dn;
    Attributes attributes; ///< as written, with what the server itself adds (objectGUID or
                           ///< entryUUID, cn, name …)
    Guid guid;
    std::uint64_t usn_created = 0, usn_changed = 0;
    Timestamp changed;
    bool deleted = false; ///< a tombstone (Flavour::ad only)
    std::map<std::string, Change, LessNoCase>
        changes; ///< per attribute: what replPropertyMetaData says
};

/// Thrown out of Directory::write at a chosen write: "the process was killed here". Not a
/// std::exception, so that nothing in between takes it for an error.
struct Killed {
    std::size_t write = 0;
};

/// What becomes of one write.
enum class WriteFate {
    proceed,
    kill_before,  ///< throw Killed, nothing written
    kill_after,   ///< written, then throw Killed
    lose_request, ///< nothing written, and the session is dead
    lose_answer,  ///< written, and the session is dead
};

class MemoryForest;

/// The objects of one naming context as one DC, or several that share it, hold them.
class MemoryPartition {
  public:
    MemoryPartition(MemoryForest& forest, const Dn& nc, Flavour flavour);

    /// Past rights, faults and hooks, as an administrator elsewhere would. Makes missing parents as
    /// containers; replaces what is there and keeps its GUID.
    Guid put(const Dn& dn, Attributes attributes);
    /// The object (and what is below it) goes, as by a delete there.
    void remove(const Dn& dn);
    /// Sets (no values: takes off) one attribute.
    void set(const Dn& dn, const std::string& attribute, Values values);
    void rename(const Dn& dn, const std::string& new_rdn);
    /// Elsewhere in the partition: a person moves it. What is below it stays where it is.
    void relocate(const Dn& dn, const Dn& to);
    [[nodiscard]] const MemoryObject* find(const Dn& dn) const;
    [[nodiscard]] const MemoryObject* find(const Guid& guid) const; ///< tombstones too
    /// Of all objects, tombstones too.
    [[nodiscard]] bool any_of(const std::function<bool(const MemoryObject&)>& is_one) const;
    /// Every live object, oldest first.
    [[nodiscard]] std::vector<const MemoryObject*> objects() const;
    /// All objects of `other` as they are now: what replication brings. USNs are this replica's
    /// own.
    void replicate_from(const MemoryPartition& other);

    /// What multi-master replication brings from another DC of the domain: for each attribute the
    /// later write wins, a delete wins over all, and of two objects that took one name the older
    /// one becomes a conflict object ([MS-DRSR] 4.1.10.6). The names of those are returned.
    std::vector<Dn> merge_from(const MemoryPartition& other);

    [[nodiscard]] const Dn& nc() const { return nc_; }
    [[nodiscard]] Flavour flavour() const { return flavour_; }
    [[nodiscard]] std::uint64_t usn() const { return usn_; }
    bool recycle_bin = false; ///< tombstones keep all attributes

  private:
    friend class MemorySession;
    friend class MemoryForest;
    Result<void> apply(const Write& write, const std::optional<Sid>& owner, bool guid_names);
    MemoryObject& insert(const Dn& dn, Attributes attributes);
    Result<void> add(const AddEntry& add, const std::optional<Sid>& owner);
    Result<void> modify(MemoryObject& object, const ModifyEntry& modify);
    Result<void> rename(MemoryObject& object, const std::string& new_rdn);
    Result<void> erase(MemoryObject& object);
    MemoryObject* resolve(const ObjectRef& object, bool guid_names);
    void move(MemoryObject& object, const Dn& to);
    void touch(MemoryObject& object, const std::string& attribute);
    std::uint64_t next_usn();
    void refresh_operational(MemoryObject& object);
    void bury(MemoryObject& object);
    bool merge(MemoryObject& object, const MemoryObject& other);
    std::optional<Dn> make_room(const MemoryObject& comer);
    void show_operational(MemoryObject& object);
    [[nodiscard]] bool has_children(const Dn& dn) const;

    MemoryForest& forest_;
    Dn nc_;
    Flavour flavour_;
    std::uint64_t usn_ = 0; ///< of the last change here
    std::map<std::string, std::unique_ptr<MemoryObject>>
        objects_; ///< by Dn::key(); unique_ptr: pointers stay
};

/// One server: a URI, naming contexts, and everything that can go wrong with it. Plain members:
/// tests set them.
class MemoryServer {
  public:
    ServerUri uri;
    std::string domain; ///< DNS name, for locate(); empty: not in DNS
    int tier = 0;       ///< likewise
    std::string site;   ///< likewise
    Flavour flavour = Flavour::ad;
    /// The first is the default naming context. shared_ptr: several servers may hold one partition
    /// (Configuration, or all DCs of a domain without lag).
    std::vector<std::shared_ptr<MemoryPartition>> partitions;
    Attributes root_dse; ///< in addition to, or instead of, what is made up from the partitions
    std::vector<Dn>
        subordinate; ///< naming contexts below ours held elsewhere: continuation references
    std::optional<Sid>
        account; ///< whom sessions are bound as: owner of what they create, and tokenGroups
    std::vector<Sid> groups; ///< further tokenGroups
    bool guid_names = true;  ///< Flavour::ad only
    bool paging = true;
    std::size_t notifications = 5; ///< so many a connection, Flavour::ad only; 0: none are offered
    bool refuses_late = false;     ///< one too many not at once, but when it is listened to (Samba)
    bool catalog = false; ///< a search below the empty name spans all partitions, as on port 3268

    // What goes wrong.
    bool unreachable = false;    ///< connect fails and open sessions are dead
    std::optional<Error> refuse; ///< connect fails with this
    std::optional<std::size_t>
        entries_then_lost; ///< every search other than base: N entries, then incomplete
    std::optional<std::size_t> size_limit; ///< likewise, LDAP 4
    std::function<std::optional<Error>(const Search&)>
        search_fault; ///< an Error: the search is incomplete with it
    std::function<bool(const Entry&, const Search&)> hidden; ///< true: no right to see it
    std::set<std::string, LessNoCase> hidden_attributes;     ///< no right to read these of anything
    std::function<bool(const Write&, const MemoryObject*)>
        may_write;          ///< false: LDAP 50. The object is null for an add
    bool read_only = false; ///< answers writes with a referral (10), as an RODC

    // What was asked of it.
    std::size_t connects = 0;
    std::size_t searches = 0;
    std::vector<Write> writes; ///< every write that took effect, in order

    [[nodiscard]] MemoryPartition& default_partition() const { return *partitions.front(); }
    /// The partition with the longest naming context above `dn`; null where the server has none.
    [[nodiscard]] MemoryPartition* holds(const Dn& dn) const;
    [[nodiscard]] Attributes make_root_dse() const;
};

/// All servers, and the Connector to them. One lock over everything, so that code under test may
/// use threads; hooks run with it held.
class MemoryForest : public Connector {
  public:
    explicit MemoryForest(std::uint32_t seed = 1) : seed_(seed) {}

    std::shared_ptr<MemoryPartition> add_partition(const Dn& nc, Flavour flavour = Flavour::ad);
    /// A server for `domain` at ldap://<host> (default dc1.<domain>) with a partition of its own
    /// and, when given, `shared` ones (Configuration). CN=System and CN=Users are there.
    MemoryServer& add_server(const std::string& domain, Flavour flavour = Flavour::ad,
                             std::vector<std::shared_ptr<MemoryPartition>> shared = {},
                             const std::string& host = {});
    [[nodiscard]] MemoryServer* server(const std::string& host);

    /// A crossRef for every server's default partition below CN=Partitions of `configuration`.
    void add_cross_refs(MemoryPartition& configuration, const Dn& root_domain);

    // Writes over all servers, counted from 1.
    std::function<WriteFate(MemoryServer&, const Write&, std::size_t ordinal)> before_write;
    std::function<void(MemoryServer&, const Write&, std::size_t ordinal, const Result<void>&)>
        after_write;
    /// Sets before_write so that the n-th write from now on is the last.
    void kill_at(std::size_t n, WriteFate how);
    [[nodiscard]] std::size_t write_count() const { return write_count_; }

    /// The clock of whenChanged, entryCSN and metadata: one second on at every write.
    Timestamp now = Timestamp{std::chrono::seconds{1767225600}}; // 2026-01-01T00:00:00Z

    [[nodiscard]] Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                                             std::stop_token stop) override;
    /// As the servers were added; `tier` and `site` as they say.
    [[nodiscard]] Result<std::vector<LocatedServer>> locate(const LocateRequest& wanted) override;

  private:
    friend class MemoryPartition;
    friend class MemorySession;
    Guid next_guid();
    /// Empty where it is no name. Sessions ask for the same few again and again.
    const Dn& parsed(const std::string& text);
    void changed() { any_change_.notify_all(); }

    std::uint32_t seed_;
    std::uint64_t guids_ = 0;
    std::uint64_t usn_ = 0; ///< one counter for all partitions, as a DC has it
    std::size_t write_count_ = 0;
    std::vector<std::unique_ptr<MemoryServer>> servers_;
    std::map<std::string, Dn> parsed_;
    mutable std::recursive_mutex
        mutex_; ///< recursive: hooks run with it held and may use the forest
    std::condition_variable_any any_change_;
};

/// A self-relative security descriptor with this owner and an empty DACL: what nTSecurityDescriptor
/// holds here.
[[nodiscard]] std::string make_security_descriptor(const Sid& owner);
/// A replPropertyMetaData blob, as AD serves it ([MS-DRSR] PROPERTY_META_DATA_EXT_VECTOR), of the
/// attributes whose ATTRTYP is known here.
[[nodiscard]] std::string
make_property_metadata(const std::map<std::string, MemoryObject::Change, LessNoCase>& changes);

} // namespace scp
