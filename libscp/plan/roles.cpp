#include "plan/roles.hpp"

#include "base/hash.hpp"
#include "plan/identity.hpp"
#include "plan/rule_view.hpp"

#include <algorithm>
#include <array>

namespace scp {
namespace {

RoleOf role_of_marked(const Scp& scp, const RuleView& view, bool matched, const PlanInput& input) {
    const Rule& rule = *view.rule;
    const RoleOf suspect{Role::suspect, Reason::suspect_marker};
    if (!scp.marker)
        return matched ? suspect : RoleOf{};
    if (!equal_ascii_nocase(scp.marker->instance, input.settings.instance)) {
        if (!matched || !looks_in(view, domain_of(scp)))
            return {};
        return trusted_in_target(scp, view) ? RoleOf{Role::foreign, std::nullopt} : suspect;
    }
    if (!matched && !equal_ascii_nocase(scp.marker->rule, rule.name))
        return {};
    const auto at = std::ranges::find(input.observation.domains, domain_of(scp), ref);
    const bool owned =
        at != input.observation.domains.end() && owned_by_us(scp, *at, copy_owners(input));
    if (!owned || !in_allowed_place(scp, rule))
        return suspect;
    return {Role::copy, std::nullopt};
}

/// AD holds a value once, whatever its case: of those that differ in case alone the first by bytes
/// is kept.
Values unique_values(const Values& values) {
    if (values.size() < 2)
        return values;
    std::map<std::string, std::string> unique;
    for (const auto& value : sorted(values))
        unique.emplace(fold_case(value), value);
    Values kept;
    for (auto& [folded, value] : unique)
        kept.push_back(std::move(value));
    return sorted(std::move(kept));
}

} // namespace

std::string to_string(Role role) {
    static constexpr std::array names{"source",  "copy",      "native",   "foreign",
                                      "suspect", "untrusted", "unrelated"};
    return names.at(static_cast<std::size_t>(role));
}

RoleOf role_of(const Scp& scp, const Rule& rule, const PlanInput& input) {
    return role_of(scp, view_rule(rule, input), input);
}

RoleOf role_of(const Scp& scp, const RuleView& view, const PlanInput& input) {
    const bool matched = matches(*view.rule, identity_of(scp));
    if (scp.marked)
        return role_of_marked(scp, view, matched, input);
    if (!matched)
        return {};
    if (scp.conflict)
        return {Role::untrusted, Reason::name_collision};
    if (!looks_in(view, domain_of(scp)))
        return {};
    const bool in_target = view.targets.contains(domain_of(scp));
    const auto why = distrust(scp, view);
    if (!why && view.targets.size() > (in_target ? 1U : 0U))
        return {Role::source, std::nullopt};
    if (in_target && trusted_in_target(scp, view))
        return {Role::native, std::nullopt};
    if (!may_hold_sources(view, domain_of(scp)))
        return {Role::untrusted, Reason::untrusted_native};
    if (why)
        return {Role::untrusted, why};
    return {Role::source, std::nullopt};
}

std::string selector_hash(const Rule& rule) {
    Attributes match;
    for (const auto& keyword : rule.keywords)
        match["keywords"].push_back(fold_case(keyword));
    auto& keywords = match["keywords"];
    std::ranges::sort(keywords);
    keywords.erase(std::unique(keywords.begin(), keywords.end()), keywords.end());
    match["name"] = {fold_case(rule.name_glob)};
    // The default is left out: markers from before there was another place to look have no other.
    if (rule.in_configuration)
        match["in"] = rule.in_domains ? Values{"configuration", "domain"} : Values{"configuration"};
    return content_hash(match);
}

std::string attributes_hash(const Rule& rule) {
    Attributes list;
    for (const auto& name : rule.attributes)
        list[name] = {"copied"};
    return content_hash(list);
}

Attributes copied_content(const Scp& scp, const Rule& rule) {
    Attributes content;
    const auto copy = [&](const std::string& name) {
        if (const auto& values = values_of(scp.attributes, name); !values.empty())
            content[name] = unique_values(values);
    };
    copy("keywords");
    for (const auto& name : rule.attributes)
        copy(name);
    return content;
}

} // namespace scp
