"""The documents of CONTRACT.md: which keys each must have, checked as a whole."""

from __future__ import annotations

import re

SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

REASONS = set(
    """missing source-changed edited-by-hand settings-changed source-replaced renamed duplicate not-a-target
    source-deleted source-unmatched source-untrusted domain-incomplete rule-gone filter-changed parked
    account-unresolved untrusted-native native-differs foreign-owner source-not-seen sources-disagree source-empty
    source-older source-marked name-collision copy-moved rules-overlap suspect-marker untrusted-place untrusted-owner
    untrusted-domain awaiting-approval binding-not-allowed parent-missing no-rights write-dc-unavailable
    limit-exceeded mode-forbids paused grace cannot-copy by-hand""".split()
)
OPS = {"create", "update", "rename", "delete", "create-container", "mark"}
ROLES = {"source", "copy", "native", "foreign", "suspect", "untrusted", "unrelated"}


def has(document: dict, keys: str) -> None:
    missing = set(keys.split()) - set(document)
    assert not missing, f"no {missing} in {document}"


def check_values(values: list) -> None:
    assert isinstance(values, list)
    for value in values:
        assert isinstance(value, str) or set(value) == {"base64"}
    texts = [value for value in values if isinstance(value, str)]
    assert texts == sorted(texts, key=lambda text: text.encode())


def check_change(change: dict) -> None:
    has(change, "id op rule forest domain nc dn guid reason source attributes result error")
    assert change["op"] in OPS
    assert change["reason"] in REASONS
    assert change["guid"] is None or GUID.fullmatch(change["guid"])
    assert change["result"] in (None, "done", "failed", "skipped")
    if change["source"] is not None:
        assert set(change["source"]) == {"dn", "domain", "guid"}
    for diff in change["attributes"].values():
        assert set(diff) == {"add", "remove"}
        check_values(diff["add"])
        check_values(diff["remove"])


def check_history(document: dict) -> None:
    assert document["schema"] == "scpd.history/1"
    for write in document["writes"]:
        has(write, "id at who host op rule reason domain dn guid before after result undone_by")
        assert TIME.fullmatch(write["at"])
        assert write["op"] in OPS and write["reason"] in REASONS
        assert write["guid"] is None or GUID.fullmatch(write["guid"])
        assert write["result"] in (None, "done", "failed", "skipped")
        for values in [*write["before"].values(), *write["after"].values()]:
            check_values(values)


def check_plan(document: dict) -> None:
    assert document["schema"] == "scpd.plan/1"
    has(document, "instance complete hash domains changes held in_sync changed")
    assert SHA256.fullmatch(document["hash"])
    assert isinstance(document["complete"], bool) and isinstance(document["changed"], bool)
    assert isinstance(document["in_sync"], int)
    for domain in document["domains"]:
        has(domain, "forest nc domain server complete error accounts")
        assert domain["complete"] == (domain["error"] is None)
    for change in document["changes"]:
        check_change(change)
    for held in document["held"]:
        has(held, "id op rule forest domain nc dn reason detail hint attributes sources")
        assert held["reason"] in REASONS
        assert held["op"] is None or held["op"] in OPS


def check_scp(scp: dict) -> None:
    has(
        scp,
        "forest domain dn name guid roles keywords bindings class_name dns_name dns_name_type modified marker",
    )
    assert GUID.fullmatch(scp["guid"])
    assert scp["modified"] is None or TIME.fullmatch(scp["modified"])
    check_values(scp["keywords"])
    check_values(scp["bindings"])
    for role in scp["roles"]:
        assert role["role"] in ROLES
    if scp["marker"] is not None:
        has(scp["marker"], "instance rule source origin hash gone parked")


def check_list(document: dict) -> None:
    assert document["schema"] == "scpd.list/1"
    for scp in document["scps"]:
        check_scp(scp)


def check_show(document: dict) -> None:
    assert document["schema"] == "scpd.show/1"
    check_scp(document)
    has(document, "owner dacl_writers names attributes replication copies source")
    for values in document["attributes"].values():
        check_values(values)


def check_topology(document: dict) -> None:
    assert document["schema"] == "scpd.topology/1"
    for forest in document["forests"]:
        has(forest, "name root domains configuration trusts")
        for domain in forest["domains"]:
            has(domain, "domain nc netbios parent servers")
            for server in domain["servers"]:
                has(server, "uri dns_name site pdc gc writable reachable lag_s error")
        for trust in forest["trusts"]:
            has(trust, "domain direction type")


def check_write(document: dict) -> None:
    assert document["schema"] == "scpd.write/1"
    assert isinstance(document["changed"], bool)
    for write in document["writes"]:
        check_change(write)


def check_error(document: dict, kind: str | None = None) -> None:
    assert document["schema"].startswith("scpd.")
    has(document["error"], "kind message hint")
    assert document["error"]["message"]
    if kind:
        assert document["error"]["kind"] == kind


def check_explain(document: dict) -> None:
    assert document["schema"] == "scpd.explain/1"
    for result in document["results"]:
        has(result, "account filter base found matches near_misses global_catalog cause cure log")
        has(result["account"], "query dn domain forest")
        assert isinstance(result["found"], int) and isinstance(result["filter"], str)
        check_values(result["matches"])
        assert len(result["matches"]) == result["found"]
        for miss in result["near_misses"]:
            has(miss, "dn domain differs")
            assert all(isinstance(text, str) for text in miss["differs"])
        has(result["global_catalog"], "found")
        assert result["cause"] and all(isinstance(line, str) for line in result["cure"])
        if result["log"] is not None:
            has(result["log"], "count first last")
            for time in (result["log"]["first"], result["log"]["last"]):
                assert time is None or TIME.fullmatch(time)
