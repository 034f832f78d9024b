"""The unit, and what makes its user, as systemd's own tools see them."""

import re
import subprocess
from pathlib import Path

from deb import SOURCE_ROOT
from scplab.runner import program

UNIT = SOURCE_ROOT / "packaging" / "scpd.service"


def said(*command) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_systemd_finds_nothing_wrong_in_it(tmp_path: Path):
    unit = tmp_path / UNIT.name
    text = UNIT.read_text().replace("/usr/sbin/scpd", str(program("scpd")))
    unit.write_text(text.replace("/usr/bin/scpctl", str(program("scpctl"))).replace("man:scpd(8) man:scpd.yaml(5) ", ""))
    assert "scpd.service" not in said("systemd-analyze", "verify", "--recursive-errors=no", unit)


def test_its_exposure_is_at_most_one_point_two():
    told = said("systemd-analyze", "security", "--offline=true", "--threshold=12", "--no-pager", UNIT)
    assert float(re.search(r"Overall exposure level for scpd.service: ([0-9.]+)", told)[1]) <= 1.2


def test_a_laxer_unit_would_be_noticed(tmp_path: Path):
    lax = tmp_path / UNIT.name
    lax.write_text(UNIT.read_text().replace("PrivateUsers=yes\n", "").replace("ProtectSystem=strict\n", ""))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=12", "--no-pager", lax], capture_output=True
    )
    assert done.returncode == 1


def test_its_user_is_made_from_nothing(tmp_path: Path):
    (tmp_path / "etc").mkdir()
    said("systemd-sysusers", f"--root={tmp_path}", SOURCE_ROOT / "packaging" / "sysusers.conf")
    user = next(line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("scpd:"))
    name, _, number, *_, home, shell = user.split(":")
    assert int(number) < 1000 and home == "/var/lib/scpd" and shell.endswith("nologin")
