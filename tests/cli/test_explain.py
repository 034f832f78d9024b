"""scpctl explain against the lab: what an agent finds, why not, and the cure; from flags and from its log."""

from __future__ import annotations

import fcntl
import signal
import struct
import subprocess
import termios
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from scplab import forest
from scplab.process import wait_until
from scplab.runner import program
from scplab.world import World

from . import contract

SVC_MAGE = ["--account", r"CORP\svc-mage"]
BY_RULE = [*SVC_MAGE, "--rule", "mage"]
BY_FILTER = [*SVC_MAGE, "--filter", forest.AGENT_FILTER]
BY_KEYWORD = [*SVC_MAGE, "--keyword", "QmmEx"]
LOG = f"""\
2015-01-16 23:07:58.0656 Px1700  Tx5 A- C- M- Info Waiting for agent settings: Not found: {forest.AGENT_FILTER}
2015-01-16 23:07:58.0656 Px1700  Tx5 A- C- M- Info Agent is not ready to start. Agent going to sleep at 1 minute.
"""
LATER = LOG.replace("23:07:58", "23:08:58")


@dataclass
class Row:
    name: str
    arguments: list[str]
    exit: int
    cause: str = ""  # a part of it
    cure: str = ""  # a part of its lines
    change: Callable[[World], object] = lambda world: None


def rows(table: list[Row]):
    return pytest.mark.parametrize("row", table, ids=[row.name for row in table])


def explained(world: World, *arguments: str, **options):
    """The run and its document, held to the contract; text says the same, with the same exit code."""
    done = world.run("explain", "-o", "json", *arguments, **options)
    contract.check_explain(done.json)
    text = world.run("explain", *arguments, **options)
    assert text.returncode == done.returncode, text
    for result in done.json["results"]:
        assert result["cause"] in text.stdout
        for line in result["cure"]:
            assert line in text.stdout
    return done


def check(world: World, row: Row, *more: str) -> dict:
    row.change(world)
    done = explained(world, *row.arguments, *more)
    assert done.returncode == row.exit, done
    assert ("error" in done.json) == (row.exit == 4), done
    (result,) = done.json["results"]
    assert row.cause in result["cause"], done
    assert row.cure in "\n".join(result["cure"]), done
    return result


# ---- who asks, and what


ELSEWHERE = "The SCP exists in emea.corp.test, but the agent's account {} lives in corp.test"
ASKED = [
    Row("account and rule", BY_RULE, 1, ELSEWHERE.format("svc-mage"), "scpctl sync --rule mage -c "),
    Row("account and filter", BY_FILTER, 1, ELSEWHERE.format("svc-mage"), "scpctl sync --rule mage -c "),
    Row("account and keyword", BY_KEYWORD, 1, ELSEWHERE.format("svc-mage"), "scpctl sync --rule mage -c "),
    Row("two keywords, without case", [*SVC_MAGE, "--keyword", "qmmex", "--keyword", forest.PROJECT.upper()], 1,
        ELSEWHERE.format("svc-mage")),
    Row("the rule's own account", ["--rule", "mage"], 1, ELSEWHERE.format("svc-mage")),
    Row("by UPN", ["--account", "svc-mage@corp.test", "--rule", "mage"], 1, ELSEWHERE.format("svc-mage@corp.test")),
    Row("by DN", ["--account", forest.AGENT.dn, "--rule", "mage"], 1, ELSEWHERE.format("svc-mage")),
    Row("by SID", ["--account", forest.sid_text(forest.AGENT.sid), "--rule", "mage"], 1, ELSEWHERE.format("svc-mage")),
    Row("a disabled account", ["--account", r"CORP\svc-disabled", "--rule", "mage"], 1,
        "Besides, the account is disabled"),
    Row("an account in the source's domain", ["--account", r"EMEA\svc-mage-emea", "--rule", "mage"], 0, "as it should"),
    Row("nobody named, in a domain", ["--to", "corp.test", "--keyword", "QmmEx"], 1,
        "an agent whose account lives in corp.test looks only there", "# if the agent's account lives in corp.test"),
    Row("a place for the copy", [*BY_KEYWORD, "--container", "CN=mage,CN=System", "--mode", "create-only"], 1,
        ELSEWHERE.format("svc-mage"), "--container CN=mage,CN=System --mode create-only --create-containers --yes"),
    Row("a place for the copy, which only observes", [*BY_FILTER, "--mode", "observe"], 1, "",
        "# mode observe writes nothing"),
]


