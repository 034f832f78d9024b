#include "observe/accounts.hpp"

#include "observe/find_in_catalogs.hpp"
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

/// One search, and what its answer is for.
struct Question {
    enum class About {
        accounts, ///< every user that it finds is one of ours
        object,   ///< the object itself: an account, or a group whose members are
    };
    About about = About::accounts;
    const Domain* domain = nullptr; ///< the one to be searched
    const Forest* forest = nullptr; ///< in its place: all of it, for one account
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
    [[nodiscard]] const Domain* home_of(const Dn& dn) const;
    void note_lost_forests(const std::string& in);
    void begin();
    void by_sam();
    void by_filter();
    void by_implicit_upn();
    void ask_accounts(const std::vector<const Domain*>& in, const Filter& filter);
    void ask_forests(const std::string& named, const Filter& filter,
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

Search search_for_users(const Filter& filter) {
    Search search;
    search.filter = all_of({equals("objectClass", "user"), filter});
    search.attributes = {"objectClass", "userAccountControl"};
    return search;
}

const Domain* Lookup::home_of(const Dn& dn) const {
    for (const auto& forest : topology_.forests)
        if (query_.forest.empty() || forest.name == query_.forest)
            if (const Domain* domain = topology_.domain_of(forest.name, dn);
                domain != nullptr && !domain->name.is_configuration())
                return domain;
    return nullptr;
}

/// Domains of a forest that could not be read at all are not even known by name.
void Lookup::note_lost_forests(const std::string& in) {
    for (const auto& forest : topology_.forests)
        if (forest.error && (in.empty() || forest.name == in))
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
        note_lost_forests(query_.forest);
        return ask_forests(query_.forest, equals("userPrincipalName", query_.text));
    case AccountQuery::Kind::sid:
        note_lost_forests(query_.forest);
        if (const auto sid = Sid::parse(query_.text))
            ask_forests(query_.forest, equals("objectSid", sid->bytes()));
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
        note_lost_forests(query_.forest);
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
    for (const auto* domain : topology_.domains())
        if (domain->name == suffix && (query_.forest.empty() || domain->forest == query_.forest))
            ask_accounts({domain}, equals("sAMAccountName", query_.text.substr(0, at)));
}

/// Of each domain, and no global catalog: it need not have the attributes that the filter names.
void Lookup::by_filter() {
    note_lost_forests(query_.forest);
    auto filter = parse_filter(query_.text);
    if (!filter) {
        problems_.insert(filter.error().message);
        return;
    }
    std::vector<const Domain*> in = topology_.domains();
    std::erase_if(in, [&](const Domain* domain) {
        return !query_.forest.empty() && domain->forest != query_.forest;
    });
    ask_accounts(in, *filter);
}

void Lookup::ask_accounts(const std::vector<const Domain*>& in, const Filter& filter) {
    for (const auto* domain : in) {
        Question question{Question::About::accounts, domain, nullptr, search_for_users(filter), {}};
        question.search.base.dn = domain->nc;
        questions_.push_back(std::move(question));
    }
}

/// One account, wherever it is in the forest of that name (none: in all).
void Lookup::ask_forests(const std::string& named, const Filter& filter,
                         const std::string& foreign) {
    for (const auto& forest : topology_.forests)
        if (named.empty() || forest.name == named)
            questions_.push_back(
                {Question::About::accounts, nullptr, &forest, search_for_users(filter), foreign});
}

void Lookup::ask_object(const Dn& dn) {
    if (!members_.insert(dn.key()).second)
        return;
    const Domain* const domain = home_of(dn);
    if (domain == nullptr) {
        note_lost_forests(query_.forest);
        problems_.insert(fmt::format("{} lies in no domain of the forests", printable(dn.text())));
        return;
    }
    Search search;
    search.base.dn = dn;
    search.scope = Scope::base;
    search.attributes = {"objectClass", "userAccountControl"};
    if (query_.kind == AccountQuery::Kind::group)
        search.attributes.insert(search.attributes.end(), {"member", "objectSid"});
    questions_.push_back({Question::About::object, domain, nullptr, std::move(search), {}});
}

/// A member that lives in another forest, or stands for everybody (S-1-5-11): those are no
/// accounts.
void Lookup::ask_foreign(const Sid& sid) {
    if (!sid.to_string().starts_with("S-1-5-21-") ||
        !foreign_.emplace(sid.to_string(), false).second)
        return;
    ask_forests({}, equals("objectSid", sid.bytes()), sid.to_string());
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
            note_lost_forests({}); // wherever the group itself was looked for
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

/// A question, and whose it is.
struct Inquiry {
    Question question;
    Lookup* asker = nullptr;
};

/// What a global catalog leads to is answered; what is left are questions to single domains.
std::vector<Inquiry> ask_catalogs(std::vector<Inquiry> asked, const Topology& topology,
                                  Sessions& sessions) {
    std::vector<ForestSearch> searches;
    for (const auto& [question, asker] : asked)
        if (question.forest != nullptr)
            searches.push_back(
                {question.forest, question.search.filter, question.search.attributes});
    const auto hits = find_in_catalogs(topology, sessions, searches);
    std::vector<Inquiry> left;
    auto hit = hits.begin();
    for (Inquiry& inquiry : asked) {
        Question& question = inquiry.question;
        if (question.forest == nullptr) {
            left.push_back(std::move(inquiry));
        } else if (const auto& here = *hit++) {
            question.domain = here->domain;
            inquiry.asker->take(question, here->found);
        } else {
            for (const auto& domain : question.forest->domains) {
                left.push_back(inquiry);
                left.back().question.domain = &domain;
                left.back().question.search.base.dn = domain.nc;
            }
        }
    }
    return left;
}

} // namespace

std::vector<ResolvedAccount> look_up_accounts(const Topology& topology, Sessions& sessions,
                                              std::span<const AccountQuery> queries) {
    std::vector<Lookup> lookups;
    for (const auto& query : queries)
        lookups.emplace_back(topology, query);
    while (true) {
        std::vector<Inquiry> asked;
        for (auto& lookup : lookups)
            for (auto& question : lookup.next())
                asked.push_back({std::move(question), &lookup});
        if (asked.empty())
            break;
        asked = ask_catalogs(std::move(asked), topology, sessions);
        std::vector<DomainSearch> searches;
        for (const auto& one : asked)
            searches.push_back({one.question.domain, one.question.search});
        const auto answers = search_domains(searches, sessions);
        for (std::size_t i = 0; i < asked.size(); ++i)
            asked[i].asker->take(asked[i].question, answers[i]);
    }
    std::vector<ResolvedAccount> accounts;
    for (auto& lookup : lookups)
        accounts.push_back(std::move(lookup).result());
    return accounts;
}

} // namespace scp
