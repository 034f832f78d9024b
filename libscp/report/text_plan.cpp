// Text of plan, diff and sync.
#include "report/text.hpp"

#include "base/text.hpp"
#include "report/accounts_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace scp {

namespace {

struct OpWords {
    std::string_view sign, infinitive, done;
};

OpWords words(Op op) {
    switch (op) {
    case Op::create:
        return {"+", "create", "created"};
    case Op::update:
        return {"~", "update", "updated"};
    case Op::rename:
        return {"~", "rename", "renamed"};
    case Op::remove:
        return {"-", "delete", "deleted"};
    case Op::create_container:
        return {"+", "create container", "created container"};
    case Op::mark:
        return {"~", "mark", "marked"};
    }
    return {"?", "change", "changed"};
}

std::string colored(std::string_view sign, std::string_view text, const Style& style) {
    if (sign == "+")
        return style.green(text);
    return sign == "-" ? style.red(text) : style.yellow(text);
}

std::string diff_lines(const AttributeDiffs& diffs, const Style& style) {
    std::size_t width = 0;
    for (const auto& [name, diff] : diffs)
        width = std::max(width, display_width(name));
    std::string out;
    for (const auto& [name, diff] : diffs) {
        std::string label = fmt::format("{:<{}}", printable(name), width);
        const auto line = [&](std::string_view sign, const std::string& value) {
            out += fmt::format(
                "      {}  {}\n", label,
                colored(sign, fmt::format("{} {}", sign, printable(value, 200)), style));
            label.assign(width, ' ');
        };
        for (const std::string& value : diff.remove)
            line("-", value);
        for (const std::string& value : diff.add)
            line("+", value);
    }
    return out;
}

std::string outcome(const Change& change, const ApplyResults& results, const Style& style) {
    const auto found = results.find(change.id());
    if (found == results.end())
        return {};
    const ChangeResult& result = found->second;
    switch (result.state) {
    case ChangeResult::State::done:
        return "      " + style.green("done") + "\n";
    case ChangeResult::State::failed:
    case ChangeResult::State::skipped:
        break;
    }
    const bool failed = result.state == ChangeResult::State::failed;
    std::string out = "      " + (failed ? style.red("failed") : style.yellow("skipped"));
    if (result.held)
        out += " " + to_string(*result.held);
    if (result.error) {
        out += ": " + result.error->message;
        if (!result.error->hint.empty())
            out += "\n      " + style.dim("hint: " + result.error->hint);
    }
    return out + "\n";
}

using DomainId = std::tuple<std::string, DomainName>;

std::string domain_heading(const DomainId& id, const CycleReport& report, const Style& style) {
    const auto& [forest, domain] = id;
    if (domain.empty())
        return style.bold(forest.empty() ? "(no domain)" : printable(forest)) + "\n";
    const DomainView* view = report.observation.find(forest, domain);
    std::string out = style.bold(printable(domain.text()));
    if (view != nullptr && !view->server.empty())
        out += "  " + style.dim(printable(view->server));
    return out + "\n";
}

/// What a person has to know before the plan itself: what was not read, who cannot log in.
std::string warning_lines(const CycleReport& report, const Style& style) {
    std::string out;
    const auto line = [&](const std::string& who, const Error& error) {
        out += fmt::format("{} {}: {}\n", style.red("not read"), printable(who), error.message);
        if (!error.hint.empty())
            out += "  " + style.dim("hint: " + error.hint) + "\n";
    };
    for (const Forest& forest : report.topology.forests)
        if (forest.error)
            line("forest " + forest.name, *forest.error);
    for (const DomainView& view : report.observation.domains)
        if (view.incomplete)
            line(view.domain.text(), *view.incomplete);
    for (const std::string& account : disabled_accounts(report.observation))
        out += fmt::format("{} {}\n", style.yellow("disabled"), account);
    return out.empty() ? out : out + "\n";
}

std::size_t count_results(const CycleReport& report, ChangeResult::State state, bool held) {
    return static_cast<std::size_t>(std::ranges::count_if(report.results, [&](const auto& item) {
        return item.second.state == state && item.second.held.has_value() == held;
    }));
}

} // namespace

std::string change_text(const Change& change, const ApplyResults& results, const Style& style) {
    const OpWords word = words(change.op);
    std::string out = fmt::format(
        "  {}  {}\n", colored(word.sign, fmt::format("{} {}", word.sign, word.infinitive), style),
        printable(change.dn.text()));
    std::string why = style.cyan(to_string(change.reason));
    if (!change.rule.empty())
        why += "  rule " + printable(change.rule);
    if (!change.detail.empty())
        why += "  " + change.detail;
    out += "      " + why + "\n";
    if (change.source)
        out += "      " + style.dim("from " + printable(change.source->dn.text())) + "\n";
    out += diff_lines(attribute_diffs(change), style);
    return out + outcome(change, results, style);
}

