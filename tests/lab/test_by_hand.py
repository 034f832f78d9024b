"""What a person writes by hand: delete, release, adopt, and undo of all that the history knows."""

from __future__ import annotations

import json
import resource
import subprocess

import ldap
import pytest

from scplab import forest
from scplab.runner import Done
from scplab.world import MARKER, Marker, World, content


def run(world: World, *arguments: str, exit: int = 0, **options) -> Done:
    """A verb with -o json, its exit code checked, and that its document is one of a write."""
    done = world.run("-o", "json", *arguments, **options)
    assert done.returncode == exit, done
    assert done.json["schema"] == "scpd.write/1", done
    return done


def reasons(done: Done) -> list[str]:
    return [held["reason"] for held in done.json.get("held", [])]


def history(world: World, *arguments: str) -> list[dict]:
    done = world.run("history", "-o", "json", *arguments)
    assert done.returncode == 0, done
    assert done.json["schema"] == "scpd.history/1"
    return done.json["writes"]


def last(world: World) -> dict:
    return history(world)[-1]


def undo(world: World, write: dict | str, exit: int = 0) -> Done:
    return run(world, "undo", "--yes", write if isinstance(write, str) else write["id"], exit=exit)


def copy_dn(domain: str = "corp") -> str:
    return f"{World.copy_rdn},{forest.BY_KEY[domain].nc}"


def set_binding(world: World, value: str, domain: str = "corp") -> None:
    world.lab.domain(domain).ldap.modify_s(
        copy_dn(domain), [(ldap.MOD_REPLACE, "serviceBindingInformation", [value.encode()])])


def state_of(world: World, domain: str = "corp") -> dict | None:
    """Content and marker of the copy; None where there is none."""
    copy = world.copy(domain)
    return None if copy is None else content(copy, ["keywords", "serviceBindingInformation", MARKER])


def read_only(world: World) -> None:
    """An account that reads everything and writes nothing."""
    reader = world.lab.document()["accounts"]["reader"]
    world.forest_settings["auth"] |= {"bind_dn": reader["dn"], "password_file": reader["password_file"]}


def native(world: World, **different) -> str:
    """What somebody made by hand where our copies go."""
    return world.like_source("corp", container=forest.COPY_CONTAINER, **different)


# ---- delete


def test_delete_takes_a_copy_of_ours(world: World):
    world.mirror()
    done = run(world, "delete", copy_dn())
    [write] = done.json["writes"]
    assert (write["op"], write["reason"], write["result"]) == ("delete", "by-hand", "done")
    assert done.json["changed"] is True and world.copy() is None
    record = last(world)
    assert record["op"] == "delete" and record["before"]["serviceBindingInformation"]
    assert world.plan().changes == [("create", "missing", "corp")], "its rule still wants it"


def test_delete_by_guid_and_several_at_once(world: World):
    world.rule["targets"] = world.rule.get("targets", {}) | {"domains": ["apac.corp.test"]}
    copy = world.mirror("corp", "apac")
    done = run(world, "delete", copy.guid, copy_dn("apac"), copy_dn())
    assert len(done.json["writes"]) == 2, "the same one twice is deleted once"
    assert world.copy() is None and world.copy("apac") is None


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind, reason", [
    ("native", "by-hand"),
    ("foreign", "foreign-owner"),
    ("malformed", "suspect-marker"),
    ("misplaced", "suspect-marker"),
])
def test_delete_takes_others_only_with_force(world: World, kind: str, reason: str, force: bool):
    marker = Marker.of(world.mirror())
    world.corp.delete(copy_dn())
    container = "CN=System" if kind == "misplaced" else forest.COPY_CONTAINER
    value = {"foreign": str(marker.but(i="old")), "malformed": "scpd1;x", "misplaced": str(marker)}.get(kind)
    dn = world.like_source("corp", container=container, **({"msDS_Settings": value} if value else {}))
    before = world.snapshot()
    if not force:
        assert reasons(run(world, "delete", dn, exit=3)) == [reason]
        assert before.differences(world.snapshot()) == []
        return
    if kind == "misplaced":  # where scpd's account has no rights
        assert run(world, "delete", "--force", dn, exit=5).json["changed"] is False
        return
    run(world, "delete", "--force", dn)
    assert world.corp.get(dn) is None


def test_delete_of_a_copy_whose_rule_is_gone(world: World):
    world.mirror()
    world.settings["rules"] = []
    run(world, "delete", copy_dn())
    assert world.copy() is None


