#pragma once

#include "directory/memory.hpp"
#include "settings/settings.hpp"
#include "sim/event.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace scp::sim {

/// One domain controller or LDAP server, and until when what is wrong with it.
struct Dc {
    MemoryServer* server = nullptr;
    std::size_t domain = 0;
    Timestamp unreachable{}, partial{}, hidden{}, objects_hidden{}, refuses{};
    std::shared_ptr<MemoryPartition> backup;

    [[nodiscard]] MemoryPartition& objects() const { return server->default_partition(); }
};

struct SimDomain {
    std::string forest, name;
    Dn nc;
    Flavour flavour = Flavour::ad;
    bool trusted = true;
    std::vector<std::size_t> dcs; ///< the first takes creates and deletes
    Timestamp stopped{};          ///< replication, until then
    Timestamp replicates{};       ///< next
    bool restored = false;        ///< a DC was, and has not heard of what was made since
};

/// An SCP that an application has published: what the simulation knows of it by itself.
struct Published {
    Guid guid;
    std::size_t domain = 0;
    std::set<std::string> values{}; ///< all that it ever had
    std::size_t stands = 0;   ///< since which step it is there, trusted and unmarked, on every DC
    std::size_t conflict = 0; ///< since which step it is a conflict object on every DC
    std::size_t shown = 0;    ///< since which step the global catalog has it by its name
    bool was_copy = false;    ///< whose marker somebody took off on one DC: what daemons wrote
                              ///< to the others meanwhile comes to it as well
};

/// From step to step; until 0: not over.
struct Span {
    std::size_t since = 0, until = 0;
};

/// The settings as far as stories change them.
struct Config {
    bool more_keywords = false; ///< rule mage asks for another keyword
    bool has_rule_q = true;
    bool describes = true; ///< description is copied
    Mode mode = Mode::sync;
    bool first_use = false, denies = false, q_everywhere = false;
    std::size_t max_changes = 6, max_deletes = 3;
    int confirmations = 2;
    bool trusts_owners = false;         ///< only those of whom no attacker is one
    bool marker_owners = false;         ///< both service accounts own copies
    bool overlaps = false;              ///< a third rule asks for the keyword extra,
    bool overlaps_alike = true;         ///< and writes as the others do
    std::optional<std::size_t> prefers; ///< domain
    bool catalogs = false;
};

/// The directories of a simulated world, what persons, applications and attackers do there, and
/// what is true of it, whatever the product may believe.
class World {
  public:
    explicit World(const Story& story);
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// Persons, applications, attackers and faults; what concerns daemons is not for here. True
    /// where something in a directory, or the settings, has changed.
    bool act(const Event& event);
    /// The clock goes on: replication, and faults that are over.
    void advance(Timestamp to);
    void cure(); ///< all faults end, rights come back, and all DCs are brought up to date
    void replicate(bool all);

    [[nodiscard]] Settings make_settings() const;
    [[nodiscard]] Dc* dc_of(const std::string& host);
    [[nodiscard]] std::size_t domain_of(const Dn& dn) const;
    /// The global catalog of the forest corp, as of a while ago. Null: there is none.
    void refresh_catalog();
    [[nodiscard]] bool trusts_owner(const MemoryObject& object) const;
    [[nodiscard]] bool is_ours(const MemoryObject& object) const;
    /// The keywords that were asked for when the copy was last written.
    void remember_filter(const Guid& copy, const std::string& rule);
    void note_change(); ///< what is wanted is worked out anew
    /// What Event::same means.
    void aim_at(const Guid& object) { aim_ = object; }

    // What is true.
    /// A copy whose source is there, trusted and unmarked on every DC of its domain, and wanted
    /// where it is: since which step. 0: it is not.
    [[nodiscard]] std::size_t wanted_since(const Guid& copy) const;
    [[nodiscard]] const Published* published(const Guid& guid) const;
    [[nodiscard]] bool is_value_of(const Published& source, const std::string& value) const;
    /// Why this copy of `source` does not belong into the domain, for longer than since `step`:
    /// somebody else serves there, or sources that are as good differ. Empty: nothing is known
    /// against it.
    [[nodiscard]] std::string against(const Published& source, const AddEntry& copy,
                                      std::size_t domain, std::size_t before) const;
    /// Since which step it is not wanted, as far as can be seen from outside: that it was wanted
    /// in between counts only where a whole read fell into that time, and hidden objects look like
    /// deleted ones.
    [[nodiscard]] std::size_t unwanted_since(const Guid& copy,
                                             const std::vector<Span>& reads) const;
    [[nodiscard]] std::vector<const MemoryObject*> copies(std::size_t domain) const;