std::string held_text(const Held& held, const Style& style) {
    const std::string what =
        held.change ? fmt::format("! held {}", words(held.change->op).infinitive) : "! held";
    std::string out =
        fmt::format("  {}  {}\n", style.yellow(what),
                    held.dn.empty() ? printable(held.domain.text()) : printable(held.dn.text()));
    std::string why = style.yellow(to_string(held.reason));
    if (!held.rule.empty())
        why += "  rule " + printable(held.rule);
    if (!held.detail.empty())
        why += "  " + held.detail;
    out += "      " + why + "\n";
    for (const SourceRef& source : held.sources)
        out += "      " + style.dim("source " + printable(source.dn.text())) + "\n";
    if (held.change)
        out += diff_lines(attribute_diffs(*held.change), style);
    const std::string hint = held.hint.empty() ? std::string(explain(held.reason)) : held.hint;
    return out + "      " + style.dim("hint: " + hint) + "\n";
}

std::string summary_line(const CycleReport& report) {
    static constexpr std::array ops{Op::create_container, Op::create, Op::update,
                                    Op::rename,           Op::mark,   Op::remove};
    std::vector<std::string> parts;
    const bool applied = !report.results.empty();
    for (const Op op : ops) {
        const auto counts = [&](const Change& change) {
            if (change.op != op || !applied)
                return change.op == op;
            const auto found = report.results.find(change.id());
            return found != report.results.end() &&
                   found->second.state == ChangeResult::State::done;
        };
        const auto n = std::ranges::count_if(report.plan.changes, counts);
        if (n > 0)
            parts.push_back(applied ? fmt::format("{} {}", n, words(op).done)
                                    : fmt::format("{} to {}", n, words(op).infinitive));
    }
    using State = ChangeResult::State;
    const auto add = [&](std::size_t n, std::string_view what) {
        if (n > 0)
            parts.push_back(fmt::format("{} {}", n, what));
    };
    add(count_results(report, State::failed, false) + count_results(report, State::failed, true),
        "failed");
    add(count_results(report, State::skipped, false), "skipped");
    if (parts.empty())
        parts.emplace_back("nothing to do");
    add(report.plan.held.size() + count_results(report, State::skipped, true), "held");
    parts.push_back(fmt::format("{} in sync", report.plan.in_sync));
    return fmt::format("{}", fmt::join(parts, ", "));
}

std::string plan_text(const CycleReport& report, const Style& style) {
    std::map<DomainId, std::string> by_domain;
    for (const Change& change : report.plan.changes)
        by_domain[{change.forest, change.domain}] += change_text(change, report.results, style);
    for (const Held& held : report.plan.held) // what a server refused is told with its change
        by_domain[{held.forest, held.domain}] += held_text(held, style);

    std::string out = warning_lines(report, style);
    for (const auto& [id, text] : by_domain)
        out += domain_heading(id, report, style) + text + "\n";
    return out + style.bold(summary_line(report)) + "\n";
}

namespace {

std::string unified(const Change& change, const Style& style) {
    std::string out =
        style.bold("--- " + (change.before.empty() ? "(nothing)" : printable(change.dn.text()))) +
        "\n";
    const Dn& becomes = change.new_dn ? *change.new_dn : change.dn;
    out +=
        style.bold("+++ " + (change.op == Op::remove ? "(nothing)" : printable(becomes.text()))) +
        "\n";
    out += style.dim(fmt::format("#   {}{}", to_string(change.reason),
                                 change.source ? ", source " + printable(change.source->dn.text())
                                               : "")) +
           "\n";
    std::map<std::string, std::map<std::string, char>, LessNoCase> merged;
    for (const auto& [name, values] : change.before)
        for (const std::string& value : values)
            merged[name][value] = '-';
    for (const auto& [name, values] : change.after)
        for (const std::string& value : values) {
            char& sign = merged[name].try_emplace(value, '+').first->second;
            sign = sign == '-' ? ' ' : sign;
        }
    for (const auto& [name, values] : merged) {
        out += style.cyan("@@ " + printable(name) + " @@") + "\n";
        for (const auto& [value, sign] : values) {
            const std::string line = fmt::format("{}{}", sign, printable(value));
            out += (sign == ' ' ? line : colored(std::string_view(&sign, 1), line, style)) + "\n";
        }
    }
    return out;
}

} // namespace

std::string diff_text(const CycleReport& report, const Style& style) {
    std::string out = warning_lines(report, style);
    for (const Change& change : report.plan.changes)
        out += unified(change, style) + "\n";
    for (const Held& held : report.plan.held) {
        if (held.change)
            out += unified(*held.change, style);
        out += held_text(held, style) + "\n";
    }
    return out + style.bold(summary_line(report)) + "\n";
}

} // namespace scp
