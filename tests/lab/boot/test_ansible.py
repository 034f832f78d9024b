"""The Ansible role on a machine of its own: the package, the credentials and the service, by systemd."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import yaml

import clean_root as roots
import machine as machines
from host import Host
from scplab import Lab, plays
from scplab.forest import PASSWORD, SVC
from scplab.runner import SOURCE_ROOT

ANSIBLE = SOURCE_ROOT / "packaging" / "ansible"


@pytest.fixture(scope="module")
def bare(package: Path, lab: Lab) -> Iterator[Host]:
    """A booted machine with Ansible on it, and without scpd."""
    if reason := machines.why_not() or roots.why_not():
        if os.environ.get("SCP_ALLOW_SKIP") == "1":
            pytest.skip(f"SKIPPED BY SCP_ALLOW_SKIP: {reason}")
        pytest.fail(f"{reason} (SCP_ALLOW_SKIP=1 skips these tests)", pytrace=False)
    with mock.patch.object(roots, "MACHINE", [*roots.MACHINE, "ansible-core", "python3-apt"]):
        root = roots.clean_root(package)
    with machines.Machine(root, [package.parent, ANSIBLE]) as machine:
        yield Host(machine, lab)


class Play:
    def __init__(self, host: Host, package: Path):
        self.host = host
        forest = host.lab.settings()["forests"][0]
        forest["auth"] = {"mechanism": "simple", "bind_dn": SVC.dn, "credential": "scpd.password"}
        forest["tls"]["ca_file"] = "/etc/scpd-ca.pem"
        host.write("/etc/scpd-ca.pem", host.lab.ca_file.read_text())
        self.settings = host.lab.settings() | {"forests": [forest]}
        self.variables = {"scpd_deb": str(package), "scpd_credentials": {"scpd.password": PASSWORD}}

    def run(self, *arguments: str, **different) -> tuple[str, list[str]]:
        """What it said, and the tasks and handlers that changed something."""
        play = [{"hosts": "localhost", "connection": "local", "roles": ["scpd"],
                 "vars": self.variables | {"scpd_settings": self.settings} | different}]
        self.host.write("/root/play.yml", yaml.safe_dump(play), "600")
        said = self.host.run("env", f"ANSIBLE_ROLES_PATH={ANSIBLE}/roles", "HOME=/root", "ansible-playbook", "-i", "localhost,",
                             *arguments, "/root/play.yml", timeout=400)
        assert PASSWORD not in said
        return said, plays.changed(said)


def test_from_a_bare_machine_to_a_service_that_follows_its_settings(bare, package):
    play = Play(bare, package)
    said, _ = play.run("--check", "--diff")
    assert "+instance: lab" in said
    assert bare.try_run("test", "-e", "/etc/scpd/scpd.yaml").returncode != 0

    _, changed = play.run()
    assert {"Install the package", "Write the settings", "Enable and start the service"} <= set(changed)
    bare.wait_status("in sync")
    assert bare.lab.agent_search().found == 1
    assert bare.run("systemctl", "is-enabled", "scpd").strip() == "enabled"
    assert bare.run("stat", "-c", "%a %U", "/etc/credstore/scpd.password").split() == ["600", "root"]

    said, changed = play.run("--diff", scpd_sync=True)
    assert changed == [], said

    pid = bare.show("MainPID")
    play.settings["limits"] = {"changes": 9}
    said, changed = play.run()
    assert changed == ["Write the settings", "Reload scpd"], said
    assert bare.show("MainPID") == pid, bare.journal()
    assert "new settings loaded" in bare.journal()

    play.variables["scpd_credentials"] = {"scpd.password": PASSWORD + "\n"}  # the same by its first line
    said, changed = play.run()
    assert changed == ["Write the credentials that are text", "Restart scpd"], said
    assert bare.show("MainPID") not in (pid, "0")
    bare.wait_status("in sync")
