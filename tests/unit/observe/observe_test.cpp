#include "observe/observe.hpp"

#include "unit/observe/forest_bench.hpp"

#include <doctest/doctest.h>
#include <fmt/ranges.h>

using namespace scp;
using namespace scp::test;

namespace {

Marker a_marker(const Guid& source, const std::string& origin) {
    Marker marker;
    marker.instance = "prod";
    marker.rule = "mage";
    marker.source = source;
    marker.origin = DomainName(origin);
    marker.sel = marker.attrs = marker.hash = content_hash({});
    marker.version = {SourceVersion::Kind::originating, "2026-01-01T00:00:00Z"};
    return marker;
}

/// The names seen in a domain, in order: "svc copy(marked)".
std::string names(const DomainView& view) {
    std::vector<std::string> out;
    for (const auto& scp : view.scps)
        out.push_back(printable(scp.name) +
                      (scp.marker   ? "(marked)"
                       : scp.marked ? "(malformed)"
                                    : "") +
                      (scp.conflict ? "(conflict)" : ""));
    return fmt::format("{}", fmt::join(out, " "));
}

std::string state_name(SourceFate::State state) {
    switch (state) {
    case SourceFate::State::alive:
        return "alive";
    case SourceFate::State::deleted:
        return "deleted";
    case SourceFate::State::absent:
        return "absent";
    case SourceFate::State::not_seen:
        return "not seen";
    }
    return "?";
}

} // namespace

TEST_CASE("observe: what is seen of one object") {
    struct Row {
        std::string name;
        Attributes different;
        std::string below = "CN=Product,CN=System";
        std::string seen;
    };
    const std::string marker = to_string(a_marker(guid_number(9), "corp.test"));
    const std::vector<Row> rows{
        {"what the rule's keywords match", {}, "CN=System", "svc"},
        {"keywords in another case", {{"keywords", {"MAGE", "more"}}}, "CN=System", "svc"},
        {"outside the trusted containers too", {}, "OU=Servers", "svc"},
        {"another keyword", {{"keywords", {"magento"}}}, "CN=System", ""},
        {"no keywords", {{"keywords", {}}}, "CN=System", ""},
        {"another class", {{"objectClass", {"container"}}}, "CN=System", ""},
        {"a class below it", {{"objectClass", {"serviceAdministrationPoint"}}}, "CN=System", "svc"},
        {"marked", {{"msDS-Settings", {marker}}}, "CN=scpd,CN=System", "svc(marked)"},
        {"marked, its keywords edited",
         {{"msDS-Settings", {marker}}, {"keywords", {"other"}}},
         "CN=scpd,CN=System",
         "svc(marked)"},
        {"marked, its keywords taken off",
         {{"msDS-Settings", {marker}}, {"keywords", {}}},
         "CN=scpd,CN=System",
         "svc(marked)"},
        {"marked and moved",
         {{"msDS-Settings", {marker}}, {"keywords", {}}},
         "OU=Elsewhere",
         "svc(marked)"},
        {"a marker in another case",
         {{"msDS-Settings", {"SCPD1;" + marker.substr(6)}}, {"keywords", {"other"}}},
         "CN=System",
         "svc(marked)"},
        {"a marker beside other values",
         {{"msDS-Settings", {"theirs", marker, "more"}}, {"keywords", {"other"}}},
         "CN=System",
         "svc(marked)"},
        {"what claims to be a marker",
         {{"msDS-Settings", {"scpd1;i="}}, {"keywords", {"other"}}},
         "CN=System",
         "svc(malformed)"},
        {"a malformed one beside a good one",
         {{"msDS-Settings", {"scpd1;", marker}}},
         "CN=System",
         "svc(marked)"},
        {"other values alone", {{"msDS-Settings", {"theirs"}}}, "CN=System", "svc"},
        {"another daemon's next version",
         {{"msDS-Settings", {"scpd2;i=x"}}, {"keywords", {"other"}}},
         "CN=System",
         ""},
    };
    for (const auto flavour : {Flavour::ad, Flavour::openldap})
        for (const auto& row : rows) {
            CAPTURE(row.name);
            ForestBench bench({"corp.test", "emea.corp.test"}, flavour);
            const Guid guid = bench.put_scp("emea.corp.test", "svc", row.different, row.below);
            bench.look();
            const DomainView& view = bench.view("emea.corp.test");
            CHECK(said(view.incomplete) == "ok");
            CHECK(names(view) == row.seen);
            CHECK(names(bench.view("corp.test")).empty());
            if (!row.seen.empty())
                CHECK(view.scps.at(0).guid == guid);
        }
}

