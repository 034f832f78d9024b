#include "observe/observation.hpp"

#include <algorithm>

namespace scp {

const DomainView* Observation::find(const std::string& forest, const DomainName& domain) const {
    const auto found = std::find_if(domains.begin(), domains.end(), [&](const DomainView& view) {
        return view.forest == forest && view.domain == domain;
    });
    return found == domains.end() ? nullptr : &*found;
}

} // namespace scp
