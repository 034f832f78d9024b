#include "directory/memory_rules.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>

namespace scp {
namespace {

/// What a directory adds to objectClass by itself.
struct ClassChain {
    std::string_view name;
    std::array<std::string_view, 4> above;
};
constexpr std::array class_chains{
    ClassChain{"container", {"top"}},
    ClassChain{"organizationalUnit", {"top"}},
    ClassChain{"domainDNS", {"top", "domain"}},
    ClassChain{"crossRef", {"top"}},
    ClassChain{"crossRefContainer", {"top"}},
    ClassChain{"group", {"top"}},
    ClassChain{"user", {"top", "person", "organizationalPerson"}},
    ClassChain{"computer", {"top", "person", "organizationalPerson", "user"}},
    ClassChain{"serviceConnectionPoint", {"top", "leaf", "connectionPoint"}},
    ClassChain{"serviceAdministrationPoint",
               {"top", "leaf", "connectionPoint", "serviceConnectionPoint"}},
};

constexpr std::array<std::string_view, 8> single_valued{
    "cn",          "serviceClassName", "serviceDNSName", "serviceDNSNameType",
    "displayName", "objectGUID",       "name",           "isDeleted"};

bool holds(const Values& values, std::string_view value) {
    const std::string folded = fold_case(value);
    return std::ranges::any_of(values,
                               [&](const std::string& one) { return fold_case(one) == folded; });
}

} // namespace

void complete_classes(Values& classes) {
    Values full;
    for (const std::string& name : classes) {
        for (const ClassChain& chain : class_chains) {
            if (equal_ascii_nocase(chain.name, name)) {
                for (const std::string_view above : chain.above) {
                    if (!above.empty() && !holds(full, above)) {
                        full.emplace_back(above);
                    }
                }
            }
        }
        if (!holds(full, name)) {
            full.push_back(name);
        }
    }
    classes = std::move(full);
}

bool is_single_valued(std::string_view name) {
    return std::ranges::any_of(single_valued,
                               [&](auto one) { return equal_ascii_nocase(one, name); });
}

bool has_duplicates(const Values& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        for (std::size_t j = i + 1; j < values.size(); ++j) {
            if (equal_folded(values[i], values[j])) {
                return true;
            }
        }
    }
    return false;
}

int apply_modification(Attributes& attributes, const Modification& m) {
    auto at = attributes.find(m.attribute);
    if (m.op == Modification::Op::replace) {
        if (has_duplicates(m.values)) {
            return 20;
        }
        if (at != attributes.end()) {
            attributes.erase(at);
        }
        if (!m.values.empty()) {
            attributes[m.attribute] = m.values;
        }
        return 0;
    }
    if (m.op == Modification::Op::add) {
        Values& values = attributes[m.attribute];
        for (const std::string& value : m.values) {
            if (holds(values, value)) {
                return 20;
            }
            values.push_back(value);
        }
        return 0;
    }
    if (at == attributes.end()) {
        return 16;
    }
    for (const std::string& value : m.values) {
        const std::string folded = fold_case(value);
        const auto found =
            std::ranges::find(at->second, folded, [](const auto& one) { return fold_case(one); });
        if (found == at->second.end()) {
            return 16;
        }
        at->second.erase(found);
    }
    if (m.values.empty() || at->second.empty()) {
        attributes.erase(at);
    }
    return 0;
}

} // namespace scp
