#include "scpctl/agent_log.hpp"

#include "base/text.hpp"
#include "scpctl/log_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <utility>

namespace scp {

namespace {

constexpr std::string_view phrase = "ot found:"; // of "Not found:" in either case
constexpr std::size_t excerpt_bytes = 160;

/// What an SCP has and an agent may ask for. No attribute of an account is among them.
constexpr std::array<std::string_view, 16> scp_attribute_names{
    "objectClass",    "objectCategory",     "cn",
    "name",           "distinguishedName",  "keywords",
    "description",    "displayName",        "serviceClassName",
    "serviceDNSName", "serviceDNSNameType", "serviceBindingInformation",
    "vendor",         "versionNumber",      "versionNumberHi",
    "versionNumberLo"};

bool is_scp_attribute(std::string_view name) {
    return equal_ascii_nocase(name, "appSchemaVersion") ||
           std::ranges::any_of(scp_attribute_names, [&](std::string_view known) {
               return equal_ascii_nocase(known, name);
           });
}

/// memmem is several times as fast as string_view::find, and a log may have 100 MB.
std::size_t find_from(std::string_view text, std::string_view what, std::size_t from) {
    if (from >= text.size()) {
        return std::string_view::npos;
    }
    const void* at = memmem(text.data() + from, text.size() - from, what.data(), what.size());
    return at == nullptr ? std::string_view::npos
                         : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// What follows the first "Not found:" that a '(' comes after; empty where there is none.
std::string_view text_after_phrase(std::string_view line) {
    for (std::size_t at = find_from(line, phrase, 0); at != std::string_view::npos;
         at = find_from(line, phrase, at + 1)) {
        const bool whole_word = at > 0 && (line[at - 1] == 'N' || line[at - 1] == 'n') &&
                                (at == 1 || !is_letter(line[at - 2]));
        if (!whole_word) {
            continue;
        }
        const auto begin = line.find_first_not_of(" \t", at + phrase.size());
        if (begin != std::string_view::npos && line[begin] == '(') {
            return line.substr(begin);
        }
    }
    return {};
}

/// Up to the parenthesis that closes the first one; parentheses of values are escaped in a filter.
std::optional<std::string_view> balanced(std::string_view text) {
    std::size_t open = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '(') {
            ++open;
        } else if (text[i] == ')' && --open == 0) {
            return text.substr(0, i + 1);
        }
    }
    return std::nullopt;
}

Filter folded(const Filter& filter) {
    Filter out = filter;
    out.attribute = lower_ascii(filter.attribute);
    out.value = fold_case(filter.value);
    for (auto& part : out.parts) {
        part = fold_case(part);
    }
    std::ranges::transform(filter.children, out.children.begin(), folded);
    return out;
}

/// Digits of fixed width at `at`; nullopt where something else stands there.
std::optional<unsigned> number_at(std::string_view text, std::size_t at, std::size_t width) {
    unsigned number = 0;
    for (std::size_t i = at; i < at + width; ++i) {
        if (i >= text.size() || text[i] < '0' || text[i] > '9') {
            return std::nullopt;
        }
        number = number * 10 + static_cast<unsigned>(text[i] - '0');
    }
    return number;
}

bool char_at(std::string_view text, std::size_t at, std::string_view any_of) {
    return at < text.size() && any_of.find(text[at]) != std::string_view::npos;
}

class Collector {
  public:
    Collector(const LogLimits& limits, AgentLog& log) : limits_(limits), log_(log) {}

    void line(std::uint64_t number, std::string_view line) {
        const std::string_view text = text_after_phrase(line);
        if (text.empty()) {
            return;
        }
        const auto filter_text = balanced(text);
        if (!filter_text) {
            refuse(number, text, "its parentheses are not balanced");
            return;
        }
        auto filter =
            parse_filter(*filter_text, {.max_depth = limits_.depth, .max_length = limits_.line});
        if (!filter) {
            refuse(number, *filter_text, filter.error().message);
        } else if (const auto why = not_an_agents(*filter)) {
            refuse(number, *filter_text, *why);
        } else {
            keep(std::move(*filter), parse_log_time(line));
        }
    }

    void finish() {
        for (auto& [key, asked] : groups_) {
            log_.filters.push_back(std::move(asked));
        }
        std::ranges::stable_sort(log_.filters, [](const AskedFilter& a, const AskedFilter& b) {
            return a.count > b.count;
        });
    }

  private:
    void refuse(std::uint64_t number, std::string_view text, std::string why) {
        ++log_.refused_count;
        if (log_.refused.size() < limits_.refused) {
            log_.refused.push_back({number, printable(text, excerpt_bytes), std::move(why)});
        }
    }

