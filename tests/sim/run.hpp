#pragma once

#include "cycle.hpp"
#include "daemon/schedule.hpp"
#include "sim/world.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <optional>

namespace scp::sim {

/// A promise that was broken: what, and where. Not a std::exception: nothing in between takes it
/// for an error.
struct Violation {
    std::string promise; ///< the same for all of one kind
    std::string detail;
};

/// The daemon's process ends here.
struct Death {};

/// One daemon and its host: what dies with the process, and what stays.
struct Daemon {
    explicit Daemon(int which, const Settings& with, Schedule::Time now)
        : number(which), schedule(with.daemon, now) {}

    int number;
    HostState state;                    ///< of the host
    std::vector<HistoryRecord> history; ///< of the host
    Timestamp history_full{};

    Schedule schedule;
    Confirmations confirmations;
    int cycles = 0;                 ///< since the process began
    std::vector<std::size_t> ended; ///< World::step when each of them ended
    /// Cycles of this process that were not over by then, this one too.
    [[nodiscard]] int reads_since(std::size_t moment) const {
        return 1 + static_cast<int>(std::ranges::count_if(
                       ended, [&](std::size_t end) { return end >= moment; }));
    }
    bool running = false;
    std::optional<CycleReport> last; ///< of the last whole cycle
    std::deque<Event> inside;        ///< what happens at some operation of the next cycle

    // Of the cycle that runs.
    std::shared_ptr<const Settings> settings;
    std::size_t began = 0; ///< World::step
    int operations = 0;
    bool approved = false;
    std::optional<WriteFate> next_write; ///< what becomes of it
    std::stop_source stop;
    std::map<Guid, std::string> markers;    ///< of each copy when this cycle first wrote to it
    std::set<std::string> written, deleted; ///< objects
    std::set<std::string> rules_of_deleted;
    std::vector<std::string> paused; ///< rules, when the cycle began
    /// By GUID, else DN: what the history holds, and whose result is not there yet.
    std::map<std::string, HistoryRecord> open_records;
};

/// One world's whole run.
class Run : public Connector {
  public:
    explicit Run(const Story& story);
    ~Run() override;

    /// Throws Violation.
    void play();
    [[nodiscard]] std::size_t steps() const { return world.step; }

    [[nodiscard]] Result<std::unique_ptr<Directory>> connect(const Endpoint& endpoint,
                                                             std::stop_token stop) override;
    [[nodiscard]] Result<std::vector<ServerUri>>
    locate(const std::string& domain, ServerUri::Scheme scheme, std::chrono::milliseconds) override;

    /// An operation of the daemon whose cycle runs: whatever is due in the middle of it happens.
    void operation();
    void told(int times); ///< the watches of all daemons

    World world;
    Daemon* current = nullptr;
    std::function<void(const std::string&)> trace; ///< null: silent

  private:
    void perform(const Event& event, Daemon& daemon);
    void pass_until(Timestamp until);
    void cycle(Daemon& daemon);
    void restart(Daemon& daemon);
    void approve(Daemon& daemon);
    void settle();
    void check_end();
    [[nodiscard]] Schedule::Time clock() const;

    const Story& story_;
    std::deque<Daemon> daemons_;
};

/// Promises that are checked at each write, from what the simulation itself knows.
void check_before_write(Run& run, const Dc& dc, const Write& write, const MemoryObject* object);
/// `before`: what there was.
void check_after_write(Run& run, const Dc& dc, const Write& write,
                       const std::optional<MemoryObject>& before);
void check_cycle(Run& run, const Daemon& daemon);

/// The History of a simulated host.
class SimHistory : public History {
  public:
    SimHistory(Run& run, Daemon& daemon) : run_(run), daemon_(daemon) {}
    Result<void> record(std::span<HistoryRecord> before) override;
    Result<void> finish(std::span<const HistoryRecord> after) override;

  private:
    Run& run_;
    Daemon& daemon_;
};

} // namespace scp::sim