@rows(ASKED)
def test_who_asks_and_what(world: World, row: Row):
    result = check(world, row)
    if row.exit == 1:
        assert (result["base"], result["found"]) == ("DC=corp,DC=test", 0)
        assert result["global_catalog"]["found"] == 1
        (miss,) = result["near_misses"]
        assert miss["dn"].lower() == world.source_dn.lower()
        assert miss["differs"] == ["is in domain emea.corp.test, not in corp.test"]


# ---- causes


def edited(world: World, **changes) -> None:
    world.mirror()
    world.corp.modify(world.copy_rdn, changes)


def found_twice(world: World) -> None:
    world.like_source("corp")
    world.like_source("corp", "CN=Users")


CAUSES = [
    Row("no source anywhere", BY_RULE, 1, "No domain of the forest has an SCP that matches any part",
        "scpctl topology", lambda world: world.emea.delete(world.source_dn)),
    Row("another installation's SCP", BY_FILTER, 1, f"keyword {forest.PROJECT} missing", "scpctl show",
        lambda world: world.emea.modify(world.source_dn, remove={"keywords": forest.PROJECT})),
    Row("the copy is there", BY_RULE, 0, "finds exactly one SCP", "", lambda world: world.mirror()),
    Row("the copy went stale", BY_RULE, 0, "a copy gone stale", "scpctl sync --rule mage",
        lambda world: edited(world, serviceBindingInformation=["old"])),
    Row("the copy lost a keyword", BY_FILTER, 1, "A copy of the SCP is in corp.test", "scpctl sync --rule mage",
        lambda world: edited(world, keywords=[forest.PRODUCT_KEYWORD, "QmmEx"])),
    Row("the copy lost all keywords", BY_RULE, 1, "A copy of the SCP is in corp.test", "scpctl sync --rule mage",
        lambda world: edited(world, keywords=["nothing of it"])),
    Row("only a copy is left", ["--account", r"TREE\svc-mage-tree", "--rule", "mage"], 1,
        "Only a copy made by scpd matches", "scpctl show",
        lambda world: (world.mirror(), world.emea.delete(world.source_dn))),
    Row("no bindings", ["--account", r"EMEA\svc-mage-emea", "--rule", "mage"], 0, "it has no bindings", "scpctl show",
        lambda world: world.emea.modify(world.source_dn, {"serviceBindingInformation": []})),
    Row("two of them", BY_FILTER, 6, "2 SCPs in corp.test match the agent's search", "scpctl show", found_twice),
    Row("two elsewhere that differ", BY_FILTER, 1, "2 SCPs that match exist in apac.corp.test, emea.corp.test", "",
        lambda world: world.like_source("apac", serviceBindingInformation=["other"])),
    Row("planted below a computer", BY_RULE, 1, "The SCP exists in apac.corp.test",
        "does not lie where rule mage trusts SCPs",
        lambda world: (world.like_source("apac", "CN=AGENT1,CN=Computers"), world.emea.delete(world.source_dn))),
    Row("a rule that does not lead there", ["--account", r"APAC\svc-mage-apac", "--rule", "mage"], 1,
        "lives in apac.corp.test", r"# first add APAC\svc-mage-apac to rules[mage].accounts"),
    Row("a rule that only observes", BY_RULE, 1, "exists in emea.corp.test", "# rule mage never writes in mode observe",
        lambda world: world.rule.update(mode="observe")),
    Row("account not found", ["--account", r"CORP\svc-nobody", "--rule", "mage"], 1, r"CORP\svc-nobody could not be found",
        "# name the account as"),
    Row("no such domain", ["--account", r"NOPE\svc-mage", "--rule", "mage"], 1, "no domain is called NOPE"),
    Row("the account's domain is down", ["--account", r"APAC\svc-mage-apac", "--rule", "mage"], 4,
        r"APAC\svc-mage-apac could not be found", "scpctl topology", lambda world: world.stop("apac")),
    Row("the domain that was named is down", ["--to", "apac.corp.test", "--keyword", "QmmEx"], 4,
        "The agent's search cannot be made in apac.corp.test", "scpctl topology", lambda world: world.stop("apac")),
    Row("the source's domain is down", BY_FILTER, 4, "not everything could be read: emea.corp.test", "scpctl topology",
        lambda world: world.stop("emea")),
    Row("found, and another domain is down", BY_FILTER, 0, "as it should", "",
        lambda world: (world.mirror(), world.stop("apac"))),
    Row("found elsewhere, and a third domain is down", BY_FILTER, 1, ELSEWHERE.format("svc-mage"), "scpctl sync",
        lambda world: world.stop("apac")),
]


