#include "daemon/events.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

using namespace scp;

TEST_CASE("Events: each kind has a name and an ID of its own, and says cause and remedy") {
    std::set<std::string_view> names;
    std::set<std::string_view> ids;
    for (const EventDoc& event : all_events()) {
        CAPTURE(event.name);
        CHECK(names.insert(event.name).second);
        CHECK(ids.insert(event.id).second);
        CHECK(event.id.size() == 32);
        CHECK(event.id.find_first_not_of("0123456789abcdef") == std::string_view::npos);
        CHECK(event.cause.ends_with('.'));
        CHECK_FALSE(event.remedy.empty());
        CHECK(&doc_of(event.kind) == &event);
    }
}

TEST_CASE("Events: the catalogue in packaging is what the table says") {
    const std::string path = SCP_TEST_DIR "/../packaging/scpd.catalog";
    if (std::getenv("UPDATE_GOLDEN") != nullptr)
        std::ofstream(path) << catalog_text();
    std::stringstream shipped;
    shipped << std::ifstream(path).rdbuf();
    CHECK(shipped.str() == catalog_text());
}
