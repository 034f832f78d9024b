#include "history/lines.hpp"

#include "base/text.hpp"
#include "plan/fight.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <set>

namespace scp {

using nlohmann::json;

namespace {

constexpr int format_version = 1;

json bytes_json(const std::string& bytes) {
    if (is_utf8(bytes))
        return bytes;
    return json{{"base64", to_base64(bytes)}};
}

json attributes_json(const Attributes& attributes) {
    json object = json::object();
    for (const auto& [name, values] : attributes) {
        json list = json::array();
        for (const std::string& value : values)
            list.push_back(bytes_json(value));
        object[name] = std::move(list);
    }
    return object;
}

/// The content before, as it was read where it was read: the pre-image is what undo goes by.
Attributes content_before(const HistoryRecord& record) {
    Attributes content = record.change.before;
    if (record.pre_image)
        for (auto& [name, values] : content)
            if (const auto found = record.pre_image->find(name); found != record.pre_image->end())
                values = found->second;
    return content;
}

json other_json(const HistoryRecord& record) {
    if (!record.pre_image)
        return nullptr;
    Attributes other = *record.pre_image;
    for (const auto& [name, values] : record.change.before)
        other.erase(name);
    return attributes_json(other);
}

std::string line_of(const json& object) {
    return object.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

struct BadLine {
    std::string what;
};

unsigned base64_digit(char c) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto at = alphabet.find(c);
    if (at == std::string_view::npos)
        throw BadLine{"not base64"};
    return static_cast<unsigned>(at);
}

std::string from_base64(std::string_view text) {
    if (text.size() % 4 != 0)
        throw BadLine{"base64 of a wrong length"};
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    std::string bytes;
    unsigned bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        bits = (bits << 6U | base64_digit(c)) & 0xffffffU;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes.push_back(static_cast<char>(bits >> count & 0xffU));
        }
    }
    return bytes;
}

std::string bytes_of(const json& value) {
    if (value.is_object())
        return from_base64(value.at("base64").get<std::string>());
    return value.get<std::string>();
}

Attributes attributes_of(const json& object) {
    Attributes attributes;
    for (const auto& [name, list] : object.items()) {
        Values& values = attributes[name];
        for (const json& value : list)
            values.push_back(bytes_of(value));
    }
    return attributes;
}

Dn dn_of(const json& value) {
    auto dn = Dn::parse(bytes_of(value));
    if (!dn)
        throw BadLine{dn.error().message};
    return *dn;
}

Guid guid_of_text(const json& value) {
    const auto guid = Guid::parse(value.get<std::string>());
    if (!guid)
        throw BadLine{"not a GUID"};
    return *guid;
}

Op op_of(const std::string& name) {
    for (const Op op :
         {Op::create, Op::update, Op::rename, Op::remove, Op::create_container, Op::mark})
        if (to_string(op) == name)
            return op;
    throw BadLine{"unknown op " + printable(name, 64)};
}

Reason reason_of(const std::string& name) {
    for (int i = 0; i <= static_cast<int>(Reason::by_hand); ++i)
        if (to_string(static_cast<Reason>(i)) == name)
            return static_cast<Reason>(i);
    throw BadLine{"unknown reason " + printable(name, 64)};
}

Change change_of(const json& line) {
    Change change;
    change.op = op_of(line.at("op").get<std::string>());
    change.rule = bytes_of(line.at("rule"));
    change.reason = reason_of(line.at("reason").get<std::string>());
    change.forest = bytes_of(line.at("forest"));
    change.domain = DomainName{bytes_of(line.at("domain"))};
    change.nc = dn_of(line.at("nc"));
    change.dn = dn_of(line.at("dn"));
    if (const json& guid = line.at("guid"); !guid.is_null())
        change.guid = guid_of_text(guid);
    if (const json& new_dn = line.at("new_dn"); !new_dn.is_null())
        change.new_dn = dn_of(new_dn);
    if (const json& source = line.at("source"); !source.is_null())
        change.source = SourceRef{dn_of(source.at("dn")), DomainName{bytes_of(source.at("domain"))},
                                  guid_of_text(source.at("guid"))};
    change.before = attributes_of(line.at("before"));
    change.after = attributes_of(line.at("after"));
    change.marker_before = bytes_of(line.at("marker_before"));
    change.marker_after = bytes_of(line.at("marker_after"));
    if (const auto undoes = line.find("undoes"); undoes != line.end() && !undoes->is_null())
        change.undoes = undoes->get<std::string>();
    return change;
}

