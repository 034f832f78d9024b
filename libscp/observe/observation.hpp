#pragma once

#include "base/attributes.hpp"
#include "base/dn.hpp"
#include "base/guid.hpp"
#include "base/marker.hpp"
#include "base/names.hpp"
#include "base/result.hpp"
#include "base/sid.hpp"
#include "settings/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace scp {

/// A serviceConnectionPoint (or an object of a subclass) as it was read.
struct Scp {
    std::string forest;
    DomainName domain;
    Dn nc;
    Dn dn;
    Guid guid;
    std::string name; ///< RDN value; of a CNF object, with its \nCNF:… part
    Attributes
        attributes; ///< everything a rule copies, keywords, objectClass, and the marker attribute
    std::optional<Marker> marker; ///< the first well-formed one
    std::string marker_value;     ///< exactly as it stands in the directory, for compare-and-swap
    bool marked = false;          ///< has a value that claims to be a marker, well formed or not
    SourceVersion version;        ///< newest change of the copied attributes
    std::optional<Sid> owner;     ///< where the server has owners and showed it
    bool conflict = false;        ///< a replication conflict object: \0ACNF: in its RDN
    std::optional<Timestamp> modified;
};

/// What one domain said. Not complete: nothing may be concluded from what is absent in `scps`.
struct DomainView {
    std::string forest;
    DomainName domain;
    Dn nc;
    std::string server;  ///< URI that was read
    std::string replica; ///< whose database that is (replica_of); empty: it could not be asked
    std::optional<Error>
        incomplete;          ///< empty: read to a proved end, and a known object of it was seen
    bool has_owners = false; ///< the server keeps owners (AD)
    std::vector<Sid>
        our_sids; ///< of scpd's account there and its groups (RootDSE tokenGroups); with has_owners
    std::vector<Scp>
        scps; ///< (a) what the rules' keywords match and (b) what carries a marker; by DN
    [[nodiscard]] bool complete() const { return !incomplete; }
};

/// (c) What became of a source that a marker names and (a) did not show.
struct SourceFate {
    enum class State {
        alive,    ///< `scp` holds it: it may have moved, or its keywords no longer match
        deleted,  ///< its tombstone was seen
        absent,   ///< not there by GUID, while its container, or the nearest one left, was seen
        not_seen, ///< its domain is unknown, incomplete, or nothing of its surroundings is readable
    };
    Guid source;
    DomainName origin;
    State state = State::not_seen;
    std::optional<Scp> scp;
    std::string detail; ///< for people: what was tried, what came back
};

/// Where one entry of a rule's `accounts` led. Several accounts where it is a group or a filter.
struct ResolvedAccount {
    struct Location {
        std::string forest;
        DomainName domain;
        Dn dn;
        bool disabled = false;
        friend auto operator<=>(const Location&, const Location&) = default;
    };
    std::string rule;
    AccountQuery query;
    std::vector<Location> locations; ///< sorted
    std::string unresolved;          ///< empty: completely resolved; else why not, for people
};

/// Where one entry of `trust.owners` or `marker.owners` led.
struct ResolvedOwner {
    AccountQuery query;
    std::optional<Sid> sid;
    std::string unresolved; ///< why there is no SID, for people
};

/// The groups that an owner of SCPs is a member of, nested ones too (tokenGroups). Only of owners
/// who are not named themselves, and only where somebody is.
struct OwnerGroups {
    Sid owner;
    std::vector<Sid> groups;    ///< sorted
    std::optional<Error> error; ///< may be a member of more
};

/// (d) A DN that a copy would be created or renamed at.
struct Place {
    std::string forest;
    DomainName domain;
    Dn dn;
    friend auto operator<=>(const Place&, const Place&) = default;
};
struct PlaceView {
    Place place;
    std::vector<Dn> missing_parents; ///< containers between the NC and the DN that are not there,
                                     ///< outermost first
    std::optional<Guid> occupant;    ///< somebody is there
    Dn occupant_dn;
    std::optional<Error> error; ///< could not be looked at
};

/// What a global catalog showed of a domain that was not read whole. It lags, and has neither
/// markers nor owners: nothing in it is ever a source. All that it may tell is that no SCP of some
/// name is there.
struct CatalogView {
    std::string forest;
    DomainName domain;
    std::string server; ///< URI of the catalog; empty where none could be asked
    std::optional<Error>
        incomplete;       ///< empty: read to a proved end, and the domain itself was seen there
    std::vector<Dn> scps; ///< what the rules' keywords match; sorted
    [[nodiscard]] bool complete() const { return !incomplete; }
};

struct Observation {
    std::vector<DomainView>
        domains; ///< one for every domain of the topology, and where a rule uses them for every
                 ///< Configuration NC; sorted by forest and domain
    std::vector<CatalogView>
        catalogs;                  ///< one for each incomplete domain of a forest whose settings
                                   ///< let its global catalog be asked; sorted likewise
    std::vector<SourceFate> fates; ///< sorted by source GUID
    std::vector<ResolvedAccount> accounts;
    std::vector<ResolvedOwner> owners;
    std::vector<OwnerGroups> owner_groups; ///< sorted by owner
    std::vector<PlaceView> places;         ///< sorted by place

    [[nodiscard]] const DomainView* find(const std::string& forest, const DomainName& domain) const;
};

} // namespace scp
