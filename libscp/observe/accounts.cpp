#include "observe/accounts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace scp {
namespace {

using Location = ResolvedAccount::Location;

constexpr unsigned account_is_disabled = 0x2; // userAccountControl: ADS_UF_ACCOUNTDISABLE

/// One query's look-up: what was found, and what stands in the way of saying that this is all.
class Lookup {
  public:
    Lookup(const Topology& topology, Sessions& sessions, const AccountQuery& query)
        : topology_(topology), sessions_(sessions), query_(query) {}

    ResolvedAccount run() {
        switch (query_.kind) {
        case AccountQuery::Kind::sam:
            by_sam();
            break;
        case AccountQuery::Kind::upn:
            by_upn();
            break;
        case AccountQuery::Kind::dn:
            by_dn();
            break;
        case AccountQuery::Kind::sid:
            by_sid();
            break;
        case AccountQuery::Kind::group:
            by_group();
            break;
        case AccountQuery::Kind::filter:
            by_filter();
            break;
        }
        ResolvedAccount out;
        out.query = query_;
        std::sort(found_.begin(), found_.end());
        found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
        out.locations = found_;
        const bool one_expected =
            query_.kind != AccountQuery::Kind::group && query_.kind != AccountQuery::Kind::filter;
        if (one_expected && found_.size() == 1 && !must_search_all_)
            return out;
        if (!problems_.empty())
            out.unresolved = fmt::format("{}", fmt::join(problems_, "; "));
        else if (found_.empty())
            out.unresolved = fmt::format("no account matches {}", printable(query_.text));
        else if (one_expected && found_.size() > 1)
            out.unresolved = ambiguous();
        return out;
    }

  private:
    [[nodiscard]] std::vector<const Domain*> domains() const {
        std::vector<const Domain*> out;
        for (const auto& forest : topology_.forests)
            if (query_.forest.empty() || forest.name == query_.forest)
                for (const auto& domain : forest.domains)
                    out.push_back(&domain);
        return out;
    }

    /// Domains of a forest that could not be read at all are not even known by name.
    void note_lost_forests() {
        for (const auto& forest : topology_.forests)
            if (forest.error && (query_.forest.empty() || forest.name == query_.forest))
                problems_.insert(fmt::format("forest {}: {}", forest.name, forest.error->message));
    }

    Found search(const Domain& domain, const Dn& base, Scope scope, Filter filter) {
        const auto session = sessions_.reader(domain.forest, domain.name);
        if (!session)
            return Found{{}, {}, session.error()};
        Search search;
        search.base.dn = base;
        search.scope = scope;
        search.filter = std::move(filter);
        search.attributes = {"objectClass", "userAccountControl", "objectSid"};
        return (*session)->search(search);
    }

    void keep(const Domain& domain, const Entry& entry) {
        unsigned control = 0;
        const auto& text = first_of(entry.attributes, "userAccountControl");
        std::from_chars(text.data(), text.data() + text.size(), control);
        found_.push_back(
            {domain.forest, domain.name, entry.dn, (control & account_is_disabled) != 0});
    }

    void search_accounts(const std::vector<const Domain*>& in, const Filter& filter) {
        std::vector<Found> answers(in.size());
        run_parallel(in.size(), 8, [&](std::size_t i) {
            answers[i] = search(*in[i], in[i]->nc, Scope::subtree,
                                all_of({equals("objectClass", "user"), filter}));
        });
        for (std::size_t i = 0; i < in.size(); ++i) {
            for (const auto& entry : answers[i].entries)
                if (topology_.domain_of(in[i]->forest, entry.dn) == in[i])
                    keep(*in[i], entry);
            if (!answers[i].complete())
                problems_.insert(
                    fmt::format("{}: {}", in[i]->name.text(), answers[i].incomplete->message));
        }
    }

    void by_sam() {
        const auto backslash = query_.text.find('\\');
        const std::string netbios = query_.text.substr(0, backslash);
        std::vector<const Domain*> in;
        for (const auto* domain : domains())
            if (fold_case(domain->netbios) == fold_case(netbios) ||
                domain->name == DomainName(netbios))
                in.push_back(domain);
        if (in.empty()) {
            note_lost_forests();
            if (problems_.empty())
                problems_.insert(fmt::format("no domain is called {}", printable(netbios)));
            return;
        }
        must_search_all_ = in.size() > 1; // a NetBIOS name may repeat in another forest
        search_accounts(in, equals("sAMAccountName", query_.text.substr(backslash + 1)));
    }

    void by_upn() {
        note_lost_forests();
        search_accounts(domains(), equals("userPrincipalName", query_.text));
        if (!found_.empty())
            return;
        // The implicit UPN, sAMAccountName@domain, works without the attribute
        // ([MS-ADTS] 5.1.1.1.1).
        const auto at = query_.text.rfind('@');
        const DomainName suffix(query_.text.substr(at + 1));
        for (const auto* domain : domains())
            if (domain->name == suffix)
                search_accounts({domain}, equals("sAMAccountName", query_.text.substr(0, at)));
    }