def test_delete_does_what_it_can(world: World):
    world.mirror()
    done = run(world, "delete", f"CN=none,{forest.COPY_CONTAINER},{world.corp.nc}", copy_dn(), exit=1)
    assert world.copy() is None and done.json["error"]["kind"] == "not-found"


# ---- release and adopt


def test_release_and_adopt_again(world: World):
    marker = Marker.of(world.mirror())
    world.corp.ldap.modify_s(copy_dn(), [(ldap.MOD_ADD, MARKER, [b"somebody's"])])
    before = content(world.copy())
    run(world, "release", copy_dn())
    assert world.copy()[MARKER] == ["somebody's"] and content(world.copy()) == before
    planned = world.plan()
    assert (planned.changes, planned.in_sync) == ([], 1), "it serves natively"
    again = run(world, "release", copy_dn())
    assert again.json["changed"] is False

    done = run(world, "adopt", copy_dn(), "--rule", "mage")
    assert [write["op"] for write in done.json["writes"]] == ["mark"]
    assert Marker.of(world.copy()) == marker, "the same that a sync made"
    assert "somebody's" in world.copy()[MARKER]
    assert run(world, "adopt", copy_dn(), "--rule", "mage").json["changed"] is False
    assert world.plan().exit == 0


def test_release_of_what_is_not_ours(world: World):
    marker = Marker.of(world.mirror())
    world.corp.delete(copy_dn())
    dn = native(world, msDS_Settings=str(marker.but(i="old")))
    assert reasons(run(world, "release", dn, exit=3)) == ["foreign-owner"]
    run(world, "release", "--force", dn)
    assert world.corp.get(dn)[MARKER] == []


def test_adopt_what_differs_leaves_it_to_the_next_cycle(world: World):
    dn = native(world, serviceBindingInformation=["stale"])
    assert world.plan().held == [("native-differs", "corp")]
    done = world.run("adopt", dn, "--rule", "mage")
    assert done.returncode == 0 and "differs" in done.stderr and "stale" in done.stderr, done
    assert world.copy()["serviceBindingInformation"] == ["stale"], "only the marker is written"
    synced = world.sync()
    assert (synced.exit, synced.changes) == (0, [("update", "source-changed", "corp")])
    assert content(world.copy()) == content(world.source())


def test_adopt_with_its_source_named(world: World):
    dn = native(world, keywords=["made by hand"])
    assert reasons(run(world, "adopt", dn, "--rule", "mage", exit=3)) == ["source-not-seen"]
    done = run(world, "adopt", dn, "--rule", "mage", "--from", world.source_dn)
    assert done.json["writes"][0]["source"]["guid"] == world.source().guid
    assert world.sync().exit == 0 and content(world.copy()) == content(world.source())


def test_adopt_from_an_instance_that_was_renamed(world: World):
    world.mirror()
    world.settings["instance"] = "renamed"
    assert world.plan().changes == []
    assert reasons(run(world, "adopt", copy_dn(), "--rule", "mage", exit=3)) == ["foreign-owner"]
    run(world, "adopt", copy_dn(), "--rule", "mage", "--from-instance", "lab")
    assert Marker.of(world.copy())["i"] == "renamed"
    assert world.plan().exit == 0


@pytest.mark.parametrize("arrange, reason", [
    (lambda world: world.like_source("corp"), "untrusted-place"),
    (lambda world: world.like_source("apac", container=forest.COPY_CONTAINER), "not-a-target"),
    (lambda world: (world.like_source("apac", serviceBindingInformation=["other"]), native(world))[1],
     "sources-disagree"),
    (lambda world: (world.rule.update(trust={"containers": ["CN=Elsewhere,CN=System"]}), native(world))[1],
     "untrusted-place"),
], ids=["place", "target", "disagree", "trust"])
def test_adopt_refused(world: World, arrange, reason: str):
    dn = arrange(world)
    before = world.snapshot()
    assert reasons(run(world, "adopt", dn, "--rule", "mage", exit=3)) == [reason]
    assert before.differences(world.snapshot()) == []


def test_adopt_needs_every_domain_that_may_hold_a_source(world: World):
    dn = native(world)
    world.stop("apac")
    run(world, "adopt", dn, "--rule", "mage", exit=4)
    run(world, "--partial", "adopt", dn, "--rule", "mage", exit=4)
    assert world.copy()[MARKER] == []


