#include "scpctl/explain.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace scp {

namespace {

constexpr std::size_t most_misses = 20;
constexpr std::size_t shown_bytes = 120; // of one value

std::string shown(std::string_view value) {
    return printable(value, shown_bytes);
}

bool names_class(const Filter& part) {
    return equal_ascii_nocase(part.attribute, "objectClass") ||
           equal_ascii_nocase(part.attribute, "objectCategory");
}

/// The attributes as a filter meets them.
Attributes with_names(const SeenScp& scp) {
    Attributes out = scp.attributes;
    out.try_emplace("name", Values{scp.dn.rdn_value()});
    out.try_emplace("distinguishedName", Values{scp.dn.text()});
    return out;
}

std::string difference(const Filter& part, const Attributes& attributes) {
    if (part.kind != Filter::Kind::equal) {
        return "does not match " + to_string(part);
    }
    if (equal_ascii_nocase(part.attribute, "keywords")) {
        return fmt::format("keyword {} missing", shown(part.value));
    }
    if (names_class(part)) {
        return fmt::format("is no {}", shown(part.value));
    }
    const Values& values = values_of(attributes, part.attribute);
    if (values.empty()) {
        return fmt::format("has no {}", shown(part.attribute));
    }
    return fmt::format("{} is {}, not {}",
                       shown(lower_ascii(part.attribute) == "cn" ? "cn" : part.attribute),
                       shown(values.front()), shown(part.value));
}

struct Ranked {
    std::size_t mismatches = 0;
    NearMiss miss;
};

Ranked rank(const ExplainFacts& facts, const std::vector<Filter>& parts, const SeenScp& scp) {
    Ranked out{0, {scp.dn, scp.domain, {}}};
    const Attributes attributes = with_names(scp);
    for (const Filter& part : parts) {
        if (!matches(part, attributes)) {
            ++out.mismatches;
            out.miss.differs.push_back(difference(part, attributes));
        }
    }
    const DomainName& asked = facts.question.domain;
    const bool elsewhere = scp.domain != asked || scp.forest != facts.question.forest;
    if (elsewhere && !asked.empty()) {
        out.miss.differs.push_back(
            scp.domain.is_configuration()
                ? fmt::format("is in {}, where a search of {} does not look",
                              domain_in_words(scp.domain), shown(asked.text()))
                : fmt::format("is in domain {}, not in {}", shown(scp.domain.text()),
                              shown(asked.text())));
    } else if (out.mismatches == 0 && facts.as_agent) {
        out.miss.differs.emplace_back("the agent's account does not see it");
    }
    if (values_of(scp.attributes, "serviceBindingInformation").empty()) {
        out.miss.differs.emplace_back("has no bindings");
    }
    if (scp.conflict) {
        out.miss.differs.emplace_back("is what a replication conflict left (CNF)");
    }
    return out;
}

} // namespace

std::string domain_in_words(const DomainName& domain) {
    return (domain.is_configuration() ? "the Configuration NC of " : "") +
           printable(domain.dns().text(), 255);
}

SeenScp seen_scp(const Entry& entry, const Domain& domain, const std::string& marker_attribute) {
    SeenScp scp;
    scp.forest = domain.forest;
    scp.domain = domain.name;
    scp.nc = domain.nc;
    scp.dn = entry.dn;
    scp.guid = guid_of(entry.attributes);
    scp.attributes = entry.attributes;
    for (const auto& value : values_of(entry.attributes, marker_attribute)) {
        if (!looks_like_marker(value)) {
            continue;
        }
        scp.marked = true;
        if (!scp.marker) {
            scp.marker = parse_marker(value);
        }
    }
    scp.conflict = entry.dn.rdn_value().find("\nCNF:") != std::string::npos;
    return scp;
}

std::vector<Filter> conjuncts(const Filter& filter) {
    if (filter.kind != Filter::Kind::all_of) {
        return {filter};
    }
    std::vector<Filter> out;
    for (const Filter& child : filter.children) {
        std::ranges::move(conjuncts(child), std::back_inserter(out));
    }
    return out;
}

std::vector<std::string> keywords_of(const Filter& filter) {
    std::vector<std::string> out;
    for (const Filter& part : conjuncts(filter)) {
        if (part.kind == Filter::Kind::equal && equal_ascii_nocase(part.attribute, "keywords")) {
            out.push_back(part.value);
        }
    }
    return out;
}

bool matches_filter(const Filter& filter, const SeenScp& scp) {
    return matches(filter, with_names(scp));
}

Filter near_filter(const Filter& filter) {
    const Filter is_scp = equals("objectClass", "serviceConnectionPoint");
    std::vector<Filter> telling;
    for (Filter& part : conjuncts(filter)) {
        // A presence test is met by every SCP, and a negation by almost every one.
        if (!names_class(part) && part.kind != Filter::Kind::present &&
            part.kind != Filter::Kind::negation) {
            telling.push_back(std::move(part));
        }
    }
    return telling.empty() ? all_of({is_scp, filter})
                           : all_of({is_scp, any_of(std::move(telling))});
}

Filter filter_of_rule(const Rule& rule) {
    std::vector<Filter> parts{equals("objectClass", "serviceConnectionPoint")};
    for (const auto& keyword : rule.keywords) {
        parts.push_back(equals("keywords", keyword));
    }
    const std::string& glob = rule.name_glob;
    if (glob.find('?') != std::string::npos || glob.find_first_not_of('*') == std::string::npos) {
        return all_of(std::move(parts)); // no filter says "one character"
    }
    if (glob.find('*') == std::string::npos) {
        parts.push_back(equals("cn", glob));
        return all_of(std::move(parts));
    }
    Filter name = starts_with("cn", {});
    name.parts.clear();
    std::size_t begin = 0;
    for (auto star = glob.find('*'); star != std::string::npos; star = glob.find('*', begin)) {
        name.parts.push_back(glob.substr(begin, star - begin));
        begin = star + 1;
    }
    name.parts.push_back(glob.substr(begin));
    parts.push_back(std::move(name));
    return all_of(std::move(parts));
}

bool rule_matches(const Rule& rule, const SeenScp& scp) {
    const Attributes attributes = with_names(scp);
    return glob_match(rule.name_glob, scp.dn.rdn_value()) &&
           std::ranges::all_of(rule.keywords, [&](const std::string& keyword) {
               return matches(equals("keywords", keyword), attributes);
           });
}

std::vector<NearMiss> near_misses(const ExplainFacts& facts) {
    const std::vector<Filter> parts = conjuncts(facts.question.filter);
    std::vector<Ranked> ranked;
    for (const SeenScp& scp : facts.candidates) {
        const bool found = std::ranges::any_of(facts.found.scps, [&](const SeenScp& match) {
            return match.dn == scp.dn && match.forest == scp.forest;
        });
        if (!found) {
            ranked.push_back(rank(facts, parts, scp));
        }
    }
    std::ranges::sort(ranked, [](const Ranked& a, const Ranked& b) {
        return std::tie(a.mismatches, a.miss.domain, a.miss.dn) <
               std::tie(b.mismatches, b.miss.domain, b.miss.dn);
    });
    std::vector<NearMiss> out;
    for (auto& one : ranked) {
        if (out.size() == most_misses) {
            break;
        }
        out.push_back(std::move(one.miss));
    }
    return out;
}

} // namespace scp
