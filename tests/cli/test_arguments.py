"""The command line itself: no directory is needed."""

import os
import pty
import subprocess

import pytest

from scplab.runner import program

from . import contract

VERBS = ["preflight", "topology", "list", "show", "diff", "plan", "sync", "approve", "pause", "resume", "create", "delete",
         "adopt", "release", "explain", "history", "undo", "status", "watch", "resync", "reload", "report", "config check",
         "config show", "config schema", "completion"]


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_exit_status_and_examples(scpctl, verb):
    done = scpctl(*verb.split(), "--help")
    assert done.returncode == 0
    assert "EXIT STATUS" in done.stdout and "EXAMPLES" in done.stdout
    assert f"scpctl {verb}" in done.stdout or verb.startswith("config")
    assert done.stderr == ""


def test_help_lists_all_verbs(scpctl):
    done = scpctl("--help")
    assert done.returncode == 0
    for verb in VERBS:
        assert f"  {verb.split()[0]} " in done.stdout


def test_version(scpctl):
    done = scpctl("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("scpctl ")


@pytest.mark.parametrize(
    "arguments, kind",
    [
        (["plam"], "usage"),
        (["plan", "--nope"], "usage"),
        (["plan", "surplus"], "usage"),
        ([], "usage"),
        (["-c", "/nowhere.yaml", "plan"], "settings"),
        (["sync"], "usage"),
        (["plan", "--server", "http://x"], "usage"),
        *(([*verb.split(), *flag], "usage") for verb in ("config check", "config show", "config schema", "completion bash")
          for flag in (["--server", "ldaps://x"], ["--ca-file", "x"], ["--starttls"], ["--bind-dn", "x"],
                       ["--password-file", "x"], ["--mech", "gssapi"])),
        *((words.split() + [""], "usage") for words in
          ("-c", "plan --history", "plan --container", "plan --mode", "plan --out", "sync --dry-run --plan",
           "sync --dry-run --approve", "list --domain", "topology --format", "explain --filter", "explain --log",
           "explain --agent-ccache", "create --container", "create --from", "history --since", "adopt CN=x --rule",
           "delete", "release", "undo --yes", "report --html")),
    ],
)
def test_json_also_on_failure(scpctl, arguments, kind):
    done = scpctl("-o", "json", *arguments)
    assert done.returncode == 2
    contract.check_error(done.json, kind)


def test_no_settings_and_no_server_tells_both_ways(scpctl):
    done = scpctl("plan")
    if os.path.exists("/etc/scpd/scpd.yaml"):
        pytest.skip("this machine has settings of its own")
    assert done.returncode == 2
    assert "-c FILE" in done.stderr and "--server" in done.stderr


@pytest.mark.parametrize(
    "name, keyword",
    [("line end", "a\r\nb"), ("escape", "a\x1b[31mb"), ("not UTF-8", b"a\xffb"), ("empty", "")],
)
def test_a_keyword_that_makes_no_sense(scpctl, scratch, name, keyword):
    command = [
        str(program("scpctl")),
        *["plan", "--server", "ldap://127.0.0.1:1", "--mech", "gssapi", "--to", "corp.test", "--keyword"],
        keyword,
    ]
    done = subprocess.run(command, capture_output=True, env=scpctl.environment(None), cwd=scratch, timeout=60)
    assert done.returncode == 2, name
    assert b"--keyword" in done.stderr
    assert b"\x1b" not in done.stderr and b"\xff" not in done.stderr


def test_unreachable_server(scpctl):
    done = scpctl("-o", "json", "topology", "--server", "ldaps://127.0.0.1:1", "--mech", "gssapi")
    assert done.returncode == 4
    contract.check_error(done.json, "unreachable")
    assert "127.0.0.1" in done.stderr


def test_a_full_disk_is_no_success(scpctl, scratch, tmp_path):
    good = tmp_path / "scpd.yaml"
    good.write_text("instance: x\nforests: [{name: a, domain: a.test}]\nrules: []\n")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [str(program("scpctl")), "-c", str(good), "config", "check"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=scpctl.environment(None),
            cwd=scratch,
            timeout=60,
        )
    assert done.returncode != 0
    assert b"could not be written" in done.stderr or b"problem" in done.stderr


def on_a_terminal(command, environment, answer=b"", cwd=None):
    """Runs with a terminal for all three; gives what was shown and the exit code."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(cwd or "/")
        os.execve(command[0], command, environment)
    shown = b""
    sent = not answer
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
        if not sent and b"[y/N]" in shown:
            os.write(terminal, answer)
            sent = True
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return shown, os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("no_color, colored", [("", True), ("1", False)])
def test_colour_on_a_terminal(scpctl, scratch, no_color, colored):
    environment = scpctl.environment(None) | {"NO_COLOR": no_color, "TERM": "xterm"}
    shown, code = on_a_terminal([str(program("scpctl")), "plam"], environment, cwd=scratch)
    assert code == 2
    assert (b"\x1b[31m" in shown) == colored