TEST_CASE("observe: an SCP as it is read") {
    ForestBench bench({"corp.test", "emea.corp.test"});
    bench.server("emea.corp.test").account = sid_number(1104);
    bench.server("emea.corp.test").groups = {sid_number(513)};
    const std::string marker = to_string(a_marker(guid_number(9), "corp.test"));
    const Guid guid =
        bench.put_scp("emea.corp.test", "a,b",
                      {{"msDS-Settings", {"theirs", marker}},
                       {"nTSecurityDescriptor", {make_security_descriptor(sid_number(1104))}},
                       {"description", {"d"}},
                       {"userPassword", {"not asked for"}}});
    bench.look();
    const DomainView& view = bench.view("emea.corp.test");
    CHECK(view.server == "ldap://dc1.emea.corp.test");
    CHECK(view.has_owners);
    CHECK(view.our_sids == std::vector<Sid>{sid_number(513), sid_number(1104)});
    REQUIRE(view.scps.size() == 1);
    const Scp& scp = view.scps[0];
    CHECK(scp.guid == guid);
    CHECK(scp.name == "a,b");
    CHECK(scp.dn.text() == "CN=a\\,b,CN=Product,CN=System,DC=emea,DC=corp,DC=test");
    CHECK(scp.owner == sid_number(1104));
    CHECK(scp.marker_value == marker);
    CHECK(scp.version.kind == SourceVersion::Kind::originating);
    CHECK(scp.modified);
    std::vector<std::string> held;
    for (const auto& [name, values] : scp.attributes)
        held.push_back(name);
    CHECK(held == std::vector<std::string>{"description", "keywords", "msDS-Settings",
                                           "objectClass", "serviceBindingInformation"});

    ForestBench plain({"corp.test"}, Flavour::openldap);
    plain.put_scp("corp.test", "svc");
    plain.look();
    CHECK_FALSE(plain.view("corp.test").has_owners);
    CHECK(plain.view("corp.test").our_sids.empty());
    CHECK(plain.view("corp.test").scps.at(0).version.kind == SourceVersion::Kind::entry_csn);
    CHECK_FALSE(plain.view("corp.test").scps.at(0).owner);
}

TEST_CASE("observe: whose objects they are") {
    ForestBench bench({"corp.test", "emea.corp.test"});
    // A DC of the parent that serves the child's objects too, as a global catalog's port does.
    bench.server("corp.test").partitions.push_back(bench.server("emea.corp.test").partitions[0]);
    bench.domain("corp.test")
        .put(dn("CN=stray,DC=emea,DC=corp,DC=test"),
             {{"objectClass", {"serviceConnectionPoint"}}, {"keywords", {"mage"}}});
    bench.put_scp("emea.corp.test", "svc");
    bench.put_scp("emea.corp.test", "svc\nCNF:" + guid_number(7).to_string());
    bench.look();
    CHECK(names(bench.view("corp.test")).empty());
    CHECK(contains(names(bench.view("emea.corp.test")), "(conflict)"));
    CHECK(bench.view("emea.corp.test").scps.size() == 2);
}

