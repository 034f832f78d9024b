#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace scp {

using Timestamp = std::chrono::sys_seconds;

/// RFC 3339 in UTC, to the second: 2026-11-22T17:35:00Z
[[nodiscard]] std::string to_rfc3339(Timestamp time);
[[nodiscard]] std::optional<Timestamp> parse_rfc3339(std::string_view text);
/// LDAP GeneralizedTime as AD writes whenChanged: 20261122173500.0Z (fraction dropped).
[[nodiscard]] std::optional<Timestamp> parse_generalized_time(std::string_view text);
/// 0s 500ms 30s 15m 24h 7d; nullopt for anything else, for a negative, and for more than 3650d.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The shortest exact form of the above.
[[nodiscard]] std::string to_duration(std::chrono::milliseconds duration);

} // namespace scp