@rows(CAUSES)
def test_the_cause_is_named(world: World, row: Row):
    check(world, row)


def test_with_partial_what_could_not_be_read_is_no_reason_to_fail(world: World):
    world.stop("emea")
    done = explained(world, *BY_FILTER, "--partial")
    assert done.returncode == 1
    assert "not everything could be read" in done.json["results"][0]["cause"]
    assert done.json["error"]["kind"] == "unreachable"  # it is said all the same


def test_the_whole_forest_is_down(fresh_lab, scpctl):
    for name in ("corp", "emea", "apac", "tree", "gc"):
        fresh_lab.stop(name)
    done = scpctl("explain", "-o", "json", *BY_RULE, lab=fresh_lab)
    assert done.returncode == 4
    contract.check_error(done.json, "unreachable")


def test_a_name_that_two_accounts_have(world: World):
    for key in ("emea", "apac"):
        world.lab.domain(key).modify(f"CN=svc-mage-{key},CN=Users", {"userPrincipalName": ["svc-twice@corp.test"]})
    world.wait_for_catalog("(userPrincipalName=svc-twice@corp.test)", 2)
    done = explained(world, "--account", "svc-twice@corp.test", "--rule", "mage")
    assert done.returncode == 1
    assert {r["account"]["domain"]: r["found"] for r in done.json["results"]} == {"apac.corp.test": 0, "emea.corp.test": 1}
    for result in done.json["results"]:
        assert "svc-twice@corp.test is ambiguous" in result["cause"]
        assert "# name the account by its DN or its SID to be certain" in result["cure"]


def test_two_accounts_at_once(world: World):
    done = explained(world, *BY_RULE, "--account", r"EMEA\svc-mage-emea")
    assert done.returncode == 1  # one finds none
    assert {r["account"]["query"]: r["found"] for r in done.json["results"]} == {
        r"CORP\svc-mage": 0, r"EMEA\svc-mage-emea": 1}


# ---- the cure cures


@pytest.mark.parametrize(
    "arguments",
    [BY_RULE, BY_KEYWORD + ["--mode", "upsert"], ["--to", "corp.test", "--keyword", "QmmEx", "--mode", "upsert"]],
    ids=["the rule's", "one-off", "one-off, for a domain"],
)
def test_the_cure_cures_as_it_is_printed(world: World, arguments: list[str]):
    (result,) = explained(world, *arguments).json["results"]
    (command,) = [line for line in result["cure"] if not line.startswith("#")]
    if "--yes" not in command:
        command += " --yes"
    path = f"{program('scpctl').parent}:/usr/bin:/bin"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, cwd=world.scpctl.scratch,
                          env=world.scpctl.environment(world.lab) | {"PATH": path})
    assert done.returncode == 0, done
    assert explained(world, *arguments).returncode == 0
    assert world.lab.agent_search().found == 1


# ---- as the agent itself


def as_agent(world: World, key: str = "agent") -> list[str]:
    account = world.lab.document()["accounts"][key]
    return ["--agent-bind-dn", account["dn"], "--agent-password-file", account["password_file"]]


def test_as_the_agent_itself(world: World):
    (result,) = explained(world, *BY_FILTER, *as_agent(world)).json["results"]
    assert result["as_agent"] and result["found"] == 0
    world.mirror()
    done = explained(world, *BY_FILTER, *as_agent(world))
    assert (done.returncode, done.json["results"][0]["found"]) == (0, 1)


