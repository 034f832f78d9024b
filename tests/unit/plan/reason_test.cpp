#include "plan/reason.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace scp;

// CONTRACT.md, "Reasons (complete)": scripts are written against these.
constexpr const char* contract = "missing, source-changed, edited-by-hand, settings-changed, "
                                 "source-replaced, renamed, duplicate, not-a-target, "
                                 "source-deleted, source-unmatched, source-untrusted, "
                                 "domain-incomplete, rule-gone, filter-changed, parked, "
                                 "account-unresolved, untrusted-native, native-differs, "
                                 "foreign-owner, source-not-seen, sources-disagree, "
                                 "source-empty, source-older, source-marked, name-collision, "
                                 "copy-moved, rules-overlap, suspect-marker, "
                                 "untrusted-place, untrusted-owner, untrusted-domain, "
                                 "awaiting-approval, binding-not-allowed, parent-missing, "
                                 "no-rights, write-dc-unavailable, limit-exceeded, mode-forbids, "
                                 "paused, grace, cannot-copy, by-hand";

TEST_CASE("reasons: names are those of the contract, and lead back") {
    std::string names;
    for (const auto reason : all_reasons()) {
        names += (names.empty() ? "" : ", ") + to_string(reason);
        CHECK(parse_reason(to_string(reason)) == reason);
    }
    CHECK(names == contract);
    CHECK_FALSE(parse_reason("no-such-reason"));
    CHECK_FALSE(parse_reason(""));
}

TEST_CASE("reasons: each is explained in one sentence of cause and one of remedy") {
    std::set<std::string_view> texts;
    for (const auto reason : all_reasons()) {
        CAPTURE(to_string(reason));
        const auto text = explain(reason);
        CHECK(texts.insert(text).second);
        CHECK(text.size() > 40);
        CHECK(text.ends_with("."));
        CHECK(text.find(". ") != std::string_view::npos);
        const auto cure = remedy(reason);
        CHECK(text.ends_with(cure));
        CHECK(cure.size() < text.size());
    }
    CHECK(remedy(Reason::grace).empty());
    CHECK(remedy(Reason::parent_missing).starts_with("Let an administrator"));
}
