#include "base/text.hpp"
#include "history/state.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <initializer_list>
#include <set>
#include <vector>

namespace scp {
namespace {

using nlohmann::json;

constexpr const char* schema = "scpd.state/1";
constexpr std::size_t deepest = 4; // object, list, object, value

struct Bad {
    std::string what;
};

/// JSON lets a name stand twice, and readers then take one of the two.
json parse_strictly(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) // which the library takes for the end
        throw Bad{"it holds a NUL"};
    std::vector<std::set<std::string>> names;
    const auto look = [&](int depth, json::parse_event_t event, json& parsed) {
        if (depth > static_cast<int>(deepest))
            throw Bad{"it is nested too deeply"};
        if (event == json::parse_event_t::object_start)
            names.emplace_back();
        else if (event == json::parse_event_t::object_end)
            names.pop_back();
        else if (event == json::parse_event_t::key &&
                 !names.back().insert(parsed.get<std::string>()).second)
            throw Bad{
                fmt::format("\"{}\" stands there twice", printable(parsed.get<std::string>(), 80))};
        return true;
    };
    return json::parse(text, look);
}

/// An object with exactly these members.
const json& object_of(const json& value, std::initializer_list<const char*> members,
                      const std::string& what) {
    if (!value.is_object())
        throw Bad{what + " is no object"};
    for (const char* name : members)
        if (!value.contains(name))
            throw Bad{fmt::format("{} has no \"{}\"", what, name)};
    for (const auto& [name, ignored] : value.items())
        if (std::ranges::find(members, std::string_view(name)) == members.end())
            throw Bad{fmt::format("{} has a \"{}\", which this version does not know", what,
                                  printable(name, 80))};
    return value;
}

const json& list_of(const json& object, const char* name) {
    if (!object.at(name).is_array())
        throw Bad{fmt::format("\"{}\" is no list", name)};
    return object.at(name);
}

std::string text_of(const json& object, const char* name) {
    if (!object.at(name).is_string())
        throw Bad{fmt::format("\"{}\" is no text", name)};
    return object.at(name).get<std::string>();
}

Timestamp time_of(const json& object, const char* name) {
    const auto time = parse_rfc3339(text_of(object, name));
    if (!time)
        throw Bad{fmt::format("\"{}\" is no time such as 2026-01-31T12:00:00Z", name)};
    return *time;
}

std::string rule_of(const json& object) {
    if (object.at("rule").is_null())
        return {};
    std::string rule = text_of(object, "rule");
    const auto allowed = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               c == '.' || c == '_' || c == '-';
    };
    if (rule.empty() || rule.size() > 64 || !std::ranges::all_of(rule, allowed))
        throw Bad{fmt::format("\"{}\" is no rule's name; null stands for all rules",
                              printable(rule, 80))};
    return rule;
}

std::string hash_of(const json& object) {
    std::string hash = text_of(object, "hash");
    const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (!hash.starts_with("sha256:") || hash.size() != 7 + 64 ||
        !std::all_of(hash.begin() + 7, hash.end(), hex))
        throw Bad{fmt::format("\"{}\" is no plan's hash", printable(hash, 80))};
    return hash;
}

HostState state_of(const json& document) {
    object_of(document, {"schema", "pauses", "approvals"}, "the file");
    if (text_of(document, "schema") != schema)
        throw Bad{fmt::format("its schema is \"{}\", not {}",
                              printable(text_of(document, "schema"), 80), schema)};
    HostState state;
    for (const json& one : list_of(document, "pauses")) {
        object_of(one, {"rule", "reason", "who", "since"}, "a pause");
        Pause read{rule_of(one), text_of(one, "reason"), text_of(one, "who"),
                   time_of(one, "since")};
        if (find_pause(state, read.rule) != nullptr)
            throw Bad{fmt::format("rule {} is paused twice", read.rule)};
        pause(state, std::move(read));
    }
    std::set<std::string> hashes;
    for (const json& one : list_of(document, "approvals")) {
        object_of(one, {"hash", "who", "at"}, "an approval");
        Approval read{hash_of(one), text_of(one, "who"), time_of(one, "at")};
        if (!hashes.insert(read.hash).second)
            throw Bad{read.hash + " is approved twice"};
        approve(state, std::move(read));
    }
    return state;
}

} // namespace

std::string state_text(const HostState& state) {
    json pauses = json::array();
    for (const auto& one : state.pauses)
        pauses.push_back({{"rule", one.rule.empty() ? json() : json(one.rule)},
                          {"reason", one.reason},
                          {"who", one.who},
                          {"since", to_rfc3339(one.since)}});
    json approvals = json::array();
    for (const auto& one : state.approvals)
        approvals.push_back({{"hash", one.hash}, {"who", one.who}, {"at", to_rfc3339(one.at)}});
    const json document{
        {"schema", schema}, {"pauses", std::move(pauses)}, {"approvals", std::move(approvals)}};
    return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<HostState> parse_state(std::string_view text) {
    try {
        return state_of(parse_strictly(text));
    } catch (const Bad& bad) {
        return fail(ErrorKind::io, bad.what);
    } catch (const json::exception& error) {
        std::string what = error.what(); // "[json.exception.parse_error.101] parse error at …"
        what = what.substr(std::min(what.find("] ") + 2, what.size()));
        return fail(ErrorKind::io, printable(what, 200));
    }
}

} // namespace scp