    MemoryForest forest;
    std::deque<Dc> dcs; ///< does not move what it holds
    std::vector<SimDomain> domains;
    Config config;
    std::map<Guid, std::size_t> made_by_us; ///< what a daemon of ours has created, at which step
    std::map<Guid, std::set<Attributes>> left_by_us; ///< and what copies held after its writes
    std::size_t step = 1;                            ///< counts operations of daemons, and events
    Timestamp blind_until{};                         ///< so long some server showed no SCP
    std::size_t blind_since = 0;                     ///< and since which step; 0: none ever did
    std::size_t conflicts_of_ours = 0;               ///< names that two creates of ours took
    Sid administrator, attacker, first_account, second_account;
    bool second_service_account = false;

  private:
    void add_forest(const std::string& name, const std::vector<std::string>& names, Flavour flavour,
                    bool two_dcs);
    void add_catalog();
    void refresh_faults();
    void note_catalog();
    [[nodiscard]] bool is_unseen(const Published& source, std::size_t before) const;
    [[nodiscard]] Dc& pick_dc(std::size_t domain, unsigned c);
    [[nodiscard]] Attributes content(unsigned kind, const std::string& value) const;
    Guid put(Dc& dc, const Dn& below, const std::string& name, Attributes attributes,
             const Sid& owner);
    using Place = std::pair<Dc*, const MemoryObject*>;
    [[nodiscard]] std::vector<Place> live_sources(unsigned c);
    [[nodiscard]] std::vector<Place> live_copies(unsigned c);
    [[nodiscard]] const Place& pick(const std::vector<Place>& live, const Event& event) const;
    bool act_on_source(const Event& event);
    bool act_on_copy(const Event& event);
    bool act_on_account(const Event& event);
    bool act_on_settings(const Event& event);
    bool act_on_server(const Event& event);
    bool plant(const Event& event);
    bool publish_by_hand(const Event& event);
    void set_accounts();
    [[nodiscard]] bool wanted(const MemoryObject& copy, std::size_t domain) const;
    void note_published();
    [[nodiscard]] bool stands(const MemoryObject& object, const SimDomain& home) const;
    [[nodiscard]] bool source_stands(const Guid& source, const Guid& copy) const;
    [[nodiscard]] bool is_target(const std::string& rule, std::size_t domain) const;
    [[nodiscard]] bool served_otherwise(const MemoryObject& copy, std::size_t domain) const;
    [[nodiscard]] std::string new_value(const Guid* source);

    std::vector<Published> published_;
    std::map<Guid, Values> filters_;
    std::map<Guid, std::size_t> wanted_;
    std::map<Guid, std::vector<Span>> unwanted_;
    std::map<Guid, std::size_t> foreign_; ///< copies of another instance, since which step
    std::map<std::pair<Guid, Guid>, std::size_t> differ_; ///< sources of one identity
    std::chrono::seconds replication_delay_{0};
    MemoryServer* catalog_ = nullptr;
    Timestamp catalog_is_of_{};
    std::chrono::seconds catalog_lag_{0};
    unsigned values_ = 0;
    std::optional<Guid> aim_;
};

[[nodiscard]] bool is_scp(const MemoryObject& object);
/// One field of a marker, read without the product's help; empty where there is none.
[[nodiscard]] std::string marker_field(const std::string& marker, const std::string& name);
/// The value that is a marker of our instance; empty: none.
[[nodiscard]] std::string our_marker(const Attributes& attributes);
/// Of "s3.17…": 17. 0 where it is no such value.
[[nodiscard]] unsigned version_in(const std::string& value);

} // namespace scp::sim
