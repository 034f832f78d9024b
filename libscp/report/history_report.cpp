#include "report/history_report.hpp"

#include "base/text.hpp"
#include "base/time.hpp"
#include "report/ldif.hpp"
#include "report/text.hpp"

#include <fmt/format.h>

namespace scp {

namespace {

/// A string, or null where there is none.
Json text_or_null(const std::string& text) {
    return text.empty() ? Json() : json_value(text);
}

Json record_json(const HistoryRecord& record) {
    const Change& change = record.change;
    return {{"id", record.id},
            {"at", to_rfc3339(record.at)},
            {"who", json_value(record.who)},
            {"host", json_value(record.host)},
            {"op", to_string(change.op)},
            {"rule", json_value(change.rule)},
            {"reason", to_string(change.reason)},
            {"forest", json_value(change.forest)},
            {"domain", json_value(change.domain.text())},
            {"dn", json_value(change.dn.text())},
            {"new_dn", change.new_dn ? json_value(change.new_dn->text()) : Json()},
            {"guid", change.guid ? Json(change.guid->to_string()) : Json()},
            {"before", json_attributes(change.before)},
            {"after", json_attributes(change.after)},
            {"marker_before", text_or_null(change.marker_before)},
            {"marker_after", text_or_null(change.marker_after)},
            {"result", text_or_null(record.result)},
            {"error", text_or_null(record.error)},
            {"undoes", text_or_null(change.undoes)},
            {"undone_by", text_or_null(record.undone_by)}};
}

std::string result_text(const HistoryRecord& record, const Style& style) {
    if (record.result == "done")
        return style.green("done");
    if (record.result.empty())
        return style.yellow("not known: the writer ended in between");
    const std::string why = record.error.empty() ? "" : ": " + printable(record.error);
    return (record.result == "failed" ? style.red("failed") : style.yellow("skipped")) + why;
}

std::string heading(const HistoryRecord& record) {
    return fmt::format("{}  {}  {}@{}", to_rfc3339(record.at), printable(record.id),
                       printable(record.who), printable(record.host));
}

} // namespace

Json history_document(const std::vector<HistoryRecord>& records) {
    Json writes = Json::array();
    for (const HistoryRecord& record : records)
        writes.push_back(record_json(record));
    return {{"schema", "scpd.history/1"}, {"writes", std::move(writes)}};
}

std::string history_text(const std::vector<HistoryRecord>& records, const Style& style) {
    std::string text;
    for (const HistoryRecord& record : records) {
        text += style.bold(heading(record)) + "\n" + change_text(record.change, {}, style);
        text += "      " + result_text(record, style) + "\n";
        if (!record.change.undoes.empty())
            text += "      " + style.dim("undoes " + printable(record.change.undoes)) + "\n";
        if (!record.undone_by.empty())
            text += "      " + style.dim("undone by " + printable(record.undone_by)) + "\n";
    }
    return text;
}

std::string history_ldif(const std::vector<HistoryRecord>& records) {
    const std::string version = "version: 1\n";
    std::string text = version;
    for (const HistoryRecord& record : records) {
        text += "\n" + ldif_comment(heading(record));
        if (record.result == "done")
            text += changes_ldif({record.change}, {}, record.marker_attribute)
                        .substr(version.size() + 1);
        else
            text += ldif_comment(
                fmt::format("{} of {}: {}", to_string(record.change.op), record.change.dn.text(),
                            record.result.empty() ? "result not known" : record.result));
    }
    return text;
}

} // namespace scp