TEST_CASE("observe: what became of a copy's source") {
    struct Row {
        std::string name;
        Flavour flavour;
        std::function<void(ForestBench&)> happens;
        std::string state;
        std::string detail;
        std::string name_now;
    };
    const std::string emea = "emea.corp.test";
    const Dn source = dn("CN=svc,CN=Product,CN=System,DC=emea,DC=corp,DC=test");
    const auto remove = [=](ForestBench& bench) { bench.domain(emea).remove(source); };
    const auto rename = [=](ForestBench& bench) { bench.domain(emea).rename(source, "CN=new"); };
    const auto unmatched = [=](ForestBench& bench) {
        bench.domain(emea).set(source, "keywords", {"other"});
    };
    const auto container_gone = [=](ForestBench& bench) {
        bench.domain(emea).remove(source.parent());
    };
    const auto unseen_surroundings = [=](ForestBench& bench) {
        remove(bench);
        bench.server(emea).hidden = [](const Entry& entry, const Search& search) {
            return search.attributes.size() == 1 &&
                   entry.dn == dn("CN=Elsewhere,DC=emea,DC=corp,DC=test");
        };
        bench.rules[0].trust_containers = {dn("CN=Elsewhere")};
    };
    const std::vector<Row> rows{
        {"its keywords were edited", Flavour::ad, unmatched, "alive", source.text(), "svc"},
        {"its keywords were edited, not AD", Flavour::openldap, unmatched, "alive", source.text(),
         "svc"},
        {"renamed and edited", Flavour::ad,
         [=](ForestBench& bench) {
             unmatched(bench);
             rename(bench);
         },
         "alive", "CN=new,", "new"},
        {"deleted", Flavour::ad, remove, "deleted", "CN=Deleted Objects,DC=emea", ""},
        {"deleted, and the tombstone cannot be read", Flavour::ad,
         [=](ForestBench& bench) {
             remove(bench);
             bench.server(emea).hidden = [](const Entry& entry, const Search&) {
                 return contains(entry.dn.text(), "Deleted Objects");
             };
         },
         "absent", "ldap://dc1.emea.corp.test has no object", ""},
        {"deleted, not AD", Flavour::openldap, remove, "absent", "has no object", ""},
        {"gone with its container", Flavour::openldap, container_gone, "absent", "has no object",
         ""},
        {"deleted, and no container of sources is seen", Flavour::openldap, unseen_surroundings,
         "not seen", "shows none of the containers where it could be", ""},
        {"its domain's server is down", Flavour::ad,
         [=](ForestBench& bench) { bench.server(emea).unreachable = true; }, "not seen",
         "no answer in time", ""},
        {"its domain was read in part", Flavour::ad,
         [=](ForestBench& bench) { bench.server(emea).entries_then_lost = 0; }, "not seen",
         "cannot read all of DC=emea", ""},
        {"the look by GUID fails", Flavour::ad,
         [=](ForestBench& bench) {
             remove(bench);
             bench.server(emea).search_fault = [](const Search& search) {
                 return search.base.guid ? std::optional(Error{ErrorKind::unreachable,
                                                               "lost while looking", "", -1})
                                         : std::nullopt;
             };
         },
         "not seen", "lost while looking", ""},
        {"its domain is unknown", Flavour::ad,
         [=](ForestBench& bench) {
             bench.configuration->remove(bench.partitions().child("CN", "emea"));
         },
         "not seen", "emea.corp.test is no domain of the forests", ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench({"corp.test", emea}, row.flavour);
        const Guid guid = bench.put_scp(emea, "svc");
        bench.put_scp("corp.test", "svc", {{"msDS-Settings", {to_string(a_marker(guid, emea))}}},
                      "CN=scpd,CN=System");
        bench.look();
        CHECK(bench.seen.fates.empty()); // (a) shows it
        row.happens(bench);
        bench.look();
        REQUIRE(bench.seen.fates.size() == 1);
        const SourceFate& fate = bench.seen.fates[0];
        CHECK(fate.source == guid);
        CHECK(fate.origin.text() == emea);
        CHECK(state_name(fate.state) == row.state);
        CAPTURE(fate.detail);
        CHECK(contains(fate.detail, row.detail));
        CHECK((fate.scp ? fate.scp->name : "") == row.name_now);
    }
}

TEST_CASE("observe: what one DC lacks is missing only if the PDC emulator lacks it too") {
    struct Row {
        std::string name;
        std::function<void(MemoryServer& read, MemoryServer& pdc)> happens;
        std::string state, detail;
    };
    const auto hide = [](MemoryServer& server) {
        server.hidden = [](const Entry& entry, const Search&) {
            return equal_folded(entry.dn.rdn_value(), "svc") ||
                   contains(entry.dn.text(), "Deleted Objects");
        };
    };
    const auto fail_by_guid = [](MemoryServer& server) {
        server.search_fault = [](const Search& search) {
            return search.base.guid && !contains(search.base.dn.text(), "Configuration")
                       ? std::optional(Error{ErrorKind::unreachable, "lost while looking", "", -1})
                       : std::nullopt;
        };
    };
    const std::string no_object = "ldap://dc2.emea.corp.test has no object ";
    const std::vector<Row> rows{
        {"the one read was put back to an old state",
         [&](MemoryServer& read, MemoryServer&) { hide(read); }, "not seen",
         ", and ldap://dc1.emea.corp.test has it: replication lags behind, or an old state was put "
         "back"},
        {"both lack it",
         [&](MemoryServer& read, MemoryServer& pdc) {
             hide(read);
             hide(pdc);
         },
         "absent", no_object},
        {"the PDC emulator is down",
         [&](MemoryServer& read, MemoryServer& pdc) {
             hide(read);
             pdc.unreachable = true;
         },
         "not seen", ", and cannot connect to ldap://dc1.emea.corp.test: no answer in time"},
        {"the PDC emulator is lost meanwhile",
         [&](MemoryServer& read, MemoryServer& pdc) {
             hide(read);
             fail_by_guid(pdc);
         },
         "not seen", ", and lost while looking"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const std::string emea = "emea.corp.test";
        ForestBench bench({"corp.test", emea});
        MemoryServer& read = bench.second_dc(emea, "dc2.emea.corp.test");
        MemoryServer& pdc = bench.server(emea);
        bench.settings.forests[0].domains[DomainName(emea)].servers = {read.uri, pdc.uri};
        const Guid guid = bench.put_scp(emea, "svc");
        bench.put_scp("corp.test", "svc", {{"msDS-Settings", {to_string(a_marker(guid, emea))}}},
                      "CN=scpd,CN=System");
        row.happens(read, pdc);
        bench.look();
        REQUIRE(bench.seen.fates.size() == 1);
        const SourceFate& fate = bench.seen.fates[0];
        CHECK(state_name(fate.state) == row.state);
        CAPTURE(fate.detail);
        CHECK(fate.detail.starts_with(no_object));
        CHECK(contains(fate.detail, row.detail));
    }
}

TEST_CASE("observe: a source that moved is seen where it is, and asked for no more") {
    ForestBench bench({"corp.test", "emea.corp.test"});
    const Guid guid = bench.put_scp("emea.corp.test", "svc");
    bench.put_scp("corp.test", "svc",
                  {{"msDS-Settings", {to_string(a_marker(guid, "emea.corp.test"))}}},
                  "CN=scpd,CN=System");
    bench.domain("emea.corp.test")
        .rename(dn("CN=svc,CN=Product,CN=System,DC=emea,DC=corp,DC=test"), "CN=moved");
    bench.look();
    CHECK(bench.seen.fates.empty());
    CHECK(names(bench.view("emea.corp.test")) == "moved");
}

TEST_CASE("observe: one name in two forests: gone from one is not gone") {
    struct Row {
        std::string name;
        bool there, second_down;
        std::string state;
    };
    const std::vector<Row> rows{
        {"in neither", false, false, "absent"},
        {"alive in the second", true, false, "alive"},
        {"the second is down", true, true, "not seen"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench({"corp.test", "emea.corp.test"}, Flavour::openldap);
        // The second forest: its own Configuration and an emea.corp.test of its own.
        auto configuration = bench.forest.add_partition(
            dn("CN=Configuration,DC=emea,DC=corp,DC=test"), Flavour::openldap);
        MemoryServer& second = bench.forest.add_server("emea.corp.test", Flavour::openldap,
                                                       {configuration}, "second.emea.corp.test");
        configuration->put(dn("CN=emea,CN=Partitions,CN=Configuration,DC=emea,DC=corp,DC=test"),
                           {{"objectClass", {"crossRef"}},
                            {"nCName", {"DC=emea,DC=corp,DC=test"}},
                            {"dnsRoot", {"emea.corp.test"}},
                            {"systemFlags", {"3"}}});
        ForestSettings other = bench.settings.forests[0];
        other.name = "other";
        other.domain = DomainName("emea.corp.test");
        other.domains.clear();
        other.servers = {second.uri};
        bench.settings.forests.push_back(other);
        const Guid guid = second.default_partition().put(
            dn("CN=svc,CN=System,DC=emea,DC=corp,DC=test"),
            {{"objectClass", {"serviceConnectionPoint"}}, {"keywords", {"edited"}}});
        bench.put_scp("corp.test", "svc",
                      {{"msDS-Settings", {to_string(a_marker(guid, "emea.corp.test"))}}},
                      "CN=scpd,CN=System");
        if (!row.there)
            second.default_partition().remove(dn("CN=svc,CN=System,DC=emea,DC=corp,DC=test"));
        if (row.second_down)
            second.search_fault = [](const Search& search) {
                return contains(search.base.dn.text(), "Configuration")
                           ? std::nullopt
                           : std::optional(Error{ErrorKind::unreachable, "gone", "", -1});
            };
        bench.look();
        REQUIRE(bench.seen.domains.size() == 3);
        REQUIRE(bench.seen.fates.size() == 1);
        CHECK(state_name(bench.seen.fates[0].state) == row.state);
    }
}

TEST_CASE("observe: the place of a copy") {
    struct Row {
        std::string name;
        std::string place;
        std::function<void(ForestBench&)> arrange;
        std::string missing;
        std::string occupant;
        std::string error;
    };
    const Dn nc = dn("DC=corp,DC=test");
    const auto nothing = [](ForestBench&) {};
    const std::vector<Row> rows{
        {"free", "CN=svc,CN=scpd,CN=System", nothing, "", "", ""},
        {"right below the domain", "CN=svc", nothing, "", "", ""},
        {"taken by an SCP", "CN=taken,CN=scpd,CN=System", nothing, "",
         "CN=taken,CN=scpd,CN=System,DC=corp,DC=test", ""},
        {"taken, spelled otherwise", "cn=TAKEN,cn=SCPD,cn=system", nothing, "",
         "CN=taken,CN=scpd,CN=System,DC=corp,DC=test", ""},
        {"taken by a container", "CN=scpd,CN=System", nothing, "",
         "CN=scpd,CN=System,DC=corp,DC=test", ""},
        {"taken by what shows no GUID", "CN=taken,CN=scpd,CN=System",
         [](ForestBench& bench) {
             bench.server("corp.test").hidden_attributes = {"objectGUID", "entryUUID"};
         },
         "", "CN=taken,CN=scpd,CN=System,DC=corp,DC=test", ""},
        {"one parent missing", "CN=svc,CN=new,CN=System", nothing,
         "CN=new,CN=System,DC=corp,DC=test", "", ""},
        {"three missing, the outermost first", "CN=svc,CN=c,CN=b,CN=a", nothing,
         "CN=a,DC=corp,DC=test CN=b,CN=a,DC=corp,DC=test CN=c,CN=b,CN=a,DC=corp,DC=test", "", ""},
        {"the look fails", "CN=svc,CN=scpd,CN=System",
         [](ForestBench& bench) {
             bench.server("corp.test").search_fault = [](const Search& search) {
                 return contains(search.base.dn.text(), "CN=svc,")
                            ? std::optional(Error{ErrorKind::incomplete, "LDAP 51 busy", "", 51})
                            : std::nullopt;
             };
         },
         "", "", "LDAP 51 busy"},
        {"the look at a parent fails", "CN=svc,CN=new,CN=System",
         [](ForestBench& bench) {
             bench.server("corp.test").search_fault = [](const Search& search) {
                 return search.base.dn == dn("CN=new,CN=System,DC=corp,DC=test")
                            ? std::optional(Error{ErrorKind::incomplete, "LDAP 51 busy", "", 51})
                            : std::nullopt;
             };
         },
         "", "", "LDAP 51 busy"},
        {"the server is gone by then", "CN=svc,CN=scpd,CN=System",
         [](ForestBench& bench) { bench.server("corp.test").unreachable = true; }, "", "",
         "lost the connection"},
    };
    for (const auto flavour : {Flavour::ad, Flavour::openldap})
        for (const auto& row : rows) {
            CAPTURE(row.name);
            ForestBench bench({"corp.test", "emea.corp.test"}, flavour);
            const Guid taken = bench.put_scp("corp.test", "taken", {}, "CN=scpd,CN=System");
            bench.look();
            row.arrange(bench);
            // Beside others, so that answers cannot be mixed up unnoticed.
            const DomainName corp("corp.test"), emea("emea.corp.test");
            const std::vector<Place> asked{
                {"corp", corp, nc.descendant(dn("CN=zzz"))},
                {"corp", corp, nc.descendant(dn(row.place))},
                {"corp", emea, dn("CN=svc,CN=nope,DC=emea,DC=corp,DC=test")},
                {"corp", DomainName("gone.test"), dn("CN=svc,DC=gone,DC=test")},
            };
            const auto views = observe_places(bench.topology, *bench.sessions, asked);
            REQUIRE(views.size() == 4);
            CHECK(std::ranges::is_sorted(views, {}, &PlaceView::place));
            const auto view = std::ranges::find(views, asked[1], &PlaceView::place);
            REQUIRE(view != views.end());
            std::vector<std::string> missing;
            for (const auto& parent : view->missing_parents)
                missing.push_back(parent.text());
            CHECK(fmt::format("{}", fmt::join(missing, " ")) == row.missing);
            CHECK(view->occupant_dn.text() == row.occupant);
            CHECK(view->occupant.has_value() == !row.occupant.empty());
            if (row.name == "taken by an SCP")
                CHECK(view->occupant == taken);
            CHECK(view->error.has_value() == !row.error.empty());
            if (view->error)
                CHECK(contains(view->error->message, row.error));
            const auto elsewhere = std::ranges::find(views, asked[2], &PlaceView::place);
            CHECK(elsewhere->missing_parents.size() == 1);
            const auto unknown = std::ranges::find(views, asked[3], &PlaceView::place);
            CHECK(unknown->error);
        }
}

TEST_CASE("observe: a domain that was not read to a proved end is incomplete, and says why") {
    struct Row {
        std::string name;
        Flavour flavour;
        std::function<void(ForestBench&, MemoryServer&)> spoil;
        std::string says; ///< "ok": complete all the same
        std::size_t scps;
    };
    const auto fault = [](const std::string& message, int code) {
        return [=](ForestBench&, MemoryServer& server) {
            server.search_fault = [=](const Search& search) {
                return search.scope == Scope::subtree && search.base.dn.depth() == 3
                           ? std::optional(Error{ErrorKind::incomplete, message, "", code})
                           : std::nullopt;
            };
        };
    };
    const std::vector<Row> rows{
        {"all is well", Flavour::ad, [](ForestBench&, MemoryServer&) {}, "ok", 3},
        {"a time limit", Flavour::ad, fault("LDAP 3 timeLimitExceeded", 3), "timeLimitExceeded", 3},
        {"an administrative limit", Flavour::ad, fault("LDAP 11 adminLimitExceeded", 11),
         "adminLimitExceeded", 3},
        {"no last page", Flavour::ad, fault("no paged-results control", 0), "paged-results", 3},
        {"a size limit", Flavour::ad,
         [](ForestBench&, MemoryServer& server) { server.size_limit = 2; },
         "LDAP 4 sizeLimitExceeded", 2},
        {"the server goes between two pages", Flavour::ad,
         [](ForestBench&, MemoryServer& server) { server.entries_then_lost = 1; },
         "cannot read all of DC=emea", 1},
        {"the server goes once it is connected", Flavour::ad,
         [](ForestBench&, MemoryServer& server) {
             server.search_fault = [&server](const Search& search) {
                 server.unreachable = search.scope == Scope::subtree;
                 return server.unreachable
                            ? std::optional(Error{ErrorKind::unreachable, "reset by peer", "", -1})
                            : std::nullopt;
             };
         },
         "reset by peer", 3},
        {"the server is down", Flavour::ad,
         [](ForestBench&, MemoryServer& server) { server.unreachable = true; }, "no answer in time",
         0},
        {"the log-in is refused", Flavour::ad,
         [](ForestBench&, MemoryServer& server) {
             server.refuse = Error{ErrorKind::refused, "LDAP 49 account disabled", "", 49};
         },
         "LDAP 49 account disabled", 0},
        {"the right to read was lost: success and nothing", Flavour::ad,
         [](ForestBench&, MemoryServer& server) {
             server.hidden = [](const Entry& entry, const Search& search) {
                 return search.base.dn.depth() >= 3 && contains(entry.dn.text(), "DC=emea");
             };
         },
         "does not show DC=emea,DC=corp,DC=test", 0},
        {"the right to read is lost once that was looked at", Flavour::ad,
         [](ForestBench&, MemoryServer& server) {
             server.hidden = [searched = false](const Entry& entry, const Search& search) mutable {
                 searched = searched || search.scope == Scope::subtree;
                 return searched && contains(entry.dn.text(), "DC=emea");
             };
         },
         "does not show DC=emea,DC=corp,DC=test", 0},
        {"the right to read comes back before that is looked at again", Flavour::ad,
         [](ForestBench&, MemoryServer& server) {
             server.hidden = [searched = false](const Entry& entry, const Search& search) mutable {
                 searched = searched || search.scope == Scope::subtree;
                 return (!searched || search.scope == Scope::subtree) &&
                        contains(entry.dn.text(), "DC=emea");
             };
         },
         "does not show DC=emea,DC=corp,DC=test", 0},
        {"only below CN=System it was lost", Flavour::ad,
         [](ForestBench&, MemoryServer& server) {
             server.hidden = [](const Entry& entry, const Search&) {
                 return contains(entry.dn.text(), "CN=System,DC=emea");
             };
         },
         "does not show CN=System,DC=emea,DC=corp,DC=test", 0},
        {"not AD: CN=System need not be there", Flavour::openldap,
         [](ForestBench& bench, MemoryServer&) {
             bench.domain("emea.corp.test").remove(dn("CN=System,DC=emea,DC=corp,DC=test"));
         },
         "ok", 0},
        {"the look at a known object fails", Flavour::ad,
         [](ForestBench&, MemoryServer& server) {
             server.search_fault = [](const Search& search) {
                 return search.base.dn == dn("CN=System,DC=emea,DC=corp,DC=test")
                            ? std::optional(Error{ErrorKind::incomplete, "LDAP 51", "", 51})
                            : std::nullopt;
             };
         },
         "LDAP 51", 3},
        {"objects show no GUID", Flavour::ad,
         [](ForestBench&, MemoryServer& server) { server.hidden_attributes = {"objectGUID"}; },
         "shows neither objectGUID nor entryUUID of CN=svc1", 0},
        {"a reference into a domain that is read by itself", Flavour::ad,
         [](ForestBench& bench, MemoryServer& server) {
             server.subordinate = {dn("DC=sub,DC=emea,DC=corp,DC=test")};
             bench.configuration->put(bench.partitions().child("CN", "sub"),
                                      {{"objectClass", {"crossRef"}},
                                       {"nCName", {"DC=sub,DC=emea,DC=corp,DC=test"}},
                                       {"systemFlags", {"3"}}});
         },
         "ok", 3},
        {"a reference into an application partition", Flavour::ad,
         [](ForestBench& bench, MemoryServer& server) {
             server.subordinate = {dn("DC=DomainDnsZones,DC=emea,DC=corp,DC=test")};
             bench.configuration->put(bench.partitions().child("CN", "zones"),
                                      {{"objectClass", {"crossRef"}},
                                       {"nCName", {"DC=domaindnszones,DC=emea,DC=corp,DC=test"}},
                                       {"systemFlags", {"5"}}});
         },
         "ok", 3},
        {"a reference to nobody knows where", Flavour::ad,
         [](ForestBench&, MemoryServer& server) {
             server.subordinate = {dn("DC=sub,DC=emea,DC=corp,DC=test")};
         },
         "refers to ldap://sub.emea.corp.test/DC=sub,DC=emea,DC=corp,DC=test, which is no naming "
         "context of the forest",
         3},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        ForestBench bench({"corp.test", "emea.corp.test"}, row.flavour);
        bench.put_scp("corp.test", "svc");
        for (const auto* name : {"svc1", "svc2", "svc3"})
            bench.put_scp("emea.corp.test", name);
        row.spoil(bench, bench.server("emea.corp.test"));
        bench.look();
        const DomainView& view = bench.view("emea.corp.test");
        CAPTURE(said(view.incomplete));
        CHECK(view.complete() == (row.says == "ok"));
        CHECK((view.complete() || contains(view.incomplete->message, row.says)));
        CHECK(view.scps.size() == row.scps);
        // Another domain is none the worse for it.
        CHECK(said(bench.view("corp.test").incomplete) == "ok");
        CHECK(bench.view("corp.test").scps.size() == 1);
    }
}