HistoryLine line_of_json(const json& line) {
    if (line.at("v").get<int>() != format_version)
        throw BadLine{"written by another version of scpd"};
    HistoryLine result;
    HistoryRecord& record = result.record;
    record.id = line.at("id").get<std::string>();
    if (!line.contains("op")) {
        result.is_result = true;
        record.result = line.at("result").get<std::string>();
        record.overtaken = line.value("overtaken", false);
        record.error = bytes_of(line.at("error"));
        if (const json& guid = line.at("guid"); !guid.is_null())
            record.change.guid = guid_of_text(guid);
        return result;
    }
    const auto at = parse_rfc3339(line.at("at").get<std::string>());
    if (!at)
        throw BadLine{"not a time"};
    record.at = *at;
    record.who = bytes_of(line.at("who"));
    record.host = bytes_of(line.at("host"));
    record.change = change_of(line);
    if (const auto name = line.find("marker_attribute"); name != line.end())
        record.marker_attribute = name->get<std::string>();
    if (const json& other = line.at("other"); !other.is_null()) {
        record.pre_image = attributes_of(other);
        for (const auto& [name, values] : record.change.before)
            (*record.pre_image)[name] = values;
    }
    return result;
}

/// The reasons of repairs that nobody contests.
const std::set<std::string, std::less<>>& uncontested() {
    static const auto names = [] {
        std::set<std::string, std::less<>> all;
        for (int i = 0; i <= static_cast<int>(Reason::by_hand); ++i)
            if (const auto reason = static_cast<Reason>(i); !may_be_contested(reason))
                all.insert(to_string(reason));
        return all;
    }();
    return names;
}

} // namespace

std::string_view field_of_line(std::string_view line, std::string_view name) {
    if (!line.starts_with('{') || !line.ends_with('}'))
        return {};
    const std::string before = "\"" + std::string(name) + "\":\"";
    const auto found = line.find(before);
    if (found == std::string_view::npos)
        return {};
    line.remove_prefix(found + before.size());
    const std::string_view value = line.substr(0, line.find('"'));
    return value.find('\\') == std::string_view::npos ? value : std::string_view{};
}

bool is_beside_the_past(std::string_view line) {
    if (field_of_line(line, "result") == "done") // as good as no result: see past_of()
        return true;
    // A marker says parked=<time> where the write parks or resumes a copy.
    return uncontested().contains(field_of_line(line, "reason")) &&
           line.find("parked") == std::string_view::npos;
}

std::string record_line(const HistoryRecord& record) {
    const Change& change = record.change;
    json line{
        {"v", format_version},
        {"id", record.id},
        {"at", to_rfc3339(record.at)},
        {"who", bytes_json(record.who)},
        {"host", bytes_json(record.host)},
        {"op", to_string(change.op)},
        {"rule", bytes_json(change.rule)},
        {"reason", to_string(change.reason)},
        {"forest", bytes_json(change.forest)},
        {"domain", bytes_json(change.domain.text())},
        {"nc", bytes_json(change.nc.text())},
        {"dn", bytes_json(change.dn.text())},
        {"guid", nullptr},
        {"new_dn", nullptr},
        {"source", nullptr},
        {"before", attributes_json(content_before(record))},
        {"after", attributes_json(change.after)},
        {"other", other_json(record)},
        {"marker_before", bytes_json(change.marker_before)},
        {"marker_after", bytes_json(change.marker_after)},
        {"marker_attribute", bytes_json(record.marker_attribute)},
        {"undoes", nullptr},
    };
    if (!change.undoes.empty())
        line["undoes"] = change.undoes;
    if (change.guid)
        line["guid"] = change.guid->to_string();
    if (change.new_dn)
        line["new_dn"] = bytes_json(change.new_dn->text());
    if (change.source)
        line["source"] = json{{"dn", bytes_json(change.source->dn.text())},
                              {"domain", bytes_json(change.source->domain.text())},
                              {"guid", change.source->guid.to_string()}};
    return line_of(line);
}

std::string result_line(const HistoryRecord& record) {
    json line{{"v", format_version},
              {"id", record.id},
              {"result", record.result},
              {"error", bytes_json(record.error)},
              {"guid", nullptr}};
    if (record.overtaken)
        line["overtaken"] = true;
    if (record.change.guid)
        line["guid"] = record.change.guid->to_string();
    return line_of(line);
}

Result<HistoryLine> parse_history_line(std::string_view line) {
    // nlohmann's typed access throws; nothing of it leaves this function.
    try {
        return line_of_json(json::parse(line));
    } catch (const json::exception& problem) {
        return fail(ErrorKind::io, printable(problem.what(), 200));
    } catch (const BadLine& problem) {
        return fail(ErrorKind::io, problem.what);
    }
}

} // namespace scp
