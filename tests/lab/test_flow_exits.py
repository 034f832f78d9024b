"""What goes wrong before the work begins: settings, flags, servers and log-ins, each with its message and exit code."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from scplab import scripted
from scplab.certs import BAD_KINDS
from scplab.process import wait_until
from scplab.runner import Done, program
from scplab.world import World


def run_scpd(world: World, *arguments: str) -> Done:
    """scpd where it is expected to end by itself."""
    return Done(
        subprocess.run(
            [str(program("scpd")), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=world.scpctl.environment(world.lab),
            cwd=world.scpctl.scratch,
            timeout=60,
        )
    )


def break_settings(world: World, kind: str) -> Path:
    path = world.config()
    text = path.read_text()
    changed = {
        "an unknown key": text.replace("  mode: upsert", "  mode: upsert\n  modes: sync"),
        "a wrong value": text.replace("mode: upsert", "mode: upset"),
        "a wrong type": text.replace("instance: lab", "instance: [lab]"),
        "an overflowing duration": text.replace("15m", "99999999999999999999d"),
        "no YAML": text + "\n  - ]",
        "two problems": text.replace("mode: upsert", "mode: upset").replace(
            "debounce: 100ms", "debounce: 1 parsec"
        ),
    }[kind]
    assert changed != text
    path.write_text(changed)
    return path


@pytest.mark.parametrize(
    "kind, said",
    [
        ("an unknown key", 'did you mean "mode"'),
        ("a wrong value", "upset"),
        ("a wrong type", "instance"),
        ("an overflowing duration", "resync"),
        ("no YAML", ":"),
        ("two problems", "parsec"),
    ],
)
def test_bad_settings(world: World, kind: str, said: str):
    path = break_settings(world, kind)
    runs = [
        world.scpctl("config", "check", config=path),
        world.scpctl("plan", config=path),
        run_scpd(world, "-c", str(path)),
    ]
    for done in runs:
        assert done.returncode == 2, done
    for done in (runs[0], runs[2]):
        told = done.stdout + done.stderr
        places = [line for line in told.splitlines() if line.startswith(f"{path}:")]
        assert places and all(
            line.split(":")[1].isdigit() and line.split(":")[2].isdigit() for line in places
        ), done
        assert said in told, done
        assert len(places) >= (2 if kind == "two problems" else 1), done
    document = world.scpctl("-o", "json", "config", "check", config=path).json
    assert document["schema"] == "scpd.config/1" and document["ok"] is False
    assert document["problems"][0]["line"] > 0 and document["problems"][0]["file"] == str(path)


def test_good_settings(world: World):
    done = world.run("config", "check")
    assert done.returncode == 0, done
    assert world.run("-o", "json", "config", "check").json["ok"] is True


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-flag"],
        ["no-such-verb"],
        [],
        ["plan", "--no-such-flag"],
        ["sync"],
        ["show"],
        ["plan", "--rule", "none"],
        ["plan", "--rule", ""],
        ["-o", "xml", "plan"],
        ["create"],
        ["explain"],
        ["sync", "--plan", "/nonexistent", "--yes"],
        ["--bind-dn", "cn=x", "plan"],
        ["--mech", "magic", "plan"],
        ["--server", "http://x", "plan"],
        ["-c", "/nonexistent/scpd.yaml", "plan"],
        ["plan", "--keyword", "k", "--mode", "sometimes"],
    ],
    ids=" ".join,
)
def test_wrong_flags(world: World, arguments: list[str]):
    done = world.scpctl(*arguments, lab=None if "-c" in arguments else world.lab)
    assert done.returncode == 2, done
    assert done.stderr.strip() and "terminate" not in done.stderr, done


@pytest.mark.parametrize(
    "arguments",
    [["--no-such-flag"], ["-c"], ["-c", "/nonexistent/scpd.yaml"], ["verb"]],
    ids=" ".join,
)
def test_wrong_flags_of_scpd(world: World, arguments: list[str]):
    done = run_scpd(world, *arguments)
    assert done.returncode == 2 and done.stderr.strip(), done


def test_an_error_is_a_document_too(world: World):
    path = break_settings(world, "a wrong value")
    done = world.scpctl("-o", "json", "plan", config=path)
    assert done.returncode == 2 and done.json["error"]["message"] and "schema" in done.json, done


def nobody_listens(world: World) -> None:
    for key in ("corp", "emea", "apac", "tree"):
        world.stop(key)


def wrong_password(world: World) -> None:
    file = world.scpctl.scratch / "password"
    file.write_text("not the password\n")
    file.chmod(0o600)
    world.forest_settings["auth"]["password_file"] = str(file)


def wrong_authority(world: World) -> None:
    world.forest_settings["tls"]["ca_file"] = str(world.lab.dir / "tls" / "client-svc.crt")


def a_disabled_account(world: World) -> None:
    account = world.lab.document()["accounts"]["disabled"]
    world.forest_settings["auth"] |= {
        "bind_dn": account["dn"],
        "password_file": account["password_file"],
    }


@pytest.mark.parametrize(
    "break_it, said",
    [
        (nobody_listens, "refused"),
        (wrong_password, "credentials|password|49"),
        (wrong_authority, "certificate|TLS"),
        (a_disabled_account, "credentials|password|49"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
@pytest.mark.parametrize(
    "verb", [["plan"], ["sync", "--yes"], ["list"], ["topology"]], ids=lambda verb: verb[0]
)
def test_a_directory_that_cannot_be_used(world: World, break_it, said: str, verb: list[str]):
    import re

    before = None if break_it is nobody_listens else world.snapshot()
    break_it(world)
    done = world.run(*verb)
    assert done.returncode == 4, done
    assert re.search(said, done.stderr, re.IGNORECASE), done
    assert (
        "Lab-Passw0rd!" not in done.stderr + done.stdout
        and "not the password" not in done.stderr + done.stdout
    )
    if before:
        assert before.differences(world.snapshot()) == []


@pytest.mark.parametrize("kind", BAD_KINDS)
def test_a_certificate_that_proves_nothing(world: World, kind: str):
    proxy = world.lab.proxy("corp", certificate=kind)
    world.through(proxy, "corp")
    try:
        done = world.run("plan")
        assert done.returncode == 4, done
        assert (
            proxy.count("bind-request") == 0
        ), "the password went to a server that was not verified"
    finally:
        proxy.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "verb",
    [["plan"], ["sync", "--yes"], ["explain", "--account", "CORP\\svc-mage", "--keyword", "k"]],
    ids=lambda verb: verb[0],
)
def test_interrupted(world: World, verb: list[str], number: int):
    """While a server hangs: it ends at once, and says so by its exit code."""
    proxy = world.lab.proxy("emea")
    world.through(proxy, "emea")
    proxy.on("search-request", scripted.freeze())
    before = world.snapshot()
    run = subprocess.Popen(
        world.scpctl.command(*verb, lab=world.lab, config=world.config()),
        env=world.scpctl.environment(world.lab),
        cwd=world.scpctl.scratch,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        wait_until(lambda: proxy.count("search-request") >= 1, 30, "a search")
        run.send_signal(number)
        run.communicate(timeout=5)
        assert run.returncode == 130
    finally:
        run.kill()
        run.communicate()
        proxy.close()
    assert before.differences(world.snapshot()) == []


def test_the_password_is_nowhere_to_be_seen(world: World):
    """Not in any output, however verbose, nor in the history."""
    outputs = [
        world.run("-vvv", "-o", output, *verb)
        for output in ("text", "json")
        for verb in (["config", "show"], ["plan"], ["topology"], ["sync", "--yes"])
    ]
    shown = "".join(done.stdout + done.stderr for done in outputs)
    shown += "".join(
        path.read_text(errors="replace")
        for path in (world.scpctl.scratch / "state").rglob("*")
        if path.is_file()
    )
    assert "Lab-Passw0rd!" not in shown