def test_an_agent_that_cannot_log_in(world: World):
    wrong = world.scpctl.scratch / "wrong"
    wrong.write_text("wrong")
    wrong.chmod(0o600)
    done = explained(world, *BY_FILTER, "--agent-bind-dn", forest.AGENT.dn, "--agent-password-file", str(wrong))
    assert done.returncode == 4
    assert done.json["results"][0]["cause"].startswith("The agent's account cannot log in to corp.test")


# ---- an agent's log


ESC_FILTER = "(&(objectClass=serviceConnectionPoint)(keywords=QmmEx)(cn=\x1b]0;owned\x07\x1b[2J\u202e\u009b1m))"
LOGS = [
    ("the real lines", LOG.encode(), SVC_MAGE, 1, [(1, "2015-01-16T23:07:58Z", "2015-01-16T23:07:58Z")]),
    ("with Windows' line ends", LOG.replace("\n", "\r\n").encode(), SVC_MAGE, 1,
     [(1, "2015-01-16T23:07:58Z", "2015-01-16T23:07:58Z")]),
    ("UTF-16 with a byte order mark", LOG.encode("utf-16"), SVC_MAGE, 1,
     [(1, "2015-01-16T23:07:58Z", "2015-01-16T23:07:58Z")]),
    ("each minute", (LOG + LATER).encode(), SVC_MAGE, 1, [(2, "2015-01-16T23:07:58Z", "2015-01-16T23:08:58Z")]),
    ("the accounts of the rule that fits", LOG.encode(), [], 1, [(1, "2015-01-16T23:07:58Z", "2015-01-16T23:07:58Z")]),
    ("without a time", f"Not found: {forest.AGENT_FILTER}\n".encode(), SVC_MAGE, 1, [(1, None, None)]),
    ("two different searches", (LOG + "Not found: (keywords=QmmEx)\n").encode(), SVC_MAGE, 1,
     [(1, "2015-01-16T23:07:58Z", "2015-01-16T23:07:58Z"), (1, None, None)]),
    ("nothing that failed", b"2015-01-16 23:07:58 all is well\n", SVC_MAGE, 0, []),
    ("empty", b"", SVC_MAGE, 0, []),
    ("random bytes, then the real lines", bytes(range(256)) * 64 + b"\n" + LOG.encode(), SVC_MAGE, 1,
     [(1, "2015-01-16T23:07:58Z", "2015-01-16T23:07:58Z")]),
    ("what steers a terminal", LOG.replace(forest.AGENT_FILTER, ESC_FILTER).encode(), SVC_MAGE, 1,
     [(1, "2015-01-16T23:07:58Z", "2015-01-16T23:07:58Z")]),
    ("a filter of another kind", b"Not found: (\x1b[2JuserPassword=*)\n", SVC_MAGE, 0, []),
    ("a filter that is cut", b"Not found: (&(keywords=QmmEx\x1b[31m\n", SVC_MAGE, 0, []),
]


@pytest.mark.parametrize("name, log, arguments, exit, counts", LOGS, ids=[row[0] for row in LOGS])
def test_logs(world: World, name: str, log: bytes, arguments: list[str], exit: int, counts: list):
    file = world.scpctl.scratch / "agent.log"
    file.write_bytes(log)
    done = explained(world, "--log", str(file), *arguments)
    assert done.returncode == exit, done
    told = [result["log"] for result in done.json["results"]]
    assert sorted(((t["count"], t["first"], t["last"]) for t in told), key=str) == sorted(counts, key=str)
    piped = explained(world, "--log", "-", *arguments, stdin=log)
    assert piped.json["results"] == done.json["results"]
    text = world.run("explain", "--color", "never", "--log", str(file), *arguments)
    for shown in (text.stdout, text.stderr, done.stdout, done.stderr):
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


@rows([
    Row("none", SVC_MAGE, 1, ELSEWHERE.format("svc-mage"), "scpctl sync --rule mage -c "),
    Row("one by now", SVC_MAGE, 0, "as it should", "", lambda world: world.mirror()),
    Row("several", SVC_MAGE, 6, "2 SCPs in corp.test", "", found_twice),
    Row("its domain cannot be read", ["--account", r"APAC\svc-mage-apac"], 4, "could not be found", "",
        lambda world: world.stop("apac")),
])
def test_what_the_real_log_says(world: World, row: Row):
    file = world.scpctl.scratch / "agent.log"
    file.write_text(LOG)
    assert check(world, row, "--log", str(file))["filter"] == forest.AGENT_FILTER


