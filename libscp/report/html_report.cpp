#include "report/html_report.hpp"

#include "base/text.hpp"
#include "plan/identity.hpp"
#include "report/accounts_report.hpp"
#include "report/html.hpp"
#include "report/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace scp {

namespace {

constexpr std::size_t writes_shown = 50;

std::string code(std::string_view value) {
    return html_element("code", "", html_text(value));
}

std::string soft(std::string_view value) {
    return html_element("div", "soft", html_text(value));
}

/// Details, hints and errors: their values are printable already.
std::string remark(std::string_view message) {
    return html_element("div", "soft", html_escape(message));
}

std::string state(std::string_view css_class, std::string_view value) {
    return html_element("span", css_class, html_text(value));
}

std::string bullets(const std::vector<std::string>& items) {
    std::string list;
    for (const std::string& item : items)
        list += html_element("li", "", item);
    return items.empty() ? "–" : html_element("ul", "", list);
}

std::string codes(const Values& values) {
    std::vector<std::string> items;
    for (const std::string& value : sorted(values))
        items.push_back(code(value));
    return bullets(items);
}

std::string section(std::string_view title, const std::string& inner) {
    return html_element("h2", "", html_text(title)) + "\n" + inner;
}

bool has_role(const ListedScp& listed, std::string_view rule, Role role) {
    return std::ranges::any_of(
        listed.roles, [&](const auto& one) { return one.rule == rule && one.role.role == role; });
}

std::string verdict(const HtmlReport& report) {
    const Plan& plan = report.cycle.plan;
    std::string css = "good";
    std::string text = "All is as it should be. ";
    if (!report.faults.empty()) {
        css = "bad";
        text = "Not all could be read. ";
    } else if (!plan.held.empty()) {
        css = "wait";
        text = "Something waits for a person. ";
    } else if (!plan.changes.empty()) {
        css = "wait";
        text = "Changes are due. ";
    }
    std::string out =
        html_element("p", "verdict " + css, html_text(text + summary_line(report.cycle)));
    for (const Error& fault : report.faults)
        out += html_element("p", "bad", html_escape(fault.message)) + remark(fault.hint);
    for (const std::string& line : disabled_accounts(report.cycle.observation))
        out += html_element("p", "wait", html_escape(line));
    return out + "\n";
}

std::string held_section(const HtmlReport& report) {
    const auto held = all_held(report.cycle);
    if (held.empty())
        return "";
    HtmlTable table({"Reason", "Rule", "Domain", "What", "What to do"});
    for (const Held& one : held) {
        std::string what = one.dn.empty() ? "" : code(one.dn.text());
        if (one.change)
            what += soft("would be: " + to_string(one.change->op));
        if (!one.detail.empty())
            what += html_element("div", "", html_escape(one.detail));
        for (const SourceRef& source : one.sources)
            what += soft("source " + source.dn.text());
        table.add({state("wait", to_string(one.reason)), html_text(one.rule),
                   html_text(one.domain.text()), what,
                   html_escape(one.hint.empty() ? explain(one.reason) : one.hint)});
    }
    return section("Held", table.html());
}

std::string difference(const Change& change) {
    std::string text;
    for (const auto& [name, diff] : attribute_diffs(change)) {
        text += html_element("div", "soft", html_text(name));
        for (const std::string& value : diff.remove)
            text += html_element("div", "bad", "− " + code(value));
        for (const std::string& value : diff.add)
            text += html_element("div", "good", "+ " + code(value));
    }
    return text;
}

std::string changes_section(const HtmlReport& report) {
    if (report.cycle.plan.changes.empty())
        return "";
    HtmlTable table({"Change", "Rule", "Domain", "Object", "Values"});
    for (const Change& change : report.cycle.plan.changes)
        table.add({html_element("b", "", html_text(to_string(change.op))) +
                       soft(to_string(change.reason)),
                   html_text(change.rule), html_text(change.domain.text()),
                   code(change.dn.text()) +
                       (change.new_dn ? soft("becomes " + change.new_dn->text()) : "") +
                       (change.detail.empty() ? "" : remark(change.detail)),
                   difference(change)});
    return section("Due", table.html());
}

/// What the plan says of a copy that is there, and of those of a source that are to come.
class Outlook {
  public:
    explicit Outlook(const Plan& plan) {
        for (const Change& change : plan.changes)
            if (change.guid)
                of_object_[*change.guid] =
                    state("wait", "due: " + to_string(change.op) + ", " + to_string(change.reason));
            else if (change.op == Op::create && change.source)
                of_source_[change.source->guid].push_back(html_text(change.domain.text()) + ": " +
                                                          state("wait", "to be created"));
        for (const Held& held : plan.held) {
            const std::string why = state("wait", "held: " + to_string(held.reason));
            of_dn_[{held.domain, held.dn}] = why;
            if (held.change && held.change->guid)
                of_object_[*held.change->guid] = why;
            for (const SourceRef& source : held.sources) {
                of_pair_[{held.domain, source.guid}] = why;
                if (held.change && held.change->op == Op::create)
                    of_source_[source.guid].push_back(html_text(held.domain.text()) + ": " + why);
            }
        }
    }

