#include "scpctl/explain_output.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace scp {

namespace {

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : json_value(text);
}

Json time_json(const std::optional<LogTime>& time) {
    return time && time->utc ? Json(to_rfc3339(*time->utc)) : Json(nullptr);
}

Json asked_json(const AskedFilter& asked) {
    return {{"count", asked.count},
            {"first", time_json(asked.first)},
            {"last", time_json(asked.last)},
            {"first_text", asked.first ? Json(asked.first->text) : Json(nullptr)},
            {"last_text", asked.last ? Json(asked.last->text) : Json(nullptr)},
            {"zone_known", asked.first && asked.first->zone_known}};
}

Json account_json(const ExplainQuestion& question) {
    return {{"query", text_or_null(question.account)},
            {"dn", question.location ? json_value(question.location->dn.text()) : Json(nullptr)},
            {"domain", text_or_null(question.domain.text())},
            {"forest", text_or_null(question.forest)},
            {"disabled", question.location && question.location->disabled}};
}

Json result_json(const ExplainResult& result) {
    Json matches = Json::array();
    for (const Dn& dn : result.matches) {
        matches.push_back(json_value(dn.text()));
    }
    Json misses = Json::array();
    for (const NearMiss& miss : result.near_misses) {
        misses.push_back({{"dn", json_value(miss.dn.text())},
                          {"domain", miss.domain.text()},
                          {"differs", miss.differs}});
    }
    Json catalog = {{"found", result.catalog ? Json(*result.catalog) : Json(nullptr)}};
    if (!result.catalog) {
        catalog["error"] = text_or_null(result.catalog_error);
    }
    return {{"account", account_json(result.question)},
            {"filter", to_string(result.question.filter)},
            {"base", text_or_null(result.question.base.text())},
            {"found", result.found},
            {"matches", std::move(matches)},
            {"near_misses", std::move(misses)},
            {"global_catalog", std::move(catalog)},
            {"cause", result.cause},
            {"cure", result.cure},
            {"log", result.question.log ? asked_json(*result.question.log) : Json(nullptr)},
            {"as_agent", result.as_agent},
            {"error", result.error ? error_json(*result.error) : Json(nullptr)}};
}

constexpr std::size_t label_columns = 9;
constexpr std::size_t most_listed = 20;

void add_row(std::string& out, const Style& style, std::string_view label, std::string_view text) {
    out += "  " + style.dim(label) + std::string(label_columns - label.size(), ' ');
    out += text;
    out += '\n';
}

std::string title(const ExplainQuestion& question) {
    if (question.account.empty()) {
        return "An agent whose account lives in " + printable(question.domain.text(), 255);
    }
    if (!question.location) {
        return account_as_named(question);
    }
    const std::string dn = printable(question.location->dn.text(), 400);
    const std::string account = account_as_named(question);
    return account == dn ? account : fmt::format("{} ({})", account, dn);
}

std::string log_line(const AskedFilter& asked) {
    std::string out = counted(asked.count, "time");
    if (asked.first) {
        out += asked.first->text == asked.last->text
                   ? fmt::format(", at {}", asked.first->text)
                   : fmt::format(", {} to {}", asked.first->text, asked.last->text);
        out += asked.first->zone_known ? "" : " by the agent's clock (the log names no zone)";
    }
    return out;
}

std::string found_line(const ExplainResult& result, const Style& style) {
    const std::string number = result.search_incomplete
                                   ? std::to_string(result.found) + " (not complete)"
                               : result.found == 0 ? style.red("0")
                               : result.found == 1 ? style.green("1")
                                                   : style.yellow(std::to_string(result.found));
    return number + (result.as_agent ? ", looking as the agent's account" : "");
}

std::string catalog_line(const ExplainResult& result) {
    if (result.catalog) {
        return fmt::format("the global catalog finds {}", *result.catalog);
    }
    return "the global catalog could not be asked" +
           (result.catalog_error.empty() ? "" : ": " + result.catalog_error);
}

std::string one_text(const ExplainResult& result, const Style& style) {
    std::string out = style.bold(title(result.question)) + "\n";
    if (result.question.log) {
        add_row(out, style, "log", log_line(*result.question.log));
    }
    add_row(out, style, "asks", to_string(result.question.filter));
    if (!result.question.domain.empty()) {
        add_row(out, style, "in",
                printable(result.question.base.text(), 400) + " and all below it");
        add_row(out, style, "finds", found_line(result, style));
        for (std::size_t i = 0; i < std::min(result.matches.size(), most_listed); ++i) {
            add_row(out, style, "", printable(result.matches[i].text(), 400));
        }
        if (result.matches.size() > most_listed) {
            add_row(out, style, "",
                    fmt::format("and {} more", result.matches.size() - most_listed));
        }
        add_row(out, style, "", catalog_line(result));
    }
    std::string_view label = "near";
    for (const NearMiss& miss : result.near_misses) {
        add_row(out, style, std::exchange(label, ""), printable(miss.dn.text(), 400));
        for (const std::string& difference : miss.differs) {
            add_row(out, style, "", "  " + style.dim(difference));
        }
    }
    add_row(out, style, "cause", style.bold(result.cause));
    label = "cure";
    for (const std::string& line : result.cure) {
        add_row(out, style, std::exchange(label, ""),
                line.starts_with('#') ? style.dim(line) : style.cyan(line));
    }
    return out;
}

} // namespace

Json explain_document(std::span<const ExplainResult> results) {
    Json list = Json::array();
    for (const ExplainResult& result : results) {
        list.push_back(result_json(result));
    }
    return {{"schema", "scpd.explain/1"}, {"results", std::move(list)}};
}

std::string explain_text(std::span<const ExplainResult> results, const Style& style) {
    std::string out;
    for (const ExplainResult& result : results) {
        out += (out.empty() ? "" : "\n") + one_text(result, style);
    }
    return out;
}

std::vector<std::string> log_remarks(const AgentLog& log, std::size_t explained) {
    std::vector<std::string> out;
    if (log.refused_count > 0) {
        out.push_back(fmt::format("{} of the log: not a filter that an agent of this kind asks",
                                  counted(log.refused_count, "line")));
    }
    for (const RefusedFilter& refused : log.refused) {
        out.push_back(fmt::format("  line {}: {}: {}", refused.line, refused.why, refused.excerpt));
    }
    if (log.long_lines > 0) {
        out.push_back(fmt::format("{} of the log passed over: longer than 64 KiB",
                                  counted(log.long_lines, "line")));
    }
    if (const auto left = log.filters.size() - explained + log.more_filters; left > 0) {
        out.push_back(
            fmt::format("only the {} most frequent filters are explained; {} or more are not",
                        explained, left));
    }
    return out;
}

Json log_json(const AgentLog& log, std::size_t explained) {
    Json refused = Json::array();
    for (const RefusedFilter& one : log.refused) {
        refused.push_back({{"line", one.line}, {"excerpt", one.excerpt}, {"why", one.why}});
    }
    return {{"lines", log.lines},
            {"long_lines", log.long_lines},
            {"filters", log.filters.size()},
            {"explained", explained},
            {"refused_count", log.refused_count},
            {"refused", std::move(refused)}};
}

} // namespace scp
