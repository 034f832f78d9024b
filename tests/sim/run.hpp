#pragma once

#include "cycle.hpp"
#include "daemon/domain_watch.hpp"
#include "daemon/schedule.hpp"
#include "sim/world.hpp"
#include "support/temporary_folder.hpp"

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

class Run;

/// The real History of a simulated host, on a disk that may be full, by a process that may be
/// killed at any byte.
class SimHistory : public History {
  public:
    SimHistory(Run& run, struct Daemon& daemon) : run_(run), daemon_(daemon) {}
    Result<void> record(std::span<HistoryRecord> before) override;
    Result<void> finish(std::span<const HistoryRecord> after) override;

  private:
    Result<void> open();
    Result<void> write(const std::function<Result<void>()>& lines);

    Run& run_;
    Daemon& daemon_;
    std::unique_ptr<History> inner_;
};

/// The watch of one domain, and what the simulation itself knows of what it should see.
struct Watch {
    WatchTarget target;
    const Dc* dc = nullptr;
    std::unique_ptr<DomainWatch> steps;
    Timestamp next{};       ///< not before
    std::uint64_t seen = 0; ///< the DC's USN at the last step
    bool holds = false;     ///< as it said itself
    bool told = false;      ///< in the last step
    bool unheard = false;   ///< there was something to tell: the next step must
    bool lost = false;      ///< and it comes back by itself
};

/// One daemon and its host: what dies with the process, and what stays.
struct Daemon {
    explicit Daemon(int which, const Settings& with, Schedule::Time now)
        : number(which), schedule(with.daemon, now) {}

    int number;
    HostState state;                   ///< of the host
    std::filesystem::path history_dir; ///< of the host
    Timestamp history_full{};
    std::vector<HistoryRecord> recorded; ///< of the writes that a server has carried out
    /// When this host set out to write what to each copy, where an answer came.
    std::map<Guid, std::vector<std::pair<Timestamp, Attributes>>> repairs;

    Schedule schedule;
    std::unique_ptr<SimHistory> history;
    std::map<DomainKey, Watch> watches;
    int processes = 0; ///< so many were there
    Confirmations confirmations;
    Replicas replicas;
    RetiredBefore retired;
    int cycles = 0;          ///< since the process began
    std::vector<Span> reads; ///< those that are over
    /// Cycles of this process that were not over by then, this one too.
    [[nodiscard]] int reads_since(std::size_t moment) const {
        return 1 + static_cast<int>(std::ranges::count_if(
                       reads, [&](const Span& read) { return read.until >= moment; }));
    }
    bool running = false;
    std::optional<CycleReport> last; ///< of the last whole cycle
    std::deque<Event> inside;        ///< what happens at some operation of the next cycle
    std::deque<Event> aimed;         ///< what waits for its Moment

    // Of the cycle that runs.
    std::shared_ptr<const Settings> settings;
    std::size_t began = 0; ///< World::step
    Timestamp began_at{};
    int operations = 0;
    bool approved = false;
    std::optional<WriteFate> next_write; ///< what becomes of it
    std::stop_source stop;
    std::map<Guid, Attributes> looked_at;   ///< each copy as its pre-image was read
    std::map<Guid, MemoryObject> announced; ///< before the marker of its rename or delete
    std::set<std::string> written, deleted; ///< objects
    std::set<std::string> rules_of_deleted;
    std::vector<std::string> paused; ///< rules, when the state was last read
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
    [[nodiscard]] Result<std::vector<LocatedServer>> locate(const LocateRequest& wanted) override;

    /// An operation of the daemon whose cycle runs: whatever is due in the middle of it happens.
    void operation();
    /// All open connections are lost.
    void cut_connections() { ++cuts; }
    /// What waits for that happens now. `object`: what is about to be written.
    void moment(Moment moment, const std::optional<Guid>& object);

    World world;
    std::size_t cuts = 0;
    Daemon* current = nullptr;
    std::function<void(const std::string&)> trace; ///< null: silent

  private:
    void perform(const Event& event, Daemon& daemon);
    void pass_until(Timestamp until);
    void cycle(Daemon& daemon);
    void follow(Daemon& daemon, const std::vector<WatchTarget>& targets);
    [[nodiscard]] std::optional<Timestamp> due(const Watch& watch) const;
    void look(Daemon& daemon, Watch& watch);
    void check_histories() const;
    void planned(const Plan& plan);
    void restart(Daemon& daemon);
    void approve(Daemon& daemon);
    void settle();
    void check_end();
    [[nodiscard]] Schedule::Time clock() const;

    const Story& story_;
    test::TemporaryFolder folder_; ///< of the hosts
    std::deque<Daemon> daemons_;
};

/// Promises that are checked at each write, from what the simulation itself knows.
void check_before_write(Run& run, const Dc& dc, const Write& write, const MemoryObject* object);
/// `before`: what there was. `answered`: the daemon gets to know of it.
void check_after_write(Run& run, const Dc& dc, const Write& write,
                       const std::optional<MemoryObject>& before, bool answered);
void check_cycle(Run& run, const Daemon& daemon);

} // namespace scp::sim
