#pragma once

#include "cycle.hpp"
#include "report/json.hpp"
#include "report/style.hpp"

#include <map>
#include <string>
#include <vector>

namespace scp {

/// Something that happened, for those who watch live.
struct Event {
    Timestamp at;
    /// A write that was done: create, update, rename, delete, create-container, mark. Else: failed,
    /// held, no-longer-held, incomplete, complete (a domain, or with an empty one a forest),
    /// settings-loaded, settings-refused, paused, resumed, approved.
    std::string kind;
    std::string rule; ///< may be empty, as all that follow
    std::string domain;
    std::string dn; ///< as in the directory
    std::string reason;
    std::string detail; ///< for people; escaped
};

/// scpd.event/1
[[nodiscard]] Json event_json(const Event& event);
/// One line for people, of any document that calls itself scpd.event/1.
[[nodiscard]] std::string event_text(const Json& document, const Style& style);

/// Turns cycles into events: each write once, and what is held or lost when that begins and ends,
/// not at every cycle.
class EventFeed {
  public:
    /// In the order of the plan; what is over comes last.
    [[nodiscard]] std::vector<Event> tell(const CycleReport& report, Timestamp at);

  private:
    void tell_writes(const CycleReport& report, std::vector<Event>& out) const;
    /// What is now and was not before, as it is; what was before and is not now, as `over`.
    using Facts = std::map<std::string, Event>;
    void tell_turns(Facts now, Facts& before, const char* over, std::vector<Event>& out) const;

    Timestamp at_{};
    Facts held_; ///< by Held::id()
    Facts lost_; ///< domains and forests that were not read whole
};

} // namespace scp