def test_a_log_whose_agent_nobody_names_is_explained_for_every_domain(world: World):
    log = "Not found: (&(objectClass=serviceConnectionPoint)(keywords=of no rule))\n"
    done = explained(world, "--log", "-", stdin=log)
    assert done.returncode == 1
    assert [result["account"]["domain"] for result in done.json["results"]] == sorted(d.dns for d in forest.DOMAINS)
    assert "--account" in done.stderr


def test_an_interrupt_while_the_log_is_read(world: World):
    command = world.scpctl.command("explain", "--log", "-", *SVC_MAGE, config=world.config())
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=world.scpctl.environment(world.lab), cwd=world.scpctl.scratch)
    try:
        running.stdin.write(LOG.encode())
        running.stdin.flush()

        def all_read() -> bool:
            left = fcntl.ioctl(running.stdin, termios.FIONREAD, b"\0" * 4)
            return struct.unpack("i", left)[0] == 0

        wait_until(all_read, 20, "the log to be read")
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130, running.stderr.read()
    finally:
        running.kill()
        running.communicate()


# ---- wrong flags


@pytest.mark.parametrize(
    "name, arguments, said",
    [
        ("nothing asked", SVC_MAGE, "what the agent asks is missing"),
        ("nobody asks", ["--filter", forest.AGENT_FILTER], "--account is missing"),
        ("a rule and a filter", [*BY_RULE, "--filter", "(cn=x)"], "exclude each other"),
        ("a rule and a keyword", [*BY_RULE, "--keyword", "x"], "exclude each other"),
        ("a log and a keyword", ["--log", "-", "--keyword", "x"], "--log brings its own filters"),
        ("a log that is not there", ["--log", "/nowhere/agent.log"], "No such file"),
        ("a folder for a log", ["--log", "/"], "/"),
        ("a rule that is not there", [*SVC_MAGE, "--rule", "maga"], "did you mean 'mage'"),
        ("an account that is none", ["--account", "svc-mage", "--rule", "mage"], "is no account"),
        ("a domain that is not there", ["--to", "nowhere.test", "--keyword", "x"], "no domain of the forests"),
        ("a filter that is cut", [*SVC_MAGE, "--filter", "(cn=x"], "--filter: "),
        ("a keyword that steers a terminal", [*SVC_MAGE, "--keyword", "\x1b[2J"], "control characters"),
        ("half of a log-in", [*BY_RULE, "--agent-bind-dn", forest.AGENT.dn], "go together"),
        ("two ways to log in", [*BY_RULE, "--agent-bind-dn", "CN=x", "--agent-password-file", "x", "--agent-ccache",
                                "x"], "exclude each other"),
        ("a rule, and a container", [*BY_RULE, "--container", "CN=x"], "--container is for one without them"),
        ("a rule, and containers to make", [*BY_RULE, "--create-containers"], "--create-containers is for one"),
        ("a rule, and a mode", [*BY_RULE, "--mode", "observe"], "--mode is for one"),
        ("a rule, and a place to trust", [*BY_RULE, "--trust-container", "CN=x"], "--trust-container is for one"),
        ("a mode that there is not", [*BY_KEYWORD, "--mode", "always"], "there is no such mode"),
        ("a container with its domain", [*BY_KEYWORD, "--container", "CN=x,DC=corp,DC=test"], "relative to the domain"),
        ("a flag of another verb", [*BY_RULE, "--yes"], "there is no option --yes of explain"),
        ("LDIF", [*BY_RULE, "-o", "ldif"], "explain has no LDIF"),
    ],
)
def test_wrong_flags(world: World, name: str, arguments: list[str], said: str):
    text = world.run("explain", *arguments)
    assert text.returncode == 2, text
    assert said in text.stderr and "\x1b" not in text.stderr and not text.stdout, text
    if "ldif" not in arguments:
        done = world.run("explain", "-o", "json", *arguments)
        assert done.returncode == 2
        assert done.json["schema"] == "scpd.explain/1"
        contract.check_error(done.json, "usage" if "--log" not in arguments or "--keyword" in arguments else None)
