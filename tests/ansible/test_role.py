"""The Ansible role, run for real on this machine: into folders of its own, with scpd and the lab's forest beside.

Installing the package and systemd's part need a host to themselves: tests/lab/boot/test_ansible.py boots one.
"""

from __future__ import annotations

import copy
import os
import re
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from scplab import plays
from scplab.runner import SOURCE_ROOT, program

ANSIBLE = SOURCE_ROOT / "packaging" / "ansible"
SECRET, KEYTAB = "Vault-Sacred-1", b"\x05\x02\xff\x00keytab"


def environment(scratch: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(scratch), "LANG": "C.UTF-8", "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(scratch / "ansible"), "ANSIBLE_ROLES_PATH": str(ANSIBLE / "roles"),
            "ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_PIPELINING": "True", "ANSIBLE_STDOUT_CALLBACK": "default"}


@dataclass
class Ran:
    code: int
    text: str

    @property
    def counts(self) -> dict[str, int]:
        recap = re.search(r"^localhost +: (.*)$", self.text, re.M)
        assert recap, self.text
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", recap[1])}

    @property
    def changed(self) -> list[str]:
        return plays.changed(self.text)


class Host:
    """A folder that stands for a host's root, and the variables that put the role there."""

    def __init__(self, world, scratch: Path):
        self.scratch = scratch
        self.root = scratch / "root"
        self.settings = copy.deepcopy(world.settings)
        vaulted = scratch / "scpd.keytab"
        vaulted.write_bytes(KEYTAB)
        self.vault("encrypt", str(vaulted))
        self.variables = {
            "scpd_install": False, "scpd_service_manager": "none", "scpd_scpctl": str(program("scpctl")),
            "scpd_config_dir": str(self.root / "etc/scpd"), "scpd_credstore": str(self.root / "etc/credstore"),
            "scpd_config_owner": str(os.geteuid()), "scpd_config_group": str(os.getegid()),
            "scpd_credentials": {"password": SECRET, "scpd.keytab": {"file": str(vaulted)}},
        }
        (self.root / "etc").mkdir(parents=True)

    def vault(self, *arguments: str) -> None:
        key = self.scratch / "vault-key"
        key.write_text("lab")
        subprocess.run(["ansible-vault", *arguments, "--vault-password-file", str(key)], check=True,
                       capture_output=True, env=environment(self.scratch))

    def run(self, *arguments: str, **different) -> Ran:
        variables = self.variables | {"scpd_settings": self.settings} | different
        secrets = self.scratch / "vault.yml"
        secrets.write_text(yaml.safe_dump(variables))
        self.vault("encrypt", str(secrets))
        play = self.scratch / "play.yml"
        play.write_text(yaml.safe_dump([{"hosts": "localhost", "connection": "local", "gather_facts": False, "roles": ["scpd"],
                                         "vars": {"ansible_python_interpreter": "/usr/bin/python3"}}]))
        done = subprocess.run(
            ["ansible-playbook", "-i", "localhost,", "--vault-password-file", str(self.scratch / "vault-key"),
             "-e", f"@{secrets}", *arguments, str(play)],
            capture_output=True, text=True, timeout=400, cwd=self.scratch,
            env=environment(self.scratch) | {"XDG_STATE_HOME": str(self.scratch / "state")})
        ran = Ran(done.returncode, done.stdout + done.stderr)
        assert SECRET not in ran.text, ran.text
        return ran

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.root)): path.read_bytes()
                for path in sorted(self.root.rglob("*")) if path.is_file()}


@pytest.fixture
def host(world, scratch) -> Host:
    return Host(world, scratch)


def test_lint():
    done = subprocess.run(["ansible-lint", "--offline", "--nocolor", "--strict"], cwd=ANSIBLE, capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"} | {
                              name: value for name, value in os.environ.items() if name in ("TMPDIR",)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"on (\d+) files", done.stdout + done.stderr)[1] != "1", "nothing was looked at"


