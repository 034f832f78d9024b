#include "daemon/log_record.hpp"

#include "base/time.hpp"
#include "report/json.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>

namespace scp {
namespace {

constexpr const char* identifier = "scpd";

std::chrono::milliseconds milliseconds_of(std::chrono::system_clock::time_point at) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
        at - std::chrono::floor<std::chrono::seconds>(at));
}

std::tm local_time(std::chrono::system_clock::time_point at) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    return parts;
}

} // namespace

LogRecord to_record(LogEvent event, spdlog::level::level_enum level,
                    std::chrono::system_clock::time_point at) {
    LogRecord record{at, level, std::move(event.message), {}};
    record.fields.emplace_back("MESSAGE_ID", doc_of(event.kind).id);
    const auto add = [&](std::string_view name, std::string& value) {
        if (!value.empty())
            record.fields.emplace_back(name, std::move(value));
    };
    add("SCPD_RULE", event.rule);
    add("SCPD_DOMAIN", event.domain);
    add("SCPD_DN", event.dn);
    add("SCPD_OP", event.op);
    add("SCPD_REASON", event.reason);
    add("SCPD_CHANGE_ID", event.change_id);
    return record;
}

int syslog_priority(spdlog::level::level_enum level) {
    switch (level) {
    case spdlog::level::critical:
        return 2;
    case spdlog::level::err:
        return 3;
    case spdlog::level::warn:
        return 4;
    case spdlog::level::info:
        return 6;
    default:
        return 7;
    }
}

std::string to_text(const LogRecord& record) {
    const std::tm local = local_time(record.at);
    const long offset = local.tm_gmtoff / 60;
    const auto level = spdlog::level::to_string_view(record.level);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}{}{:02}:{:02} {} {}", local,
                       milliseconds_of(record.at).count(), offset < 0 ? '-' : '+',
                       std::abs(offset) / 60, std::abs(offset) % 60,
                       std::string_view(level.data(), level.size()), record.message);
}

std::string to_json_line(const LogRecord& record) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(record.at);
    const std::string second = to_rfc3339(seconds); // …:20Z
    Json line;
    line["TIMESTAMP"] = fmt::format("{}.{:03}Z", second.substr(0, second.size() - 1),
                                    milliseconds_of(record.at).count());
    line["PRIORITY"] = std::to_string(syslog_priority(record.level));
    line["SYSLOG_IDENTIFIER"] = identifier;
    line["MESSAGE"] = record.message;
    for (const auto& [name, value] : record.fields)
        line[std::string(name)] = value;
    return line.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::vector<std::string> to_journal(const LogRecord& record) {
    std::vector<std::string> out{"MESSAGE=" + record.message,
                                 fmt::format("PRIORITY={}", syslog_priority(record.level)),
                                 fmt::format("SYSLOG_IDENTIFIER={}", identifier)};
    for (const auto& [name, value] : record.fields)
        out.push_back(fmt::format("{}={}", name, value));
    return out;
}

} // namespace scp
