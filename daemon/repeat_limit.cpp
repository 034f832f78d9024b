#include "daemon/repeat_limit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {
namespace {

std::string key_of(const LogRecord& record) {
    std::string key = fmt::format("{}\n{}", static_cast<int>(record.level), record.message);
    for (const auto& [name, value] : record.fields)
        key.append("\n").append(name).append("=").append(value);
    return key;
}

} // namespace

bool RepeatLimit::admit(const LogRecord& record, Time now) {
    if (record.level < spdlog::level::info)
        return true;
    std::string key = key_of(record);
    auto found = seen_.find(key);
    // One that is over and has a count is for counts() to tell before it begins anew.
    if (found != seen_.end() && found->second.times <= most && now - found->second.since >= stretch)
        found->second = {now, 0, {}};
    if (found == seen_.end()) {
        if (seen_.size() >= different)
            std::erase_if(seen_, [&](const auto& one) {
                return one.second.times <= most && now - one.second.since >= stretch;
            });
        if (seen_.size() >= different)
            return true;
        found = seen_.emplace(std::move(key), Seen{now, 0, {}}).first;
    }
    if (++found->second.times <= most)
        return true;
    found->second.last = record;
    return false;
}

std::vector<LogRecord> RepeatLimit::counts(Time now, bool all) {
    std::vector<LogRecord> out;
    for (auto at = seen_.begin(); at != seen_.end();) {
        auto& seen = at->second;
        if (seen.times <= most || (!all && now - seen.since < stretch)) {
            ++at;
            continue;
        }
        out.push_back(std::move(seen.last));
        out.back().message +=
            fmt::format(" [{} more times in {} minutes]", seen.times - most,
                        std::chrono::ceil<std::chrono::minutes>(now - seen.since).count());
        at = seen_.erase(at);
    }
    std::ranges::stable_sort(out, {}, &LogRecord::at);
    return out;
}

std::optional<RepeatLimit::Time> RepeatLimit::next() const {
    std::optional<Time> next;
    for (const auto& [key, seen] : seen_)
        if (seen.times > most && (!next || seen.since + stretch < *next))
            next = seen.since + stretch;
    return next;
}

} // namespace scp
