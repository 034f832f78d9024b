#include "base/safeguard.hpp"
#include "sim/run.hpp"

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>

// tests/sim/run builds and starts this; see there.

namespace scp::sim {
namespace {

constexpr std::array<const char*, safeguard_count> guard_names{
    "proved-end",       "known-objects",      "instance",        "owner",
    "allowed-place",    "trusted-domain",     "trusted-place",   "trusted-owner",
    "unmarked-source",  "conflict-object",    "selector-hash",   "parked",
    "fights",           "account-unresolved", "natives",         "foreign-owner",
    "source-not-seen",  "source-agreement",   "source-empty",    "version-check",
    "all-sources-read", "confirmations",      "grace",           "mode",
    "pauses",           "bindings",           "first-use",       "limits",
    "pdc-only",         "compare-and-swap",   "pre-image-check", "history-first"};

struct Outcome {
    std::size_t steps = 0;
    std::optional<Violation> violation;
};

Outcome play(const Story& story, bool verbose = false) {
    Outcome outcome;
    Run run(story);
    if (verbose)
        run.trace = [](const std::string& line) { fmt::print("    {}\n", line); };
    try {
        run.play();
    } catch (const Violation& violation) {
        outcome.violation = violation;
    }
    outcome.steps = run.steps();
    return outcome;
}

/// Leaves out what is not needed for the same promise to be broken: halves first, then ever smaller
/// parts, and at last the delays and the places inside of cycles.
Story shrink(Story story, const std::string& promise) {
    const auto still = [&](const Story& candidate) {
        const Outcome outcome = play(candidate);
        return outcome.violation && outcome.violation->promise == promise;
    };
    for (std::size_t part = std::max<std::size_t>(story.events.size() / 2, 1);; part /= 2) {
        for (std::size_t at = 0; at < story.events.size();) {
            Story less = story;
            const auto begin = less.events.begin() + static_cast<std::ptrdiff_t>(at);
            const auto count = std::min(part, less.events.size() - at);
            less.events.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
            if (still(less))
                story = std::move(less);
            else
                at += part;
        }
        if (part <= 1)
            break;
    }
    for (std::size_t i = 0; i < story.events.size(); ++i)
        for (const auto& simplify :
             {+[](Event& event) { event.delay = 0; },
              +[](Event& event) { event.moment = Moment::between; },
              +[](Event& event) { event.inside = 0; }, +[](Event& event) { event.same = false; },
              +[](Event& event) { event.told = 1; }}) {
            Story simpler = story;
            simplify(simpler.events[i]);
            if (still(simpler))
                story = std::move(simpler);
        }
    return story;
}

void show(const Story& story, const Violation& violation) {
    fmt::print("seed {}: {}\n  {}\n", story.seed, violation.promise, violation.detail);
    const Story small = shrink(story, violation.promise);
    fmt::print("  {} of {} events are needed; the world's shape is {}:\n", small.events.size(),
               story.events.size(), small.shape);
    for (const Event& event : small.events)
        fmt::print("  {}\n", describe(event));
    fmt::print("  and what comes of them:\n");
    const Outcome outcome = play(small, true);
    if (outcome.violation)
        fmt::print("  => {}: {}\n", outcome.violation->promise, outcome.violation->detail);
}

struct Totals {
    std::uint64_t seeds = 0, steps = 0, violations = 0;
    std::uint64_t first_violation = 0; ///< seeds until then; 0: none
};

/// The seeds first + offset, first + offset + stride, …
Totals run_share(std::uint64_t first, std::uint64_t count, std::uint64_t offset,
                 std::uint64_t stride, std::uint64_t most_shown, bool stop_at_first) {
    Totals totals;
    for (std::uint64_t i = offset; i < count; i += stride) {
        const Story story = make_story(first + i);
        const Outcome outcome = play(story);
        ++totals.seeds;
        totals.steps += outcome.steps;
        if (!outcome.violation)
            continue;
        if (totals.first_violation == 0)
            totals.first_violation = i + 1;
        if (++totals.violations <= most_shown) {
            show(story, *outcome.violation);
            std::fflush(stdout);
        }
        if (stop_at_first)
            break;
    }
    return totals;
}

/// A process for each share: nothing in a run knows of threads.
Totals run_all(std::uint64_t first, std::uint64_t count, std::uint64_t jobs,
               std::uint64_t most_shown, bool stop_at_first) {
    if (jobs <= 1)
        return run_share(first, count, 0, 1, most_shown, stop_at_first);
    std::vector<std::pair<pid_t, int>> children;
    for (std::uint64_t job = 0; job < jobs; ++job) {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) != 0)
            throw std::runtime_error("pipe");
        std::fflush(stdout);
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(ends[0]);
            const Totals totals = run_share(first, count, job, jobs, most_shown, stop_at_first);
            const bool told = ::write(ends[1], &totals, sizeof totals) == sizeof totals;
            std::fflush(stdout);
            std::_Exit(told ? 0 : 1);
        }
        ::close(ends[1]);
        children.emplace_back(child, ends[0]);
    }
    Totals sum;
    bool lost = false;
    for (const auto& [child, end] : children) {
        Totals totals;
        lost = ::read(end, &totals, sizeof totals) != sizeof totals || lost;
        ::close(end);
        ::waitpid(child, nullptr, 0);
        sum.seeds += totals.seeds;
        sum.steps += totals.steps;
        sum.violations += totals.violations;
        if (totals.first_violation != 0 &&
            (sum.first_violation == 0 || totals.first_violation < sum.first_violation))
            sum.first_violation = totals.first_violation;
    }
    if (lost)
        throw std::runtime_error("a part of the simulation has died");
    return sum;
}

