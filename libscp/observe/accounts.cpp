#include "observe/accounts.hpp"

#include "observe/search_domains.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace scp {
namespace {

using Location = ResolvedAccount::Location;

constexpr unsigned account_is_disabled = 0x2; // userAccountControl: ADS_UF_ACCOUNTDISABLE

/// One search of one domain, and what its answer is for.
struct Question {
    enum class About {
        accounts, ///< every user that it finds is one of ours
        object,   ///< the object itself: an account, or a group whose members are
    };
    About about = About::accounts;
    const Domain* domain = nullptr;
    Search search;
    std::string foreign; ///< the SID of a foreignSecurityPrincipal that is looked for
};

bool has_class(const Entry& entry, std::string_view name) {
    return std::ranges::any_of(
        values_of(entry.attributes, "objectClass"),
        [&](const std::string& value) { return equal_ascii_nocase(value, name); });
}

/// Membership by primaryGroupID is not in `member`; the attribute holds the SID's last number.
std::string relative_id(const Sid& sid) {
    const std::string text = sid.to_string();
    return text.substr(text.rfind('-') + 1);
}

/// One query's look-up: next() says what to ask, take() is told each answer, until next() has no
/// more to ask. What was found, and what stands in the way of saying that this is all.
class Lookup {
  public:
    Lookup(const Topology& topology, const AccountQuery& query)
        : topology_(topology), query_(query) {}

    [[nodiscard]] std::vector<Question> next();
    void take(const Question& question, const Found& found);
    [[nodiscard]] ResolvedAccount result() &&;

  private:
    [[nodiscard]] std::vector<const Domain*> domains() const;
    [[nodiscard]] const Domain* home_of(const Dn& dn) const;
    void note_lost_forests();
    void begin();
    void by_sam();
    void by_filter();
    void by_implicit_upn();
    void ask_accounts(const std::vector<const Domain*>& in, const Filter& filter,
                      const std::string& foreign = {});
    void ask_object(const Dn& dn);
    void ask_foreign(const Sid& sid);
    void take_object(const Question& question, const Entry& entry);
    void take_group(const Question& question, const Entry& group);
    void keep(const Domain& domain, const Entry& entry);
    [[nodiscard]] std::string ambiguous() const;

