#pragma once

#include "history/history.hpp"
#include "report/documents.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace scp {

/// What the page of `scpctl report --html` is made of.
struct HtmlReport {
    const CycleReport& cycle; ///< of a dry run
    std::span<const Rule> rules;
    std::vector<ListedScp> scps;
    std::vector<HistoryRecord> writes; ///< of this host, oldest first
    std::string instance;
    Timestamp at;
    std::vector<Error> faults; ///< what could not be read
};

/// One self-contained page: what is mirrored where, what is held and why, domains, rules, recent
/// writes. Pure.
[[nodiscard]] std::string html_report(const HtmlReport& report);

} // namespace scp
