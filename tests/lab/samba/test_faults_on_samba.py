"""A domain controller that dies or falls silent while it is read, while it is written to, while it is watched: what a
person sees, what is left in the directory and in the history, and that all is well again without anybody's help.

The moments are exact: see moments.py. A DC that is cut off loses what is sent to it, and no connection is told.
"""

import json
import time

import pytest

from moments import Stage, history, stopped_after
from objects import until
from scene import NAME
from story import DC1, DC2, EM1, SCP

WINDOW = 32  # writes of a domain under way at once (apply.hpp)
MANY = 3 * WINDOW - 6
CONNECT, OPERATION = 2, 3  # seconds
SLACK = 3  # what a busy machine takes for all else
READS = ("discovering the forest",)
RESET = "lost the connection to {}: "
SILENT = f"{{}}: no answer in time ({OPERATION}s)"


@pytest.fixture
def bounded(copied):
    """Settings that name the servers, dc1 before dc2, and how long each may take."""
    copied.servers = {"servers": [DC1, DC2], "domains": {"emea.corp.test": {"servers": [EM1]}},
                      "timeouts": {"connect": f"{CONNECT}s", "operation": f"{OPERATION}s"}}
    with copied.kdc_of("dc2"):
        yield copied


# fault, remedy: SambaLab's. message: of the domain's read. after: what the next run finds while the fault is there.
IN_A_READ = [
    ("kill", "start", "em1", "emea.corp.test", RESET.format(EM1), "source-not-seen"),
    ("cut", "heal", "em1", "emea.corp.test", SILENT.format(EM1), "source-not-seen"),
    ("kill", "start", "dc1", "corp.test", RESET.format(DC1), None),
    ("cut", "heal", "dc1", "corp.test", SILENT.format(DC1), None),
]


@pytest.mark.parametrize("fault, remedy, dc, domain, message, after", IN_A_READ,
                         ids=[f"{one[0]} {one[2]}" for one in IN_A_READ])
def test_while_it_is_read(bounded, fault, remedy, dc, domain, message, after):
    """Nothing is written on the strength of what was read of it; the next run goes to the other DC, if there is one."""
    stage = Stage(*READS)
    scpctl = bounded.begin("sync", "--yes", stderr=stage.stderr)
    stage.reached(scpctl.pid)
    getattr(bounded.samba, fault)(dc)
    try:
        begun = time.monotonic()
        stage.go_on()
        answer = json.loads(scpctl.communicate(timeout=60)[0])
        assert time.monotonic() - begun < OPERATION + SLACK
        assert scpctl.returncode == 4 and not answer["changed"] and not answer["complete"]
        errors = {one["domain"]: one["error"] for one in answer["domains"] if not one["complete"]}
        assert set(errors) == {domain} and message in errors[domain], errors

        begun = time.monotonic()
        if after:
            held, = bounded.run("sync", "--yes", exit=4)["held"]
            assert held["reason"] == after
        else:
            answer = bounded.run("sync", "--yes")
            assert answer["in_sync"] == 1 and {one["server"] for one in answer["domains"]} == {DC2, EM1}
        assert time.monotonic() - begun < CONNECT + SLACK
    finally:
        getattr(bounded.samba, remedy)(dc)
    until(lambda: bounded.agents_ticket(dc), dc, 60)
    assert bounded.run("plan")["in_sync"] == 1


# -------------------- in an apply


@pytest.fixture
def many(bounded):
    """More sources than scpd has under way at once, so that an apply can be interrupted between its writes."""
    admin = bounded.samba.connect_admin("em1")
    names = [f"many-{number:03}" for number in range(MANY)]
    for name in names:
        admin.add_s(bounded.source.replace(NAME, name), SCP + [
            ("keywords", b"QmmEx"), ("serviceBindingInformation", [f"Server={name}".encode()])])
    yield {f"CN={name},{bounded.samba.container}" for name in names} | {bounded.copy_dn}
    for name in names:
        admin.delete_s(bounded.source.replace(NAME, name))


IN_AN_APPLY = [("kill", "start", f"{DC1}: "), ("cut", "heal", SILENT.format(DC1))]


@pytest.mark.parametrize("fault, remedy, message", IN_AN_APPLY, ids=[one[0] for one in IN_AN_APPLY])
def test_between_the_writes_of_one_apply(bounded, many, fault, remedy, message):
    """Some are done and are on record as done, the rest are not, and say so; the next run does what is left, once."""
    folder = bounded.work / "history"
    before = len(on_record(folder))
    scpctl = bounded.begin("sync", "--yes", stderr=(bounded.work / "stderr").open("w"))
    stopped_after(before + 1, folder, scpctl, lambda: getattr(bounded.samba, fault)("dc1"))
    try:
        answer = json.loads(scpctl.communicate(timeout=60)[0])
    finally:
        getattr(bounded.samba, remedy)("dc1")
    until(lambda: bounded.agents_ticket("dc1"), "dc1", 60)
    assert scpctl.returncode == 5 and answer["changed"]

    # Three kinds, each as it was: done, asked for without an answer, and not asked for.
    by_result = {kind: {one["dn"]: one["error"] for one in answer["changes"] if one["result"] == kind}
                 for kind in ("done", "failed", "skipped")}
    there = bounded.copies()
    assert len(by_result["done"]) >= WINDOW and set(by_result["done"]) < set(there)
    assert by_result["failed"] and by_result["skipped"] and not set(by_result["skipped"]) & set(there)
    for dn, error in by_result["failed"].items():
        # "not sent", or "it may have happened"
        assert error.startswith(f"cannot add {dn}") and message in error
    for dn, error in by_result["skipped"].items():
        assert error.startswith(f"create of {dn}: not tried: ") and message in error
    assert {(one["dn"], one["reason"]) for one in answer["held"]} == {
        (dn, "write-dc-unavailable") for dn in by_result["skipped"]}
    assert on_record(folder)[before:] == [*[("done", dn) for dn in sorted(by_result["done"])],
                                          *[("failed", dn) for dn in sorted(by_result["failed"])]]

    answer = bounded.run("sync", "--yes")
    assert {one["op"] for one in answer["changes"]} == {"create"}
    assert {one["dn"] for one in answer["changes"]} == many - set(there)
    now = bounded.copies()
    assert set(now) == many and now.items() >= there.items()
    assert bounded.run("plan")["in_sync"] == len(many)


def on_record(folder) -> list[tuple[str, str]]:
    """(result, DN) of each write, in order."""
    lines = history(folder)
    dns = {line["id"]: line["dn"] for line in lines if "op" in line}
    return [(line["result"], dns[line["id"]]) for line in lines if "result" in line]