# ---- undo


def test_undo_of_an_update_parks_the_copy_and_can_be_undone(world: World):
    world.mirror()
    set_binding(world, "by hand")
    edited = state_of(world)
    assert world.sync().changes == [("update", "edited-by-hand", "corp")]
    update = last(world)
    synced = state_of(world)

    undo(world, update)
    assert world.copy()["serviceBindingInformation"] == ["by hand"]
    assert "parked" in Marker.of(world.copy())
    assert world.sync().held == [("parked", "corp")]
    undoing = last(world)
    assert undoing["reason"] == "by-hand"
    assert history(world)[-2]["undone_by"] == undoing["id"]
    assert undo(world, update).json["changed"] is False, "undone already"

    undo(world, undoing)
    assert state_of(world) == synced and state_of(world) != edited
    assert history(world)[-3]["undone_by"] is None, "it stands again"
    assert world.plan().exit == 0


def test_undo_of_two_updates_at_once(world: World):
    world.mirror()
    first = world.copy()["serviceBindingInformation"]
    ids = []
    for binding in ("one", "two"):
        world.emea.ldap.modify_s(world.source_dn,
                                 [(ldap.MOD_REPLACE, "serviceBindingInformation", [binding.encode()])])
        assert world.sync().changes == [("update", "source-changed", "corp")]
        ids.append(last(world)["id"])
    done = run(world, "undo", "--yes", *ids)
    assert [write["result"] for write in done.json["writes"]] == ["done", "done"]
    assert sorted(world.copy()["serviceBindingInformation"]) == sorted(first)


def test_undo_of_a_rename(world: World):
    world.mirror()
    before = content(world.copy())
    world.emea.ldap.rename_s(world.source_dn, "CN=renamed")
    assert world.sync().changes == [("rename", "renamed", "corp")]
    renamed = content(world.copy(name="renamed"))
    undo(world, last(world))
    assert content(world.copy()) == before and "parked" in Marker.of(world.copy())
    assert world.copy(name="renamed") is None
    undo(world, last(world))
    assert world.copy() is None and content(world.copy(name="renamed")) == renamed
    assert world.plan().exit == 0


@pytest.mark.parametrize("meanwhile", [
    lambda world: set_binding(world, "newer"),
    lambda world: world.corp.delete(copy_dn()),
    lambda world: world.run("release", copy_dn()),
], ids=["edited", "deleted", "released"])
def test_undo_of_an_update_of_what_has_changed_since(world: World, meanwhile):
    world.mirror()
    set_binding(world, "by hand")
    world.sync()
    update = last(world)
    meanwhile(world)
    before = world.snapshot()
    assert reasons(undo(world, update, exit=3)) == ["edited-by-hand"]
    assert before.differences(world.snapshot()) == []


def test_undo_of_a_create(world: World):
    world.mirror()
    create = last(world)
    assert reasons(undo(world, create, exit=3)) == ["mode-forbids"]
    assert world.copy()
    world.rule["mode"] = "observe"
    undo(world, create)
    assert world.copy() is None
    undo(world, last(world))
    assert content(world.copy()) == content(world.source())
    world.rule["mode"] = "upsert"
    assert world.plan().exit == 0, "marker and all"


def test_undo_of_a_create_by_hand(world: World):
    done = run(world, "create", "--domain", "corp.test", "--name", "x", "--keyword", "k", "--binding", "b",
               "--container", forest.COPY_CONTAINER)
    dn = done.json["writes"][0]["dn"]
    create = last(world)
    world.corp.ldap.modify_s(dn, [(ldap.MOD_REPLACE, "serviceBindingInformation", [b"c"])])
    undo(world, create, exit=3)
    world.corp.ldap.modify_s(dn, [(ldap.MOD_REPLACE, "serviceBindingInformation", [b"b"])])
    undo(world, create)
    assert world.corp.get(dn) is None


def test_undo_of_a_delete_puts_everything_back(world: World):
    world.mirror()
    world.corp.ldap.modify_s(copy_dn(), [(ldap.MOD_ADD, MARKER, [b"somebody's"]),
                                         (ldap.MOD_REPLACE, "adminDescription", [b"kept"])])
    before = world.copy().content()
    run(world, "delete", copy_dn())
    undo(world, last(world))
    assert world.copy().content() == before
    assert world.copy()["adminDescription"] == ["kept"]
    assert world.plan().exit == 0


