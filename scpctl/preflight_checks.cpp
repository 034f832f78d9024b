#include "base/text.hpp"
#include "scpctl/preflight.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace scp {

namespace {

// Kerberos refuses more (krb5.conf(5), clockskew; the same in AD's default policy).
constexpr std::chrono::seconds most_skew{300};

class Checker {
  public:
    explicit Checker(const PreflightFacts& facts) : facts_(facts) {}

    std::vector<PreflightCheck> run() {
        for (const auto& [forest, error] : facts_.forests)
            checks_.push_back({forest, "", "forest", false, error.message, error.hint});
        for (const DomainFacts& domain : facts_.domains) {
            domain_ = &domain;
            check_domain();
        }
        domain_ = nullptr;
        for (const auto& [rule, why] : facts_.unresolved)
            say("accounts", false, fmt::format("rule {}: {}", rule, why),
                "correct the account's name in the rule or say its forest, and see that its domain "
                "can be read");
        if (!facts_.has_rules)
            say("rules", false, "there is no rule, so nothing is known of what it may write",
                "write one into the settings, or give --keyword K with --account A");
        return std::move(checks_);
    }

  private:
    void say(const char* check, bool ok, std::string detail, std::string hint = "") {
        checks_.push_back({domain_ ? domain_->forest : "", domain_ ? domain_->name.text() : "",
                           check, ok, std::move(detail), std::move(hint)});
    }
    void say(const char* check, const std::optional<Error>& error, const std::string& otherwise) {
        say(check, !error, error ? error->message : otherwise, error ? error->hint : "");
    }

    void check_domain() {
        check_servers();
        if (domain_->error)
            return;
        std::string who = domain_->login + " at " + printable(domain_->server);
        if (domain_->account)
            who += ", known there as " + domain_->account->to_string();
        say("log-in", true, std::move(who));
        check_clock();
        say("read", domain_->incomplete, "read to its end");
        if (!domain_->is_target)
            return;
        say("write-dc", domain_->write_error,
            "creates and deletes go to " + printable(domain_->writes_to));
        for (const ContainerRights& rights : domain_->containers)
            check_container(rights);
    }

    /// One that is silent is no harm while another one answers.
    void check_servers() {
        std::string silent;
        std::size_t answer = 0;
        for (const Server& server : domain_->servers) {
            answer += server.reachable ? 1 : 0;
            if (!server.reachable && server.error)
                silent += "; " + server.error->message;
        }
        say("servers", domain_->error,
            fmt::format("{} of {} answer{}", answer, domain_->servers.size(), silent));
    }

    void check_clock() {
        if (!domain_->ahead)
            return; // the server does not tell its time
        const auto off = std::chrono::abs(*domain_->ahead);
        const bool good = off <= most_skew;
        say("time", good,
            off.count() == 0
                ? "the clocks agree"
                : fmt::format("the clock of {} is {} s {} this host's", printable(domain_->server),
                              off.count(), domain_->ahead->count() < 0 ? "behind" : "ahead of"),
            good ? ""
                 : "Kerberos refuses more than 300 s: let both take their time from one source");
    }

    void check_container(const ContainerRights& rights) {
        const std::string where = printable(rights.container.text());
        const auto granted = [&](const char* check, bool there, const std::string& detail) {
            say(check, there, where + detail,
                there ? ""
                      : "an administrator grants it: scpctl preflight --grant "
                        "dsacls|powershell|samba-tool prints the commands");
        };
        if (rights.error)
            return say("container", false, where + ": " + rights.error->message,
                       rights.error->hint);
        const bool exists = rights.missing.empty();
        granted("container", exists, exists ? " is there" : " is not there");
        if (!exists)
            return;
        if (!rights.told)
            return say("rights", true,
                       where + ": this server does not tell what an account may do without trying",
                       "what it refuses, scpctl sync holds as no-rights");
        const auto right = [&](const char* check, bool may, const std::string& what) {
            granted(check, may, (may ? ": may " : ": may not ") + what);
        };
        right("create", rights.may_create, "create SCPs");
        right("change", rights.may_change, "change the SCPs below");
        if (rights.deletes)
            right("delete", rights.may_delete, "delete the SCPs below, as mode sync does");
    }

    const PreflightFacts& facts_;
    const DomainFacts* domain_ = nullptr;
    std::vector<PreflightCheck> checks_;
};

} // namespace

std::vector<PreflightCheck> preflight_checks(const PreflightFacts& facts) {
    return Checker(facts).run();
}

Json preflight_document(const std::vector<PreflightCheck>& checks) {
    Json rows = Json::array();
    for (const PreflightCheck& check : checks)
        rows.push_back({{"forest", check.forest},
                        {"domain", check.domain},
                        {"check", check.check},
                        {"ok", check.ok},
                        {"detail", check.detail},
                        {"hint", check.hint}});
    return {{"schema", "scpd.preflight/1"},
            {"ok", std::ranges::all_of(checks, &PreflightCheck::ok)},
            {"checks", std::move(rows)}};
}

std::string preflight_text(const std::vector<PreflightCheck>& checks, const Style& style) {
    std::string text, domain;
    std::size_t missing = 0;
    for (const PreflightCheck& check : checks) {
        std::string heading = check.domain.empty() ? "(no domain)" : check.domain;
        if (!check.forest.empty())
            heading += " (forest " + check.forest + ")";
        if (heading != domain) {
            text += (domain.empty() ? "" : "\n") + style.bold(heading) + "\n";
            domain = heading;
        }
        missing += check.ok ? 0 : 1;
        text += fmt::format("  {} {:<10} {}\n",
                            check.ok ? style.green("ok     ") : style.red("missing"), check.check,
                            check.detail);
        if (!check.hint.empty())
            text += fmt::format("                     {}\n", style.dim("hint: " + check.hint));
    }
    text += fmt::format("\n{}, {} missing\n", counted(checks.size(), "check"), missing);
    return text;
}

} // namespace scp
