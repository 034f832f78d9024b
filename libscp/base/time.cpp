#include "base/time.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>

namespace scp {
namespace {

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size())
        return std::nullopt;
    int number = 0;
    for (const char c : text.substr(at, count)) {
        if (c < '0' || c > '9')
            return std::nullopt;
        number = number * 10 + (c - '0');
    }
    return number;
}

std::optional<Timestamp> make(std::array<std::optional<int>, 6> parts) {
    using namespace std::chrono;
    for (const auto& part : parts)
        if (!part)
            return std::nullopt;
    const year_month_day date{year{*parts[0]}, month{static_cast<unsigned>(*parts[1])},
                              day{static_cast<unsigned>(*parts[2])}};
    if (!date.ok() || *parts[3] > 23 || *parts[4] > 59 || *parts[5] > 60)
        return std::nullopt;
    return sys_days{date} + hours{*parts[3]} + minutes{*parts[4]} + seconds{*parts[5]};
}

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};
constexpr std::array<Unit, 5> units{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

} // namespace

std::string to_rfc3339(Timestamp time) {
    const auto days = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{days};
    const std::chrono::hh_mm_ss clock{time - days};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
    if (text.size() != 20 || text[4] != '-' || text[7] != '-' ||
        (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':' ||
        (text[19] != 'Z' && text[19] != 'z'))
        return std::nullopt;
    return make({digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2), digits(text, 11, 2),
                 digits(text, 14, 2), digits(text, 17, 2)});
}

std::optional<Timestamp> parse_generalized_time(std::string_view text) {
    if (text.size() < 15 || text.back() != 'Z')
        return std::nullopt;
    return make({digits(text, 0, 4), digits(text, 4, 2), digits(text, 6, 2), digits(text, 8, 2),
                 digits(text, 10, 2), digits(text, 12, 2)});
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc() || number < 0 || text.front() == '-')
        return std::nullopt;
    for (const auto& known : units) {
        if (unit != known.name)
            continue;
        constexpr std::int64_t longest = std::int64_t{3650} * 86'400'000;
        if (number > longest / known.milliseconds)
            return std::nullopt;
        return std::chrono::milliseconds{number * known.milliseconds};
    }
    return std::nullopt;
}

std::string to_duration(std::chrono::milliseconds duration) {
    if (duration.count() == 0)
        return "0s";
    for (const auto& unit : units)
        if (duration.count() % unit.milliseconds == 0)
            return fmt::format("{}{}", duration.count() / unit.milliseconds, unit.name);
    return fmt::format("{}ms", duration.count());
}

} // namespace scp
