"""completion: real shells complete a word."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from scplab.runner import build_directory, program

SETTINGS = """instance: prod
forests: [{name: corp, domain: corp.test}]
rules:
  - {name: mage-one, match: {keywords: [a]}, targets: {domains: [corp.test]}}
  - {name: mage-two, match: {keywords: [b]}, targets: {domains: [corp.test]}}
"""

# (what is typed, and what the last word becomes); all from the verbs and options themselves
ROWS = [
    ("scpctl topol", "topology"),
    ("scpctl config sch", "schema"),
    ("scpctl -o json prefl", "preflight"),
    ("scpctl sync --dry", "--dry-run"),
    ("scpctl plan --mode up", "upsert"),
    ("scpctl --color alw", "always"),
    ("scpctl preflight --grant power", "powershell"),
    ("scpctl completion zs", "zsh"),
    ("scpctl -c SETTINGS plan --rule mage-t", "mage-two"),
    ("scpctl -c SETTINGS pause mage-o", "mage-one"),
    ("scpctl explain --log agent-l", "agent-log.txt"),
]


@pytest.fixture
def place(scratch):
    (scratch / "bin").mkdir()
    (scratch / "bin" / "scpctl").symlink_to(program("scpctl"))
    (scratch / "scpd.yaml").write_text(SETTINGS)
    (scratch / "agent-log.txt").write_text("")
    return scratch


class Shell:
    """A shell on a terminal. What is shown is searched without colour, bells and cursor movements."""

    def __init__(self, command, place, **environment):
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.chdir(place)
            path = f"{place}/bin:/usr/bin:/bin"
            os.execvpe(command[0], command, {"PATH": path, "HOME": str(place), "LANG": "C.UTF-8", "TERM": "xterm"}
                       | {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")} | environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.shown = ""

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, text, timeout=20):
        end = time.monotonic() + timeout
        while text not in re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>])|[\x07\x08]", "", self.shown):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.terminal], [], [], left)[0], f"no {text!r} in {self.shown!r}"
            try:
                self.shown += os.read(self.terminal, 4096).decode(errors="replace")
            except OSError:
                raise AssertionError(f"no {text!r} in {self.shown!r}") from None

    def close(self):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        os.close(self.terminal)


def check_tab(shell, typed, word, place):
    """The Tab key behind what is typed makes `word` of its last word."""
    shell.shown = ""
    shell.type(typed.replace("SETTINGS", str(place / "scpd.yaml")) + "\t")
    shell.wait_for(word)


@pytest.mark.parametrize("typed, word", ROWS)
def test_bash(place, typed, word):
    shell = Shell(["bash", "--norc", "--noprofile", "-i"], place, PS1="ready> ")
    try:
        shell.wait_for("ready> ")
        script = build_directory() / "packaging" / "completions" / "scpctl.bash"
        shell.type(f"source {script}; echo loa''ded\n")
        shell.wait_for("loaded")
        check_tab(shell, typed, word, place)
    finally:
        shell.close()


def test_bash_lists_what_is_possible(place):
    shell = Shell(["bash", "--norc", "--noprofile", "-i"], place, PS1="ready> ")
    try:
        shell.wait_for("ready> ")
        shell.type("source <(scpctl completion bash); echo loa''ded\n")
        shell.wait_for("loaded")
        shell.type("scpctl plan --mode=\t\t")
        shell.wait_for("create-only")
        shell.wait_for("upsert")
    finally:
        shell.close()


@pytest.mark.parametrize("typed, word", ROWS)
def test_zsh(place, typed, word):
    shell = Shell(["zsh", "-f", "-i"], place, PS1="ready> ")
    try:
        shell.wait_for("ready> ")
        # As installed: found by the name of the file in a folder of fpath.
        (place / "functions").mkdir()
        (place / "functions" / "_scpctl").symlink_to(build_directory() / "packaging" / "completions" / "scpctl.zsh")
        shell.type("fpath=(~/functions $fpath); autoload -Uz compinit; compinit -D -u; echo loa''ded\n")
        shell.wait_for("loaded")
        check_tab(shell, typed, word, place)
    finally:
        shell.close()


@pytest.mark.parametrize("typed, word", ROWS)
def test_fish(place, typed, word):
    """complete -C is the completion that the Tab key asks for."""
    line = typed.replace("SETTINGS", str(place / "scpd.yaml"))
    script = build_directory() / "packaging" / "completions" / "scpctl.fish"
    done = subprocess.run(["fish", "-N", "-c", f"source {script}; complete -C '{line}'"], cwd=place, capture_output=True, text=True,
                          env={"PATH": f"{place}/bin:/usr/bin:/bin", "HOME": str(place), "LANG": "C.UTF-8"}
                          | {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")})
    assert done.stderr == ""
    assert [one.split("\t")[0] for one in done.stdout.splitlines()] == [word]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_installed_is_what_is_printed(scpctl, shell):
    built = build_directory() / "packaging" / "completions" / f"scpctl.{shell}"
    assert scpctl("completion", shell).stdout == built.read_text()


def test_another_shell_is_refused(scpctl):
    done = scpctl("completion", "tcsh")
    assert done.returncode == 2 and done.stdout == ""
    assert "bash, zsh or fish" in done.stderr


def test_settings_that_are_wrong_complete_to_nothing(scpctl, scratch):
    bad = scratch / "bad.yaml"
    bad.write_text("nonsense: [")
    done = scpctl("completion", "words", "--", "-c", str(bad), "plan", "--rule", "")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