    void by_sid() {
        note_lost_forests();
        if (const auto sid = Sid::parse(query_.text))
            search_accounts(domains(), equals("objectSid", sid->bytes()));
    }

    void by_filter() {
        note_lost_forests();
        auto filter = parse_filter(query_.text);
        if (!filter)
            problems_.insert(filter.error().message);
        else
            search_accounts(domains(), *filter);
    }

    [[nodiscard]] const Domain* home_of(const Dn& dn) const {
        for (const auto& forest : topology_.forests)
            if (query_.forest.empty() || forest.name == query_.forest)
                if (const Domain* domain = topology_.domain_of(forest.name, dn))
                    return domain;
        return nullptr;
    }

    /// nullopt where it is not there or could not be read; a problem is noted then.
    std::optional<Entry> read(const Dn& dn, const Domain*& domain) {
        domain = home_of(dn);
        if (domain == nullptr) {
            note_lost_forests();
            problems_.insert(
                fmt::format("{} lies in no domain of the forests", printable(dn.text())));
            return std::nullopt;
        }
        const Found found = search(*domain, dn, Scope::base, present("objectClass"));
        if (!found.complete())
            problems_.insert(found.incomplete->message);
        else if (found.entries.empty())
            problems_.insert(fmt::format("{} is not there", printable(dn.text())));
        else
            return found.entries.front();
        return std::nullopt;
    }

    void by_dn() {
        const Domain* domain = nullptr;
        const auto dn = Dn::parse(query_.text);
        if (!dn)
            problems_.insert(dn.error().message);
        else if (const auto entry = read(*dn, domain))
            keep(*domain, *entry);
    }

    void by_group() {
        const auto dn = Dn::parse(query_.text);
        if (!dn) {
            problems_.insert(dn.error().message);
            return;
        }
        std::vector<Dn> open{*dn};
        std::set<std::string> seen{dn->key()};
        while (!open.empty()) {
            const Dn next = std::move(open.back());
            open.pop_back();
            for (auto& member : members_of(next))
                if (seen.insert(member.key()).second)
                    open.push_back(std::move(member));
        }
    }

    /// Members where `dn` is a group; an account is kept.
    std::vector<Dn> members_of(const Dn& dn) {
        if (const auto sid = Sid::parse(dn.rdn_value())) { // a foreignSecurityPrincipal
            search_accounts(domains(), equals("objectSid", sid->bytes()));
            return {};
        }
        const Domain* domain = nullptr;
        const auto entry = read(dn, domain);
        if (!entry)
            return {};
        const auto& classes = values_of(entry->attributes, "objectClass");
        const bool is_group =
            std::any_of(classes.begin(), classes.end(),
                        [](const std::string& name) { return equal_ascii_nocase(name, "group"); });
        if (!is_group) {
            keep(*domain, *entry);
            return {};
        }
        std::vector<Dn> members = listed_members(*domain, dn);
        if (const auto sid = Sid::from_bytes(first_of(entry->attributes, "objectSid")))
            search_accounts({domain}, equals("primaryGroupID", relative_id(*sid)));
        return members;
    }

    std::vector<Dn> listed_members(const Domain& domain, const Dn& group) {
        std::vector<Dn> members;
        const auto session = sessions_.reader(domain.forest, domain.name);
        if (!session)
            return members;
        Search search;
        search.base.dn = group;
        search.scope = Scope::base;
        search.attributes = {"member"};
        const Found found = (*session)->search(search);
        if (!found.complete())
            problems_.insert(found.incomplete->message);
        for (const auto& entry : found.entries)
            for (const auto& value : values_of(entry.attributes, "member"))
                if (auto member = Dn::parse(value))
                    members.push_back(std::move(*member));
                else
                    problems_.insert(member.error().message);
        return members;
    }

    /// Membership by primaryGroupID is not in `member`; the attribute holds the SID's last number.
    static std::string relative_id(const Sid& sid) {
        const std::string text = sid.to_string();
        return text.substr(text.rfind('-') + 1);
    }

    [[nodiscard]] std::string ambiguous() const {
        std::vector<std::string> names;
        for (const auto& location : found_)
            names.push_back(printable(location.dn.text()));
        return fmt::format("{} is ambiguous: {}", printable(query_.text), fmt::join(names, "; "));
    }

    const Topology& topology_;
    Sessions& sessions_;
    const AccountQuery& query_;
    std::vector<Location> found_;
    std::set<std::string> problems_;
    bool must_search_all_ = false; ///< one hit is no proof that there is no other
};

} // namespace

ResolvedAccount look_up_account(const Topology& topology, Sessions& sessions,
                                const AccountQuery& query) {
    return Lookup(topology, sessions, query).run();
}

} // namespace scp