def test_undo_of_a_delete_where_something_is_again(world: World):
    world.mirror()
    run(world, "delete", copy_dn())
    delete = last(world)
    world.sync()
    assert reasons(undo(world, delete, exit=3)) == ["name-collision"]


def test_undo_of_a_retire_begins_its_grace_anew(world: World):
    world.mirror()
    world.rule.update(mode="sync", prune={"grace": "0s"})
    world.emea.delete(world.source_dn)
    assert world.sync().changes == [("mark", "source-deleted", "corp")]
    mark = last(world)
    undo(world, mark)
    assert "gone" not in Marker.of(world.copy())
    assert world.sync().changes == [("mark", "source-deleted", "corp")]
    assert world.sync().changes == [("delete", "source-deleted", "corp")]
    undo(world, last(world))
    assert "gone" not in Marker.of(world.copy())
    assert world.sync().changes == [("mark", "source-deleted", "corp")]


def test_undo_of_adopt_and_release(world: World):
    dn = native(world)
    run(world, "adopt", dn, "--rule", "mage")
    marked = state_of(world)
    undo(world, last(world))
    assert world.copy()[MARKER] == []
    run(world, "adopt", dn, "--rule", "mage")
    run(world, "release", dn)
    undo(world, last(world))
    assert state_of(world) == marked


def test_undo_asks_or_needs_yes(world: World):
    world.mirror()
    before = world.snapshot()
    done = run(world, "undo", last(world)["id"], exit=2)
    assert "--yes" in done.json["error"]["hint"]
    assert before.differences(world.snapshot()) == []


def test_undo_of_an_unknown_write(world: World):
    world.mirror()
    done = undo(world, "20260101T000000Z-1-00000000-1", exit=1)
    assert done.json["error"]["kind"] == "not-found"


# ---- what all of them have in common


def each_verb(world: World) -> dict[str, list[str]]:
    """A call of each that would write, with what it needs there."""
    world.mirror()
    set_binding(world, "by hand")
    world.sync()
    update = last(world)["id"]
    world.rule["targets"] = world.rule.get("targets", {}) | {"domains": ["apac.corp.test"]}
    apac = world.like_source("apac", container=forest.COPY_CONTAINER)
    return {"delete": ["delete", copy_dn()], "release": ["release", copy_dn()],
            "adopt": ["adopt", apac, "--rule", "mage"], "undo": ["undo", "--yes", update]}


VERBS = ["delete", "release", "adopt", "undo"]


@pytest.mark.parametrize("verb", VERBS)
def test_without_rights_nothing_is_written(world: World, verb: str):
    arguments = each_verb(world)[verb]
    before = world.snapshot()
    read_only(world)
    done = run(world, *arguments, exit=5)
    [write] = done.json["writes"]
    assert write["result"] == "failed" and "rights" in write["error"].lower() + done.stderr.lower(), done
    assert done.json["changed"] is False
    assert before.differences(world.snapshot()) == []


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_server_nothing_is_known(world: World, verb: str):
    arguments = each_verb(world)[verb]
    world.stop("apac" if verb == "adopt" else "corp")
    done = run(world, *arguments, exit=4)
    assert done.json["error"]["message"]


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_history_nothing_is_written(world: World, verb: str):
    arguments = each_verb(world)[verb]
    before = world.snapshot()
    directory = world.scpctl.scratch / "state/scpd/history"
    directory.chmod(0o770)  # others might plant records
    done = run(world, *arguments, exit=5)
    assert "history" in done.json["error"]["message"]
    assert before.differences(world.snapshot()) == []


