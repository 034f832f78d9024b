#include "directory/directory.hpp"

#include <algorithm>

namespace scp {

bool RootDse::supports_control(std::string_view oid) const {
    return std::ranges::find(supported_controls, oid) != supported_controls.end();
}

std::vector<Found> Directory::search_all(std::span<const Search> searches) {
    std::vector<Found> found;
    found.reserve(searches.size());
    for (const Search& one : searches) {
        found.push_back(search(one));
    }
    return found;
}

} // namespace scp
