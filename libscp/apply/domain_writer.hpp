#pragma once

#include "apply/apply.hpp"

#include <map>
#include <vector>

namespace scp {

/// Makes the changes of one domain, in windows: pre-images and checks, history, writes, read back,
/// results. Not for use by two threads at once.
class DomainWriter {
  public:
    DomainWriter(WriteSessions& sessions, const ApplyOptions& options, History& history)
        : sessions_(sessions), options_(options), history_(history) {}

    /// All of one domain. Containers (outermost first), creates, renames, updates and marks,
    /// deletes.
    [[nodiscard]] ApplyResults run(std::vector<const Change*> changes);

  private:
    /// A change under way; settled once `result` is there.
    struct Item {
        const Change* change = nullptr;
        HistoryRecord record;
        bool recorded = false;
        std::optional<Error> refusal; ///< what the server said to one of its writes
        std::optional<ChangeResult> result;
    };
    using Window = std::vector<Item>;

    void run_window(Window& window);
    [[nodiscard]] Directory* session_for(const Change& change, Window& window);
    [[nodiscard]] Result<Directory*> live_session(const Change& change);
    void take_pre_images(Directory& directory, Window& window);
    void judge_pre_image(Item& item, const Found& found, const std::string& server) const;
    void record(Window& window);
    void write(Directory& directory, Window& window);
    void read_back(Directory& directory, Window& window) const;
    void judge_read_back(Item& item, const Found& found, const std::string& server) const;
    void finish(Window& window);
    void remember(Window& window);
    [[nodiscard]] Search look_at(const ObjectRef& object) const;

    WriteSessions& sessions_;
    const ApplyOptions& options_;
    History& history_;
    ApplyResults results_;
    std::map<Directory*, Error> lost_;   ///< sessions that have died: nothing more is begun on them
    std::optional<Error> unrecordable_;  ///< the history cannot be written: nothing more is
    std::vector<Dn> missing_containers_; ///< could not be created: nothing below them is tried
};

} // namespace scp
