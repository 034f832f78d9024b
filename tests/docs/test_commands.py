"""Every command of the documentation, extracted and run: against the lab's forest, with the names that differ mapped.

A document is one session of bash, its commands in their order. What cannot run here is listed in NOT_HERE with the reason;
a command that is neither there nor answers as ANSWERS says (else 0) fails the test.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from scplab import Lab
from scplab.forest import AGENT_FILTER
from scplab.runner import SOURCE_ROOT, Scpctl, program
from scplab.settings import environment

from .documents import DOCUMENTS, blocks, commands

# Whole command, as a regular expression: why it is not run here.
NOT_HERE = {
    r"packaging/quickstart|tests/run( --quick)?": "has its own step in tests/run, or is it",
    r"packaging/dependencies .*": "tests/run has run it before",
    r"build/dev/tests/unit_tests .*|SCP_BUILD_DIR=.* pytest .*": "tests, which tests/run runs",
    r"git ls-files .* clang-format -i": "changes the tree; tests/tools/check-style looks for the same",
    r"packaging/deb|sudo apt(-get)? install \./build/deb/\S+": "the package's tests build and install it",
    r"(sudo )?(systemctl|journalctl|systemd-creds) .*": "needs a booted systemd, which the package's tests have",
    r"(ansible-playbook|ansible-vault) .*": "needs hosts; tests/ansible runs the role",
}
# What a command answers in the lab where that is not 0: 1 is "no", or "there is something to do"; 3 something held.
ANSWERS = {
    ("README.md", r"scpctl .* explain .*"): 1,
    ("README.md", r"scpctl plan"): 1,
    ("TROUBLESHOOTING.md", r"scpctl plan|scpctl explain .*"): 1,
    ("OPERATIONS.md", r"sudo scpctl plan"): 1,
}
MOST_NOT_HERE = 22  # raise it only with a reason


def bare(command: str) -> str:
    return re.sub(r"\s+#.*$", "", command).strip()


def why_not_here(command: str) -> str | None:
    return next((why for pattern, why in NOT_HERE.items() if re.fullmatch(pattern, bare(command))), None)


def expected(document: str, command: str) -> int:
    return next((answer for (name, pattern), answer in ANSWERS.items()
                 if name == document and re.fullmatch(pattern, bare(command))), 0)


# Names of the documentation → this lab's. A server that is named brings the other domains' along: the lab has no DNS.
WRAPPER = r"""#!/bin/bash
set -u
args=()
for arg in "$@"; do
    case $arg in
    ldap://dc1.corp.test) args+=("$LAB_CORP_LDAP" --server "$LAB_EMEA_LDAP" --server "$LAB_APAC_LDAP" --server "$LAB_TREE_LDAP") ;;
    ldaps://dc1.corp.test) args+=("$LAB_CORP_LDAPS" --server "$LAB_APAC_LDAPS" --server "$LAB_TREE_LDAPS" --ca-file "$LAB_CA_FILE") ;;
    ldaps://dc1.emea.corp.test) args+=("$LAB_EMEA_LDAPS") ;;
    svc-scpd@corp.test) args+=("$LAB_SVC_DN") ;;
    /etc/* | /path/to/*) args+=("$DOCS_ROOT$arg") ;;
    *) args+=("$arg") ;;
    esac
done
"""
WRAPPERS = {
    "sudo": 'exec "${args[@]}"\n',
    "klist": 'exec /usr/bin/klist "${args[@]}"\n',
    # A person's password is not to be had here: the account's keytab serves.
    "kinit": 'case " $* " in *" -k "*) ;; *) args=(-k -t "$LAB_SVC_KEYTAB" "$LAB_SVC_PRINCIPAL") ;; esac\n'
             'exec /usr/bin/kinit "${args[@]}"\n',
    # It asks on a terminal: there is one, and somebody who says yes.
    "scpctl": 'if [ "$*" != sync ]; then exec "$DOCS_SCPCTL" "${args[@]}"; fi\n'
              'echo y | script -qefc "$DOCS_SCPCTL sync" /dev/null\n',
    # It goes on for ever: it is ended after its first cycle, and must end well.
    "scpd": 'exec /usr/bin/python3 "$DOCS_ROOT/one_cycle.py" "$DOCS_SCPD" "${args[@]}"\n',
}

ONE_CYCLE = """import os, socket, subprocess, sys
notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notices.bind(os.environ["DOCS_ROOT"] + "/notify")
notices.settimeout(60)
scpd = subprocess.Popen(sys.argv[1:], env=os.environ | {"NOTIFY_SOCKET": os.environ["DOCS_ROOT"] + "/notify"})
try:
    while b" in sync" not in notices.recv(65536):
        pass
finally:
    scpd.terminate()
sys.exit(scpd.wait())
"""

# What sudo may be asked for: it changes files, and only below the session's root.
BY_SUDO = {"scpctl", "install", "sed", "mkdir"}


def is_mapped(command: str) -> bool:
    """Nothing else is run: it would be done to this machine."""
    words = re.sub(r"^\w+=\$\(", "", command.strip()).split()
    return words[0] in WRAPPERS and (words[0] != "sudo" or words[1] in BY_SUDO)


class Session:
    """One document's: a root of its own with the document's settings in etc, and programs by their names."""

    def __init__(self, lab: Lab, scratch: Path, settings: str):
        self.lab, self.scratch = lab, scratch
        self.root = scratch / "root"
        config = self.root / "etc/scpd"
        (config / "scpd.d").mkdir(parents=True)
        (config / "scpd.yaml").write_text(settings)
        (config / "scpd.d" / "lab.yaml").write_text(yaml.safe_dump({"forests": [self._forest(settings)]}))
        keytab = lab.kdc.keytab("svc-scpd")
        for place in (config / "scpd.keytab", scratch / "scpd.keytab"):
            shutil.copy(keytab, place)
        shutil.copy(lab.password_file("svc"), scratch / "pw")
        (self.root / "etc/credstore").mkdir()
        (self.root / "path/to").mkdir(parents=True)
        (self.root / "path/to/agent.log").write_text(
            f"2015-01-16 23:07:58.0656 Px1700  Tx5 A- C- M- Info Waiting for agent settings: Not found: {AGENT_FILTER}\n")
        (self.root / "one_cycle.py").write_text(ONE_CYCLE)
        self.programs = scratch / "programs"
        self.programs.mkdir()
        for name, body in WRAPPERS.items():
            (self.programs / name).write_text(WRAPPER + body)
            (self.programs / name).chmod(0o755)

    def _forest(self, settings: str) -> dict:
        """What the lab has instead of DNS and of the document's credentials. Those by Kerberos serve as they are."""
        auth = yaml.safe_load(settings)["forests"][0]["auth"]["mechanism"]
        forest = self.lab.settings(auth=auth, tls=auth == "simple")["forests"][0]
        if auth != "simple":
            del forest["auth"]
        return forest

    def run(self, lines: list[str]) -> list[tuple[int, str]]:
        """Of each command its exit status and what it printed."""
        script = "".join(f"{{ {line}\n}} >{n}.out 2>&1 </dev/null\necho $? >{n}.status\n" for n, line in enumerate(lines))
        clean = Scpctl(self.scratch).environment(self.lab)
        known = {name: value for name, value in environment(self.lab).items() if name.startswith(("LAB_", "KRB5"))}
        subprocess.run(["bash", "-u"], input=script, text=True, cwd=self.scratch, check=True, timeout=300, env=clean | known | {
            "PATH": f"{self.programs}:/usr/bin:/bin", "DOCS_ROOT": str(self.root),
            "DOCS_SCPCTL": str(program("scpctl")), "DOCS_SCPD": str(program("scpd")),
            "SCPD_CONFIG": str(self.root / "etc/scpd/scpd.yaml"),
            "CREDENTIALS_DIRECTORY": str(self.root / "etc/credstore"), "TERM": "dumb"})
        return [(int((self.scratch / f"{n}.status").read_text()), (self.scratch / f"{n}.out").read_text(errors="replace"))
                for n in range(len(lines))]


@pytest.fixture(scope="module")
def lab():
    with Lab(kerberos=True) as one:
        yield one


def settings_of(path: Path) -> str:
    """The document's own, else the README's."""
    return next(block.text for name in (path, DOCUMENTS[0]) for block in blocks(name)
                if block.language == "yaml" and block.text.startswith("instance:"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_does_what_it_is_there_for(world, scratch, path):
    lines = [command for block in blocks(path) if block.language == "sh" for command in commands(block)]
    here = [line for line in lines if not why_not_here(line)]
    unknown = [line for line in here if not is_mapped(line)]
    assert not unknown, f"neither mapped nor listed in NOT_HERE: {unknown}"
    results = Session(world.lab, scratch, settings_of(path)).run(here)
    wrong = [f"{line}\n  exit {status}, expected {expected(path.name, line)}\n{text}"
             for line, (status, text) in zip(here, results) if status != expected(path.name, line)]
    assert not wrong, "\n".join(wrong)


def test_what_does_not_run_here_is_listed_and_counted():
    every = [command for path in DOCUMENTS for block in blocks(path) if block.language == "sh" for command in commands(block)]
    left_out = [command for command in every if why_not_here(command)]
    windows = [command for path in DOCUMENTS for block in blocks(path) if block.language == "powershell"
               for command in commands(block)]
    print(f"{len(every) - len(left_out)} commands run, {len(left_out)} not here, {len(windows)} for Windows")
    assert len(left_out) <= MOST_NOT_HERE
    for pattern in NOT_HERE:
        assert any(re.fullmatch(pattern, bare(one)) for one in left_out), f"{pattern}: is nowhere"
    for command in windows:
        assert re.match(r"(New-AD\w+|dsacls|ktpass) ", command), f"{command}: is that for Windows?"