int without_each(std::uint64_t first, std::uint64_t count, std::uint64_t jobs) {
    bool all_found = true;
    fmt::print("{:<20} seeds until a promise is broken\n", "without");
    for (int guard = 0; guard < safeguard_count; ++guard) {
        simulation::out_of_force = guard;
        const Totals totals = run_all(first, count, jobs, 0, true);
        all_found = all_found && totals.violations > 0;
        fmt::print("{:<20} {}\n", guard_names.at(static_cast<std::size_t>(guard)),
                   totals.violations > 0 ? std::to_string(totals.first_violation)
                                         : fmt::format("none in {}", count));
        std::fflush(stdout);
    }
    return all_found ? 0 : 1;
}

int run(int argc, char** argv) {
    CLI::App app{"Simulated worlds, one a seed, and every promise checked at every step."};
    std::uint64_t seeds = 1000, first = 1, jobs = 1, show_most = 3;
    std::optional<std::uint64_t> seed;
    std::string without;
    app.add_option("--seeds", seeds, "how many");
    app.add_option("--first", first, "the first of them");
    app.add_option("--seed", seed, "this one alone, told in full where a promise is broken");
    app.add_option("--jobs", jobs, "processes")->take_last();
    app.add_option("--show", show_most, "violations to tell in full, for each process");
    app.add_option("--without", without, "a guard that is out of force, or: all, each in turn");
    CLI11_PARSE(app, argc, argv);
    if (without == "all")
        return without_each(first, seeds, jobs);
    if (!without.empty()) {
        const auto found = std::ranges::find(guard_names, without);
        if (found == guard_names.end()) {
            fmt::print(stderr, "no guard is called {}; there are: {}\n", without,
                       fmt::join(guard_names, " "));
            return 2;
        }
        simulation::out_of_force = static_cast<int>(found - guard_names.begin());
    }
    const auto began = std::chrono::steady_clock::now();
    const Totals totals =
        seed ? run_all(*seed, 1, 1, 1, false) : run_all(first, seeds, jobs, show_most, false);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    fmt::print(stderr, "{:.1f} s, {:.0f} seeds a second\n", took.count(),
               static_cast<double>(totals.seeds) / took.count());
    fmt::print("{} seeds, {} steps, {} violations\n", totals.seeds, totals.steps,
               totals.violations);
    return totals.violations == 0 ? 0 : 1;
}

} // namespace
} // namespace scp::sim

int main(int argc, char** argv) {
    std::signal(SIGXFSZ, SIG_IGN); // a full disk is an answer like any other
    return scp::sim::run(argc, argv);
}