    [[nodiscard]] std::string of_copy(const Scp& copy) const {
        if (const auto found = of_object_.find(copy.guid); found != of_object_.end())
            return found->second;
        if (const auto found = of_dn_.find({copy.domain, copy.dn}); found != of_dn_.end())
            return found->second;
        if (copy.marker)
            if (const auto found = of_pair_.find({copy.domain, copy.marker->source});
                found != of_pair_.end())
                return found->second;
        if (copy.marker && copy.marker->parked)
            return state("wait", "parked since " + to_rfc3339(*copy.marker->parked));
        if (copy.marker && copy.marker->gone)
            return state("wait", "marked as gone since " + to_rfc3339(*copy.marker->gone));
        return state("good", "in sync");
    }

    [[nodiscard]] std::vector<std::string> to_come(const Guid& source) const {
        const auto found = of_source_.find(source);
        return found == of_source_.end() ? std::vector<std::string>{} : found->second;
    }

  private:
    std::map<Guid, std::string> of_object_;
    std::map<std::pair<DomainName, Dn>, std::string> of_dn_;
    std::map<std::pair<DomainName, Guid>, std::string> of_pair_; ///< target and source
    std::map<Guid, std::vector<std::string>> of_source_;
};

std::string place_of(const Scp& scp, const std::string& what) {
    return html_text(scp.domain.text()) + ": " + what +
           html_element("div", "", code(scp.dn.text()));
}

/// Where agents find this source besides in its own domain.
std::vector<std::string> copies_of(const ListedScp& source, const std::string& rule,
                                   const HtmlReport& report, const Outlook& outlook) {
    std::vector<std::string> places;
    const Identity identity = identity_of(source.scp);
    for (const ListedScp& other : report.scps) {
        const Scp& scp = other.scp;
        if (scp.guid == source.scp.guid)
            continue;
        if (scp.marker && scp.marker->source == source.scp.guid &&
            has_role(other, rule, Role::copy))
            places.push_back(place_of(scp, outlook.of_copy(scp)));
        else if (has_role(other, rule, Role::native) && identity_of(scp) == identity)
            places.push_back(place_of(scp, "an SCP of the domain's own"));
        else if (has_role(other, rule, Role::foreign) && identity_of(scp) == identity)
            places.push_back(place_of(scp, "a copy of another instance"));
    }
    std::ranges::copy(outlook.to_come(source.scp.guid), std::back_inserter(places));
    return places;
}

std::string mirrored_section(const HtmlReport& report) {
    HtmlTable table({"Source", "Rule", "Bindings", "Where agents find it"});
    const Outlook outlook(report.cycle.plan);
    bool any = false;
    for (const ListedScp& source : report.scps)
        for (const auto& [rule, role] : source.roles) {
            if (role.role != Role::source)
                continue;
            any = true;
            table.add({html_element("b", "", html_text(source.scp.name)) +
                           html_element("div", "", html_text(source.scp.domain.text())) +
                           html_element("div", "", code(source.scp.dn.text())),
                       html_text(rule),
                       codes(values_of(source.scp.attributes, "serviceBindingInformation")),
                       bullets(copies_of(source, rule, report, outlook))});
        }
    return section("What is mirrored where",
                   any ? table.html() : html_element("p", "soft", "No source was seen."));
}

std::string domains_section(const HtmlReport& report) {
    HtmlTable table({"Domain", "Forest", "Read from", "State", "Agents' accounts"});
    for (const DomainView& view : report.cycle.observation.domains) {
        std::vector<std::string> accounts;
        for (const ResolvedAccount& account : report.cycle.observation.accounts)
            for (const auto& location : account.locations)
                if (location.forest == view.forest && location.domain == view.domain)
                    accounts.push_back(code(location.dn.text()) +
                                       (location.disabled ? " " + state("wait", "disabled") : ""));
        std::ranges::sort(accounts);
        accounts.erase(std::unique(accounts.begin(), accounts.end()), accounts.end());
        table.add({html_element("b", "", html_text(view.domain.text())), html_text(view.forest),
                   code(view.server),
                   view.complete() ? state("good", "read to its end")
                                   : state("bad", "incomplete") + remark(view.incomplete->message),
                   bullets(accounts)});
    }
    for (const Forest& forest : report.cycle.topology.forests)
        if (forest.error && forest.domains.empty())
            table.add({html_text(forest.root.text()), html_text(forest.name), "–",
                       state("bad", "not reached") + remark(forest.error->message), "–"});
    return section("Domains", table.html());
}

std::string rules_section(const HtmlReport& report) {
    HtmlTable table(
        {"Rule", "Mode", "Keywords", "Accounts and domains", "Sources", "Copies", "Held"});
    for (const Rule& rule : report.rules) {
        const auto count = [&](Role role) {
            return std::ranges::count_if(
                report.scps, [&](const ListedScp& one) { return has_role(one, rule.name, role); });
        };
        std::vector<std::string> who;
        for (const AccountQuery& account : rule.accounts)
            who.push_back(code(account.text));
        for (const DomainName& domain : rule.target_domains)
            who.push_back(html_text(domain.text()));
        table.add(
            {html_element("b", "", html_text(rule.name)), html_text(to_string(rule.mode)),
             codes(rule.keywords), bullets(who), fmt::to_string(count(Role::source)),
             fmt::to_string(count(Role::copy)),
             fmt::to_string(std::ranges::count(report.cycle.plan.held, rule.name, &Held::rule))});
    }
    return section("Rules", table.html());
}

std::string result_of(const HistoryRecord& record) {
    std::string text = record.result == "done"     ? state("good", "done")
                       : record.result.empty()     ? state("wait", "not known")
                       : record.result == "failed" ? state("bad", "failed")
                                                   : state("wait", record.result);
    if (!record.error.empty())
        text += remark(record.error);
    if (!record.undone_by.empty())
        text += soft("undone by " + record.undone_by);
    return text;
}

std::string history_section(const HtmlReport& report) {
    if (report.writes.empty())
        return section("Recent writes of this host", html_element("p", "soft", "None."));
    HtmlTable table({"When", "Who", "Write", "Rule", "Object", "Result"});
    const std::size_t n = std::min(writes_shown, report.writes.size());
    for (std::size_t i = 0; i < n; ++i) {
        const HistoryRecord& record = report.writes[report.writes.size() - 1 - i];
        const Change& change = record.change;
        table.add(
            {html_text(to_rfc3339(record.at)) + soft(record.id),
             html_text(record.who + "@" + record.host),
             html_text(to_string(change.op)) + soft(to_string(change.reason)),
             html_text(change.rule),
             html_text(change.domain.text()) + html_element("div", "", code(change.dn.text())),
             result_of(record)});
    }
    std::string more;
    if (n < report.writes.size())
        more = html_element("p", "soft",
                            html_text(fmt::format("The last {} of {}; scpctl history has them all.",
                                                  n, report.writes.size())));
    return section("Recent writes of this host", table.html() + more);
}

} // namespace

std::string html_report(const HtmlReport& report) {
    const std::string title = "scpd: instance " + report.instance;
    const std::string when = fmt::format("Read at {} by scpctl {}, without writing anything.",
                                         to_rfc3339(report.at), SCP_VERSION);
    return html_page(title, html_element("header", "",
                                         html_element("h1", "", html_text(title)) +
                                             html_element("p", "soft", html_text(when)) +
                                             verdict(report)) +
                                "\n<main>\n" + held_section(report) + changes_section(report) +
                                mirrored_section(report) + domains_section(report) +
                                rules_section(report) + history_section(report) + "</main>\n");
}

} // namespace scp