    void keep(Filter filter, std::optional<LogTime> time) {
        std::string key = to_string(folded(filter));
        auto group = groups_.find(key);
        if (group == groups_.end()) {
            if (groups_.size() >= limits_.filters || bytes_ + key.size() > limits_.filter_bytes) {
                ++log_.more_filters;
                return;
            }
            bytes_ += key.size();
            group =
                groups_.emplace(std::move(key), AskedFilter{std::move(filter), 0, {}, {}}).first;
        }
        AskedFilter& asked = group->second;
        ++asked.count;
        if (time) {
            if (!asked.first) {
                asked.first = time;
            }
            asked.last = std::move(time);
        }
    }

    const LogLimits& limits_;
    AgentLog& log_;
    std::map<std::string, AskedFilter> groups_;
    std::size_t bytes_ = 0; ///< of the keys
};

/// The offset in seconds that stands at `at`, and where it ends; nullopt where none does.
std::optional<std::pair<int, std::size_t>> zone_at(std::string_view line, std::size_t at) {
    if (char_at(line, at, "Zz")) {
        return std::pair{0, at + 1};
    }
    if (!char_at(line, at, "+-")) {
        return std::nullopt;
    }
    const auto hours = number_at(line, at + 1, 2);
    const std::size_t minutes_at = char_at(line, at + 3, ":") ? at + 4 : at + 3;
    const auto minutes = number_at(line, minutes_at, 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) {
        return std::nullopt;
    }
    const int seconds = static_cast<int>(*hours * 3600 + *minutes * 60);
    return std::pair{line[at] == '-' ? -seconds : seconds, minutes_at + 2};
}

} // namespace

std::optional<LogTime> parse_log_time(std::string_view line) {
    const auto year = number_at(line, 0, 4);
    const auto month = number_at(line, 5, 2);
    const auto day = number_at(line, 8, 2);
    const auto hour = number_at(line, 11, 2);
    const auto minute = number_at(line, 14, 2);
    const auto second = number_at(line, 17, 2);
    if (!year || !month || !day || !hour || !minute || !second || !char_at(line, 4, "-/.") ||
        !char_at(line, 7, "-/.") || !char_at(line, 10, " Tt") || !char_at(line, 13, ":") ||
        !char_at(line, 16, ":")) {
        return std::nullopt;
    }
    std::size_t end = 19;
    if (char_at(line, end, ".,") && number_at(line, end + 1, 1)) {
        end += 2;
        // Windows writes seven digits at most; a longer run is no fraction worth keeping.
        for (int i = 0; i < 8 && number_at(line, end, 1); ++i) {
            ++end;
        }
    }
    const auto zone = zone_at(line, end);
    LogTime time;
    time.text = line.substr(0, zone ? zone->second : end);
    time.zone_known = zone.has_value();
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                           std::chrono::month{*month}, std::chrono::day{*day}};
    if (date.ok() && *hour < 24 && *minute < 60 && *second < 61) {
        time.utc = std::chrono::sys_days{date} + std::chrono::hours{*hour} +
                   std::chrono::minutes{*minute} + std::chrono::seconds{*second} -
                   std::chrono::seconds{zone ? zone->first : 0};
    }
    return time;
}

std::optional<std::string> not_an_agents(const Filter& filter) {
    switch (filter.kind) {
    case Filter::Kind::all_of:
    case Filter::Kind::any_of:
        if (filter.children.empty()) {
            return "it has an empty list";
        }
        for (const Filter& child : filter.children) {
            if (auto why = not_an_agents(child)) {
                return why;
            }
        }
        return std::nullopt;
    case Filter::Kind::equal:
    case Filter::Kind::present:
    case Filter::Kind::substring:
        if (!is_scp_attribute(filter.attribute)) {
            return fmt::format("{} is no attribute that an agent finds its SCP by",
                               printable(filter.attribute, 64));
        }
        return std::nullopt;
    case Filter::Kind::negation:
    case Filter::Kind::greater_or_equal:
    case Filter::Kind::less_or_equal:
    case Filter::Kind::extensible:
        break;
    }
    return "only and, or, equality, presence and substring are taken from a log";
}

Result<AgentLog> read_agent_log(std::istream& in, const LogLimits& limits,
                                const std::stop_token& stop) {
    AgentLog log;
    Collector collector(limits, log);
    const LineCounts counts =
        for_each_line(in, limits.line, stop, [&](std::uint64_t number, std::string_view line) {
            collector.line(number, line);
        });
    if (counts.failed) {
        return fail(ErrorKind::io,
                    fmt::format("the log broke off after {} lines: it could not be read further",
                                counts.lines));
    }
    collector.finish();
    log.lines = counts.lines;
    log.long_lines = counts.long_lines;
    log.interrupted = counts.interrupted;
    return log;
}

} // namespace scp