    const Topology& topology_;
    const AccountQuery& query_;
    int round_ = 0;
    std::vector<Question> questions_;
    std::vector<Location> found_;
    std::set<std::string> problems_;
    std::set<std::string> members_;       ///< of groups: keys of the DNs that were asked for
    std::map<std::string, bool> foreign_; ///< SIDs of other forests' members, and whether seen
    bool must_search_all_ = false;        ///< one hit is no proof that there is no other
};

std::vector<const Domain*> Lookup::domains() const {
    std::vector<const Domain*> out;
    for (const auto* domain : topology_.domains())
        if (query_.forest.empty() || domain->forest == query_.forest)
            out.push_back(domain);
    return out;
}

const Domain* Lookup::home_of(const Dn& dn) const {
    for (const auto& forest : topology_.forests)
        if (query_.forest.empty() || forest.name == query_.forest)
            if (const Domain* domain = topology_.domain_of(forest.name, dn))
                return domain;
    return nullptr;
}

/// Domains of a forest that could not be read at all are not even known by name.
void Lookup::note_lost_forests() {
    for (const auto& forest : topology_.forests)
        if (forest.error && (query_.forest.empty() || forest.name == query_.forest))
            problems_.insert(fmt::format("forest {}: {}", forest.name, forest.error->message));
}

std::vector<Question> Lookup::next() {
    if (round_ == 0)
        begin();
    else if (round_ == 1 && query_.kind == AccountQuery::Kind::upn && found_.empty())
        by_implicit_upn();
    ++round_;
    return std::exchange(questions_, {});
}

void Lookup::begin() {
    switch (query_.kind) {
    case AccountQuery::Kind::sam:
        return by_sam();
    case AccountQuery::Kind::upn:
        note_lost_forests();
        return ask_accounts(domains(), equals("userPrincipalName", query_.text));
    case AccountQuery::Kind::sid:
        note_lost_forests();
        if (const auto sid = Sid::parse(query_.text))
            ask_accounts(domains(), equals("objectSid", sid->bytes()));
        return;
    case AccountQuery::Kind::filter:
        return by_filter();
    case AccountQuery::Kind::dn:
    case AccountQuery::Kind::group:
        if (const auto dn = Dn::parse(query_.text))
            ask_object(*dn);
        else
            problems_.insert(dn.error().message);
    }
}

void Lookup::by_sam() {
    const auto backslash = query_.text.find('\\');
    const std::string netbios = query_.text.substr(0, backslash);
    auto in = topology_.called(netbios);
    std::erase_if(in, [&](const Domain* domain) {
        return !query_.forest.empty() && domain->forest != query_.forest;
    });
    if (in.empty()) {
        note_lost_forests();
        if (problems_.empty())
            problems_.insert(fmt::format("no domain is called {}", printable(netbios)));
        return;
    }
    must_search_all_ = in.size() > 1; // a NetBIOS name may repeat in another forest
    ask_accounts(in, equals("sAMAccountName", query_.text.substr(backslash + 1)));
}

/// sAMAccountName@domain works without the attribute ([MS-ADTS] 5.1.1.1.1).
void Lookup::by_implicit_upn() {
    const auto at = query_.text.rfind('@');
    const DomainName suffix(query_.text.substr(at + 1));
    for (const auto* domain : domains())
        if (domain->name == suffix)
            ask_accounts({domain}, equals("sAMAccountName", query_.text.substr(0, at)));
}

void Lookup::by_filter() {
    note_lost_forests();
    if (auto filter = parse_filter(query_.text))
        ask_accounts(domains(), *filter);
    else
        problems_.insert(filter.error().message);
}

void Lookup::ask_accounts(const std::vector<const Domain*>& in, const Filter& filter,
                          const std::string& foreign) {
    for (const auto* domain : in) {
        Search search;
        search.base.dn = domain->nc;
        search.filter = all_of({equals("objectClass", "user"), filter});
        search.attributes = {"objectClass", "userAccountControl"};
        questions_.push_back({Question::About::accounts, domain, std::move(search), foreign});
    }
}

void Lookup::ask_object(const Dn& dn) {
    if (!members_.insert(dn.key()).second)
        return;
    const Domain* const domain = home_of(dn);
    if (domain == nullptr) {
        note_lost_forests();
        problems_.insert(fmt::format("{} lies in no domain of the forests", printable(dn.text())));
        return;
    }
    Search search;
    search.base.dn = dn;
    search.scope = Scope::base;
    search.attributes = {"objectClass", "userAccountControl"};
    if (query_.kind == AccountQuery::Kind::group)
        search.attributes.insert(search.attributes.end(), {"member", "objectSid"});
    questions_.push_back({Question::About::object, domain, std::move(search), {}});
}

/// A member that lives in another forest, or stands for everybody (S-1-5-11): those are no
/// accounts.
void Lookup::ask_foreign(const Sid& sid) {
    if (!sid.to_string().starts_with("S-1-5-21-") ||
        !foreign_.emplace(sid.to_string(), false).second)
        return;
    ask_accounts(topology_.domains(), equals("objectSid", sid.bytes()), sid.to_string());
}

void Lookup::take(const Question& question, const Found& found) {
    const Domain& domain = *question.domain;
    if (question.about == Question::About::object) {
        const std::string name = printable(question.search.base.dn.text());
        if (!found.complete())
            problems_.insert(found.incomplete->message);
        else if (found.entries.empty())
            problems_.insert(fmt::format("{} is not there", name));
        else
            take_object(question, found.entries.front());
        return;
    }
    for (const auto& entry : found.entries)
        if (topology_.domain_of(domain.forest, entry.dn) == &domain) {
            keep(domain, entry);
            if (!question.foreign.empty())
                foreign_[question.foreign] = true;
        }
    if (!found.complete())
        problems_.insert(fmt::format("{}: {}", domain.name.text(), found.incomplete->message));
}

void Lookup::take_object(const Question& question, const Entry& entry) {
    const bool may_be_group = query_.kind == AccountQuery::Kind::group;
    if (may_be_group && has_class(entry, "group"))
        return take_group(question, entry);
    if (has_class(entry, "user"))
        keep(*question.domain, entry);
    else if (!may_be_group || round_ == 1)
        problems_.insert(fmt::format(
            "{} is no {}{}", printable(entry.dn.text()), may_be_group ? "group" : "account",
            has_class(entry, "group") ? " but a group: write {group: …}" : ""));
}

void Lookup::take_group(const Question& question, const Entry& group) {
    for (const auto& value : values_of(group.attributes, "member")) {
        const auto member = Dn::parse(value);
        if (!member)
            problems_.insert(member.error().message);
        else if (const auto sid = Sid::parse(member->rdn_value()))
            ask_foreign(*sid);
        else
            ask_object(*member);
    }
    if (const auto sid = Sid::from_bytes(first_of(group.attributes, "objectSid")))
        ask_accounts({question.domain}, equals("primaryGroupID", relative_id(*sid)));
}

void Lookup::keep(const Domain& domain, const Entry& entry) {
    unsigned control = 0;
    const auto& text = first_of(entry.attributes, "userAccountControl");
    std::from_chars(text.data(), text.data() + text.size(), control);
    found_.push_back({domain.forest, domain.name, entry.dn, (control & account_is_disabled) != 0});
}

std::string Lookup::ambiguous() const {
    std::vector<std::string> names;
    for (const auto& location : found_)
        names.push_back(printable(location.dn.text()));
    return fmt::format("{} is ambiguous: {}", printable(query_.text), fmt::join(names, "; "));
}

ResolvedAccount Lookup::result() && {
    for (const auto& [sid, seen] : foreign_)
        if (!seen) {
            note_lost_forests();
            problems_.insert(fmt::format("the member {} is in none of the forests", sid));
        }
    ResolvedAccount out;
    out.query = query_;
    std::ranges::sort(found_);
    found_.erase(std::unique(found_.begin(), found_.end()), found_.end());
    out.locations = found_;
    const bool one_expected =
        query_.kind != AccountQuery::Kind::group && query_.kind != AccountQuery::Kind::filter;
    if (one_expected && found_.size() == 1 && !must_search_all_)
        return out;
    if (!problems_.empty())
        out.unresolved = fmt::format("{}", fmt::join(problems_, "; "));
    else if (found_.empty())
        out.unresolved = "no account matches it"; // who shows this has named the account
    else if (one_expected && found_.size() > 1)
        out.unresolved = ambiguous();
    return out;
}

} // namespace

std::vector<ResolvedAccount> look_up_accounts(const Topology& topology, Sessions& sessions,
                                              std::span<const AccountQuery> queries) {
    std::vector<Lookup> lookups;
    for (const auto& query : queries)
        lookups.emplace_back(topology, query);
    while (true) {
        std::vector<Question> questions;
        std::vector<DomainSearch> searches;
        std::vector<Lookup*> askers;
        for (auto& lookup : lookups)
            for (auto& question : lookup.next()) {
                searches.push_back({question.domain, question.search});
                questions.push_back(std::move(question));
                askers.push_back(&lookup);
            }
        if (questions.empty())
            break;
        const auto answers = search_domains(searches, sessions);
        for (std::size_t i = 0; i < questions.size(); ++i)
            askers[i]->take(questions[i], answers[i]);
    }
    std::vector<ResolvedAccount> accounts;
    for (auto& lookup : lookups)
        accounts.push_back(std::move(lookup).result());
    return accounts;
}

} // namespace scp
