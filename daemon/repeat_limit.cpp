#include "daemon/repeat_limit.hpp"

#include "base/hash.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

/// Takes at once what it ever will, about 100 KB: nearly every write is a message of its own, so
/// that it is always full on a busy host.
RepeatLimit::RepeatLimit() : seen_(different) {
    seen_.clear();
}

RepeatLimit::Key RepeatLimit::key_of(const LogRecord& record) {
    std::string text = fmt::format("{}\n{}", static_cast<int>(record.level), record.message);
    for (const auto& [name, value] : record.fields)
        text.append("\n").append(name).append("=").append(value);
    Key key;
    std::ranges::copy(std::string_view(sha256_hex(text)).substr(0, key.size()), key.begin());
    return key;
}

bool RepeatLimit::admit(const LogRecord& record, Time now) {
    if (record.level < spdlog::level::info)
        return true;
    // One that is over and has a count is for counts() to tell before it begins anew.
    const auto is_over = [&](const Seen& seen) {
        return seen.times <= most && now - seen.since >= stretch;
    };
    const Key key = key_of(record);
    const auto place = [&] { return std::ranges::lower_bound(seen_, key, {}, &Seen::key); };
    auto found = place();
    const bool known = found != seen_.end() && found->key == key;
    if (known && is_over(*found))
        *found = {key, now, 0, {}};
    if (!known) {
        if (seen_.size() >= different && std::erase_if(seen_, is_over) != 0)
            found = place();
        if (seen_.size() >= different)
            return true;
        found = seen_.insert(found, Seen{key, now, 0, {}});
    }
    if (++found->times <= most)
        return true;
    found->last = std::make_unique<LogRecord>(record);
    return false;
}

std::vector<LogRecord> RepeatLimit::counts(Time now, bool all) {
    std::vector<LogRecord> out;
    std::erase_if(seen_, [&](const Seen& seen) {
        if (seen.times <= most || (!all && now - seen.since < stretch))
            return false;
        out.push_back(std::move(*seen.last));
        out.back().message +=
            fmt::format(" [{} more times in {} minutes]", seen.times - most,
                        std::chrono::ceil<std::chrono::minutes>(now - seen.since).count());
        return true;
    });
    std::ranges::stable_sort(out, {}, &LogRecord::at);
    return out;
}

std::optional<RepeatLimit::Time> RepeatLimit::next() const {
    std::optional<Time> next;
    for (const auto& seen : seen_)
        if (seen.times > most && (!next || seen.since + stretch < *next))
            next = seen.since + stretch;
    return next;
}

} // namespace scp
