#include "golden/scenario.hpp"
#include "support/shuffle.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace scp;
using namespace scp::test;

namespace {

namespace fs = std::filesystem;

/// A file is two YAML documents: the scenario, and the plan as text.
struct Golden {
    std::string scenario;
    std::string expected;
};

constexpr std::string_view separator = "--- |\n";

Golden read_golden(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    const std::string all = text.str();
    const auto at = all.find(separator);
    Golden golden{all.substr(0, at), {}};
    std::istringstream lines(at == std::string::npos ? "" : all.substr(at + separator.size()));
    for (std::string line; std::getline(lines, line);)
        golden.expected += line.substr(std::min<std::size_t>(2, line.size())) + "\n";
    return golden;
}

void write_golden(const fs::path& file, const std::string& scenario, const std::string& plan) {
    std::ofstream out(file, std::ios::binary);
    out << scenario << separator;
    std::istringstream lines(plan);
    for (std::string line; std::getline(lines, line);)
        out << "  " << line << "\n";
}

std::vector<fs::path> all_cases() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(fs::path(SCP_TEST_DIR) / "golden" / "cases"))
        if (entry.path().extension() == ".yaml")
            files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

} // namespace

// UPDATE_GOLDEN=1 writes what the planner says into the files; read the difference before
// committing it.
TEST_CASE("golden: every row of the decision table") {
    const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
    const auto files = all_cases();
    REQUIRE(files.size() > 50);
    for (const auto& file : files) {
        const std::string name = file.stem().string();
        CAPTURE(name);
        const Golden golden = read_golden(file);
        std::string plan;
        try {
            plan = render(read_scenario(golden.scenario).plan());
        } catch (const std::exception& error) {
            FAIL_CHECK("cannot read the scenario: " << error.what());
            continue;
        }
        if (update)
            write_golden(file, golden.scenario, plan);
        else
            CHECK(plan == golden.expected);
    }
}

TEST_CASE("golden: in every scenario, shuffled input gives the same plan") {
    for (const auto& file : all_cases()) {
        const std::string name = file.stem().string();
        CAPTURE(name);
        World world = read_scenario(read_golden(file).scenario);
        const Plan plan = world.plan();
        for (const auto seed : seeds(2)) {
            CAPTURE(seed);
            World other = world;
            shuffle(other, seed);
            const Plan again = other.plan();
            CHECK(render(again) == render(plan));
            CHECK(again.hash() == plan.hash());
        }
    }
}

TEST_CASE("golden: in every scenario, what is planned, applied and planned again is nothing") {
    for (const auto& file : all_cases()) {
        const std::string name = file.stem().string();
        CAPTURE(name);
        World world = read_scenario(read_golden(file).scenario);
        const Plan plan = world.plan();
        world.apply(plan);
        const Plan second = world.plan();
        CHECK_MESSAGE(second.changes.empty(), render(second));
    }
}