@pytest.mark.parametrize("verb", ["sync", *VERBS])
def test_on_a_full_disk_nothing_is_written(world: World, verb: str):
    """Not a byte more fits into any file, as on a disk or quota that is full."""
    arguments = (each_verb(world) | {"sync": ["sync", "--yes"]})[verb]
    if verb == "sync":
        set_binding(world, "to be repaired")
    before = world.snapshot()
    done = subprocess.run(
        world.scpctl.command("-o", "json", *arguments, lab=world.lab, config=world.config()),
        env=world.scpctl.environment(world.lab), cwd=world.scpctl.scratch, capture_output=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
    assert done.returncode == 5, done
    assert all(change["result"] == "skipped" and "history" in change["error"]
               for change in json.loads(done.stdout).get("writes", [])), done
    assert before.differences(world.snapshot()) == []
    records = history(world)
    assert all(record["result"] == "done" for record in records), "nothing of what was not written"


@pytest.mark.parametrize("verb", ["delete", "release", "adopt"])
def test_not_there(world: World, verb: str):
    arguments = [verb, f"CN=none,{forest.COPY_CONTAINER},{world.corp.nc}"]
    done = run(world, *arguments, *(["--rule", "mage"] if verb == "adopt" else []), exit=1)
    assert done.json["error"]["kind"] == "not-found"


@pytest.mark.parametrize("arguments", [
    ["delete"], ["delete", "just a name"], ["delete", ""], ["release", "x"], ["adopt", "CN=x"],
    ["adopt", "CN=x,DC=corp,DC=test", "--rule", "none"], ["adopt", "x", "--rule", "mage"],
    ["undo"], ["history", "--since", "yesterday"], ["history", "surplus"],
    ["release", "CN=x,DC=corp,DC=test", "CN=y,DC=corp,DC=test"],
], ids=" ".join)
def test_wrong_arguments(world: World, arguments: list[str]):
    done = world.run(*arguments)
    assert done.returncode == 2 and done.stderr.strip(), done


# ---- history


def test_history_shows_each_write(world: World):
    assert history(world) == []
    world.mirror()
    set_binding(world, "by hand\x1b[31m")
    world.sync()
    create, update = history(world)
    assert (create["op"], create["reason"], create["result"]) == ("create", "missing", "done")
    assert create["guid"] == world.copy().guid and create["before"] == {}
    assert update["before"]["serviceBindingInformation"] == ["by hand\x1b[31m"]
    assert sorted(update["after"]["serviceBindingInformation"]) == \
        sorted(world.source()["serviceBindingInformation"])
    for write in (create, update):
        assert {"id", "at", "who", "host", "op", "rule", "reason", "domain", "dn", "guid", "before", "after",
                "result", "undone_by"} <= set(write)
    text = world.run("history").stdout
    assert create["id"] in text and "edited-by-hand" in text and "\x1b[31m" not in text
    ldif = world.run("history", "-o", "ldif").stdout
    assert "changetype: add" in ldif and "changetype: modify" in ldif and "\x1b" not in ldif


@pytest.mark.parametrize("since, shown", [
    ("1h", 1), ("2999-01-01", 0), ("2999-01-01T00:00:00Z", 0), ("2001-01-01", 1)])
def test_history_since(world: World, since: str, shown: int):
    world.mirror()
    writes = history(world, "--since", since)
    assert len(writes) == shown
    for write in writes:  # the very moment is since
        assert history(world, "--since", write["at"]) == writes


def test_history_with_torn_strange_and_unreadable_files(world: World):
    world.mirror()
    directory = world.scpctl.scratch / "state/scpd/history"
    [file] = directory.iterdir()
    (directory / "torn.jsonl").write_bytes(file.read_bytes()[:100])
    (directory / "strange.jsonl").write_text("rubbish\n")
    (directory / "note.txt").write_text("not of ours")
    done = world.run("history", "-o", "json")
    assert done.returncode == 0 and len(done.json["writes"]) == 1, done
    assert "strange.jsonl:1:" in done.stderr and "torn" not in done.stderr
    (directory / "unreadable.jsonl").mkdir()
    done = world.run("history", "-o", "json")
    assert done.returncode == 2 and len(done.json["writes"]) == 1, done
    assert "unreadable.jsonl" in done.json["error"]["message"]
    undo(world, done.json["writes"][0]["id"], exit=3)  # found all the same: refused for its rule's mode
    undo(world, "unknown", exit=2)  # it may be in that file


def test_without_any_history(world: World):
    done = world.run("--history", str(world.scpctl.scratch / "none"), "history")
    assert done.returncode == 0 and "no writes" in done.stderr, done
    assert not (world.scpctl.scratch / "none").exists(), "looking makes nothing"
    (world.scpctl.scratch / "file").write_text("")
    done = world.run("--history", str(world.scpctl.scratch / "file"), "history", "-o", "json")
    assert done.returncode == 2 and "file" in done.json["error"]["message"], done


def test_history_needs_no_settings(world: World):
    world.mirror()
    done = world.scpctl("history", "-o", "json")
    assert done.returncode == 0 and len(json.loads(done.stdout)["writes"]) == 1, done
