#include "base/attributes.hpp"

#include <algorithm>

namespace scp {

const Values& values_of(const Attributes& attributes, std::string_view name) {
    static const Values none;
    const auto found = attributes.find(name);
    return found == attributes.end() ? none : found->second;
}

const std::string& first_of(const Attributes& attributes, std::string_view name) {
    static const std::string none;
    const auto& values = values_of(attributes, name);
    return values.empty() ? none : values.front();
}

Values sorted(Values values) {
    std::sort(values.begin(), values.end());
    return values;
}

bool same_values(const Values& a, const Values& b) {
    return a.size() == b.size() && (a == b || sorted(a) == sorted(b));
}

} // namespace scp
