#pragma once

#include "scpctl/explain.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>

// What the tests of explain's judgement share: one forest's facts, and rows of what they lead to.
namespace scp::test::explain {

inline const std::string product = "77F6F69F-AD86-437c-B47E-9A2F161E7E61";
inline const std::string project = "90e49231-3838-4e5e-b2e4-8813fbf59a11";
inline const std::string real_filter =
    "(&(objectClass=serviceConnectionPoint)(keywords=" + product +
    ")(keywords=QmmEx)(keywords=" + project + ")(CN=" + project + "))";
inline const std::string real_place =
    "CN=Exchange Migration Project,CN=QmmEx,CN=Migration Manager,CN=Quest "
    "Software,CN=System";

inline Filter filter_of(const std::string& text) {
    auto filter = parse_filter(text);
    REQUIRE(filter);
    return *filter;
}

/// The product's SCP; by default in emea.corp.test, where its installer put it.
struct ScpBuilder {
    std::string domain = "emea.corp.test";
    std::string place = real_place;
    std::string cn = project;
    Values keywords{product, "QmmEx", project};
    Values bindings{"sql1.emea.corp.test"};
    std::string guid = "11111111-2222-3333-4444-555555555555";
    std::string marker_of; ///< GUID of its source
    bool conflict = false;

    ScpBuilder in(std::string name) const {
        return with([&](ScpBuilder& b) { b.domain = std::move(name); });
    }
    ScpBuilder at(std::string relative) const {
        return with([&](ScpBuilder& b) { b.place = std::move(relative); });
    }
    ScpBuilder named(std::string name) const {
        return with([&](ScpBuilder& b) { b.cn = std::move(name); });
    }
    ScpBuilder with_keywords(Values values) const {
        return with([&](ScpBuilder& b) { b.keywords = std::move(values); });
    }
    ScpBuilder with_bindings(Values values) const {
        return with([&](ScpBuilder& b) { b.bindings = std::move(values); });
    }
    ScpBuilder with_guid(std::string text) const {
        return with([&](ScpBuilder& b) { b.guid = std::move(text); });
    }
    ScpBuilder copy_of(std::string source) const {
        return with([&](ScpBuilder& b) {
            b.marker_of = std::move(source);
            b.place = "CN=scpd,CN=System";
            b.guid = "99999999-2222-3333-4444-555555555555";
        });
    }
    ScpBuilder conflicting() const {
        return with([&](ScpBuilder& b) { b.conflict = true; });
    }

    operator SeenScp() const { // NOLINT: builders read better so
        SeenScp scp;
        scp.forest = "corp";
        scp.domain = DomainName(domain);
        scp.nc = Dn::of_domain(domain);
        scp.dn = scp.nc.descendant(*Dn::parse(place)).child("CN", cn);
        scp.guid = Guid::parse(guid);
        scp.attributes = {
            {"objectClass", {"top", "leaf", "connectionPoint", "serviceConnectionPoint"}},
            {"cn", {cn}},
            {"keywords", keywords},
            {"serviceBindingInformation", bindings}};
        if (!marker_of.empty()) {
            scp.marked = true;
            scp.marker.emplace();
            scp.marker->source = *Guid::parse(marker_of);
        }
        scp.conflict = conflict;
        return scp;
    }

  private:
    ScpBuilder with(const std::function<void(ScpBuilder&)>& change) const {
        ScpBuilder out = *this;
        change(out);
        return out;
    }
};

inline const ScpBuilder an_scp;
inline const std::string source_guid = an_scp.guid;

inline Rule mage_rule() {
    Rule rule;
    rule.name = "mage";
    rule.keywords = {product, "qmmex"};
    rule.trust_containers = default_trust_containers();
    rule.trust_exclude = default_trust_exclude();
    rule.container.relative = default_container();
    return rule;
}

/// CORP\svc-mage asks the real filter; nothing is anywhere.
inline ExplainFacts facts() {
    ExplainFacts out;
    out.question.account = "CORP\\svc-mage";
    out.question.location = ResolvedAccount::Location{
        "corp", DomainName("corp.test"), *Dn::parse("CN=svc-mage,CN=Users,DC=corp,DC=test"), false};
    out.question.forest = "corp";
    out.question.domain = DomainName("corp.test");
    out.question.base = Dn::of_domain("corp.test");
    out.question.filter = filter_of(real_filter);
    out.catalog = 0;
    out.connection = {"--server", "ldaps://dc1.corp.test"};
    return out;
}

/// These flags were given; a container among them counts, the rest is for the test to set.
inline CopyWish wish(const std::vector<std::string>& flags) {
    CopyWish out{mage_rule(), flags};
    if (flags.front() == "--container") {
        out.rule.container.relative = *Dn::parse(flags[1]);
    }
    return out;
}

inline ExplainFacts unresolved(std::vector<UnreadDomain> unread) {
    ExplainFacts f;
    f.question.account = "CORP\\nobody";
    f.question.unresolved = "no account matches";
    f.question.filter = filter_of(real_filter);
    f.unread = std::move(unread);
    return f;
}

inline Error an_error(ErrorKind kind = ErrorKind::unreachable) {
    return {kind, "ldaps://dc9.emea.corp.test: no answer in 5s", "is it on?", 0};
}

struct Row {
    std::string name;
    std::function<ExplainFacts()> facts;
    Verdict verdict;
    std::vector<std::string> cause; ///< parts of it
    std::vector<std::string> cure;  ///< parts of its lines, in this order
};

inline ExplainFacts with(const std::function<void(ExplainFacts&)>& change) {
    ExplainFacts f = facts();
    change(f);
    return f;
}

/// `scp` matches and is what the agent's search shows.
inline void show(ExplainFacts& f, const SeenScp& scp) {
    f.found.scps.push_back(scp);
    f.candidates.push_back(scp);
}

inline std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const auto& line : lines) {
        out += line + "\n";
    }
    return out;
}

/// What diagnose() says to each row, and that the order of what was read changes nothing.
inline void check_rows(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
        CAPTURE(row.name);
        const ExplainResult result = diagnose(row.facts());
        CAPTURE(result.cause);
        const std::string cure = joined(result.cure);
        CAPTURE(cure);
        CHECK(result.verdict == row.verdict);
        CHECK(result.error.has_value() == (row.verdict == Verdict::unknown));
        for (const auto& part : row.cause) {
            CHECK_MESSAGE(result.cause.find(part) != std::string::npos, part);
        }
        std::size_t at = 0;
        for (const auto& part : row.cure) {
            at = cure.find(part, at);
            REQUIRE_MESSAGE(at != std::string::npos, part);
            at += part.size();
        }
        CHECK(result.cause.find('\x1b') == std::string::npos);
        CHECK(cure.find('\x1b') == std::string::npos);
        ExplainFacts f = row.facts();
        const auto before = near_misses(f);
        std::ranges::reverse(f.candidates);
        CHECK(near_misses(f) == before);
    }
}

} // namespace scp::test::explain