def test_first_run_and_then_nothing_to_do(host, world):
    """--check on a bare host, the run, the sync by it, and what is left to change then: nothing."""
    drop_ins = {"10-limits": {"limits": {"changes": 7}}}
    tried = host.run("--check", "--diff", scpd_drop_ins=drop_ins)
    assert tried.code == 0, tried.text
    assert host.files() == {}
    assert "+instance: lab" in tried.text  # the settings are shown, which hold no secrets

    first = host.run("--diff", scpd_drop_ins=drop_ins)
    assert first.code == 0, first.text
    assert tried.changed == first.changed
    files = host.files()
    assert set(files) == {"etc/scpd/scpd.yaml", "etc/scpd/scpd.d/10-limits.yaml", "etc/credstore/password",
                          "etc/credstore/scpd.keytab"}
    assert yaml.safe_load(files["etc/scpd/scpd.yaml"]) == host.settings
    assert files["etc/credstore/password"].decode() == SECRET
    assert files["etc/credstore/scpd.keytab"] == KEYTAB
    modes = {path: stat.S_IMODE((host.root / path).stat().st_mode) for path in (*files, "etc/credstore")}
    assert modes == {"etc/scpd/scpd.yaml": 0o644, "etc/scpd/scpd.d/10-limits.yaml": 0o644, "etc/credstore/password": 0o600,
                     "etc/credstore/scpd.keytab": 0o600, "etc/credstore": 0o700}

    synced = host.run(scpd_drop_ins=drop_ins, scpd_sync=True, scpd_sync_rule="mage")
    assert (synced.code, synced.changed) == (0, ["Run scpctl sync"]), synced.text
    assert world.copy() is not None

    again = host.run("--diff", scpd_drop_ins=drop_ins, scpd_sync=True)
    assert (again.code, again.counts["changed"]) == (0, 0), again.text
    assert host.files() == files

    (copy_of_it,) = world.corp.copies()
    world.corp.modify(copy_of_it.dn, {"serviceBindingInformation": ["wrong"]})
    would = host.run("--check", scpd_drop_ins=drop_ins, scpd_sync=True)
    assert (would.code, would.changed) == (0, ["Run scpctl sync"]), would.text
    assert world.copy()["serviceBindingInformation"] == ["wrong"]

    world.emea.modify(world.source_dn, {"serviceBindingInformation": []})
    held = host.run(scpd_drop_ins=drop_ins, scpd_sync=True)
    assert (held.code, held.changed) == (0, []), held.text
    assert "source-empty" in held.text


def test_a_change_is_checked_and_then_reloaded(host, world, scpd):
    folder = host.root / "etc/scpd"
    (folder / "scpd.d").mkdir(parents=True)
    (folder / "scpd.yaml").write_text(yaml.safe_dump(host.settings))
    (folder / "scpd.d/theirs.yaml").write_text("log: { level: debug }\n")
    daemon = scpd(world.lab, config=folder / "scpd.yaml").wait_ready()
    host.variables["scpd_reload_command"] = ["kill", "-HUP", str(daemon.pid)]
    before = host.files()

    mode = host.settings["rules"][0].pop("mode")
    host.settings["rules"][0]["mode"] = "upset"
    refused = host.run("--check")
    assert refused.code != 0
    assert "did you mean" in refused.text and "rules[mage].mode" in refused.text
    host.settings["rules"][0]["mode"] = mode
    refused = host.run(scpd_drop_ins={"20-bad": {"rules": [{"name": "second"}]}})  # YAML, and bad beside the others
    assert refused.code != 0
    assert "rules[second]" in refused.text
    assert host.files() == before  # not even what was good

    changed = host.run(scpd_drop_ins={"20-good": {"limits": {"changes": 9}}}, scpd_drop_ins_absent=["theirs"])
    assert changed.code == 0, changed.text
    assert changed.changed[-1] == "Reload scpd without systemd"
    assert sorted(path.name for path in (folder / "scpd.d").iterdir()) == ["20-good.yaml"]
    daemon.wait_log("new settings loaded")
    assert daemon.stop() == 0
