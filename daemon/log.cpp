#include "daemon/log.hpp"

#include "base/text.hpp"
#include "report/accounts_report.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace scp {
namespace {

/// systemd.exec(5): $JOURNAL_STREAM names the device and inode of the stream, so that a redirected
/// stderr is noticed.
bool stderr_is_the_journal() {
    const char* const stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    return stream != nullptr && fstat(STDERR_FILENO, &status) == 0 &&
           fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

std::string describe(const Change& change) {
    std::string out =
        fmt::format("{} {} ({}, rule {}", to_string(change.op), printable(change.dn.text()),
                    to_string(change.reason), change.rule);
    if (change.source)
        out += fmt::format(", source {}", printable(change.source->dn.text()));
    out += ")";
    return change.detail.empty() ? out : out + ": " + change.detail;
}

std::string with_hint(const Error& error) {
    return error.hint.empty() ? error.message : error.message + " — " + error.hint;
}

} // namespace

void set_up_log(const LogSettings& settings) {
    const bool journal =
        settings.target == LogSettings::Target::journal ||
        (settings.target == LogSettings::Target::automatic && stderr_is_the_journal());
    std::shared_ptr<spdlog::sinks::sink> sink; // spdlog's loggers share their sinks
    if (journal)
        sink = std::make_shared<spdlog::sinks::systemd_sink_mt>("scpd");
    else
        sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto logger = std::make_shared<spdlog::logger>("scpd", std::move(sink));
    logger->set_pattern(journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    logger->set_level(spdlog::level::from_str(settings.level));
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
}

void CycleLog::tell(const CycleDone& done, const std::string& trigger) {
    const CycleReport& report = done.report;
    tell_domains(report);
    tell_held(report.plan);
    tell_accounts(report.observation);
    std::size_t failed = 0;
    for (const auto& change : report.plan.changes) {
        const auto found = report.results.find(change.id());
        const ChangeResult result = found == report.results.end() ? ChangeResult{} : found->second;
        if (result.state == ChangeResult::State::done) {
            spdlog::info("done: {}", describe(change));
        } else {
            ++failed;
            spdlog::error("{}: {}{}{}",
                          result.state == ChangeResult::State::failed ? "failed" : "not done",
                          describe(change), result.error ? ": " : "",
                          result.error ? with_hint(*result.error) : "");
        }
    }
    tell_state(report);
    tell_past(report);
    tell_approval(report);
    if (report.error)
        spdlog::error("nothing was written: {}", with_hint(*report.error));
    const bool quiet = report.plan.changes.empty() && !report.error;
    spdlog::log(quiet ? spdlog::level::debug : spdlog::level::info,
                "cycle ({}): {} done, {} not done, {} held, {} in sync, {} ms", trigger,
                report.plan.changes.size() - failed, failed, report.plan.held.size(),
                report.plan.in_sync, done.took.count());
}

void CycleLog::tell_domains(const CycleReport& report) {
    std::map<DomainKey, std::string> now;
    for (const auto& forest : report.topology.forests)
        if (forest.error)
            now[{forest.name, DomainName()}] = with_hint(*forest.error);
    for (const auto& view : report.observation.domains)
        if (view.incomplete)
            now[{view.forest, view.domain}] = with_hint(*view.incomplete);
    const auto name = [](const DomainKey& key) {
        return key.second.empty() ? "forest " + key.first : "domain " + key.second.text();
    };
    for (const auto& [key, why] : now)
        if (!incomplete_.contains(key))
            spdlog::warn("{} is incomplete: {}", name(key), why);
    for (const auto& [key, why] : incomplete_)
        if (!now.contains(key))
            spdlog::info("{} is read to the end again", name(key));
    incomplete_ = std::move(now);
}

void CycleLog::tell_accounts(const Observation& observation) {
    const auto lines = disabled_accounts(observation);
    std::set<std::string> now(lines.begin(), lines.end());
    for (const auto& line : now)
        if (!disabled_.contains(line))
            spdlog::warn("disabled: {}", line);
    disabled_ = std::move(now);
}

void CycleLog::tell_approval(const CycleReport& report) {
    const std::string hash = hash_to_approve(report);
    if (!hash.empty() && hash != to_approve_)
        spdlog::warn("waiting for an approval; if what is held is meant: scpctl approve {}", hash);
    to_approve_ = hash;
}

void CycleLog::tell_state(const CycleReport& report) {
    const std::string now = report.state_error ? with_hint(*report.state_error) : "";
    if (!now.empty() && now != state_error_)
        spdlog::error("nothing is written: {}", now);
    if (now.empty() && !state_error_.empty())
        spdlog::info("the pauses and approvals can be read again");
    state_error_ = now;
}

void CycleLog::tell_past(const CycleReport& report) {
    const std::string now = report.past_error ? with_hint(*report.past_error) : "";
    if (!now.empty() && now != past_error_)
        spdlog::warn("{}", now);
    past_error_ = now;
}

void CycleLog::tell_held(const Plan& plan) {
    std::map<std::string, std::string> now;
    for (const auto& held : plan.held) {
        std::string text = fmt::format("{} ({}, rule {}, domain {}): {}{}{}",
                                       held.change ? to_string(held.change->op) + " " +
                                                         printable(held.change->dn.text())
                                                   : printable(held.dn.text()),
                                       to_string(held.reason), held.rule, held.domain.text(),
                                       held.detail, held.hint.empty() ? "" : " — ", held.hint);
        now.emplace(held.id(), std::move(text));
    }
    for (const auto& [id, text] : now)
        if (!held_.contains(id))
            spdlog::warn("held: {}", text);
    for (const auto& [id, text] : held_)
        if (!now.contains(id))
            spdlog::info("no longer held: {}", text);
    held_ = std::move(now);
}

std::string status_line(const CycleDone& done, const Settings& settings,
                        const std::map<DomainKey, std::string>& watching) {
    std::vector<std::string> incomplete;
    for (const auto& view : done.report.observation.domains)
        if (!view.complete())
            incomplete.push_back(view.domain.text());
    std::vector<std::string> lost;
    for (const auto& forest : done.report.topology.forests)
        if (forest.error)
            lost.push_back(forest.name);
    std::size_t failed = 0;
    for (const auto& [id, result] : done.report.results)
        failed += result.state != ChangeResult::State::done ? 1 : 0;
    std::string line = fmt::format("{} rules, {} domains, {} in sync, {} held",
                                   settings.rules.size(), done.report.observation.domains.size(),
                                   done.report.plan.in_sync, done.report.plan.held.size());
    if (failed != 0)
        line += fmt::format(", {} failed", failed);
    if (!incomplete.empty())
        line += fmt::format("; incomplete: {}", fmt::join(incomplete, ", "));
    if (!lost.empty())
        line += fmt::format("; not reached: forest {}", fmt::join(lost, ", "));
    if (done.report.state_error)
        line += "; all is held: " + done.report.state_error->message;
    if (done.report.error)
        line += "; cannot write: " + done.report.error->message;
    return line + fmt::format("; watching {}", watching.size());
}

} // namespace scp
