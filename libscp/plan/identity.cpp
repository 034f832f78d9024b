#include "plan/identity.hpp"

#include <algorithm>

namespace scp {

std::string identity_name(std::string_view rdn_value) {
    return fold_case(rdn_value.substr(0, rdn_value.find("\nCNF:")));
}

Identity identity_of(const Scp& scp) {
    Identity identity;
    identity.name = scp.conflict ? identity_name(scp.name) : fold_case(scp.name);
    for (const auto& keyword : values_of(scp.attributes, "keywords"))
        identity.keywords.push_back(fold_case(keyword));
    std::ranges::sort(identity.keywords);
    identity.keywords.erase(std::unique(identity.keywords.begin(), identity.keywords.end()),
                            identity.keywords.end());
    return identity;
}

bool matches(const Rule& rule, const Identity& identity) {
    return glob_match(rule.name_glob, identity.name) &&
           std::ranges::all_of(rule.keywords, [&](const std::string& keyword) {
               return std::ranges::binary_search(identity.keywords, fold_case(keyword));
           });
}

} // namespace scp
