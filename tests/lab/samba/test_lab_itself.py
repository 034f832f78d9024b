"""The lab keeps its promises: several at once; all processes end with it, however that ends."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import ldap
import pytest

from sambalab import LabError, SambaLab

HERE = Path(__file__).resolve().parent
DC = str(HERE / "dc")


def wait_for_end(pid: int, seconds: float = 20) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], seconds)[0])
    finally:
        os.close(handle)


def wait_until(condition, seconds: float = 60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError(f"not so within {seconds} s")


def child_of(pid: int) -> int | None:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):  # ended meanwhile
        return ""


def processes_of(lab_pid: int) -> list[int]:
    """All processes in the lab's pid namespace, as seen from here."""
    wanted = os.readlink(f"/proc/{lab_pid}/ns/pid")
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{entry}/ns/pid") == wanted:
                found.append(int(entry))
        except OSError:
            pass
    return found


def test_two_labs_side_by_side_do_not_see_each_other(samba_available):
    with SambaLab() as one, SambaLab() as other:
        with one.product_scp() as dn:
            assert one.read(dn) is not None
            assert other.read(dn) is None


def test_all_processes_end_when_the_owner_is_killed(samba_available, tmp_path):
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, sambalab; lab = sambalab.SambaLab(sys.argv[1]).up();"
            "client = lab.client_popen(['sleep', '1000']);"
            "print(lab.info['pid'], client.pid, flush=True); sys.stdin.read()",
            str(tmp_path / "lab"),
        ],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    lab_pid, client_pid = map(int, owner.stdout.readline().split())
    everything = processes_of(lab_pid) + [client_pid]
    assert len(everything) > 10
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    assert all(wait_for_end(pid) for pid in everything)


def test_nothing_goes_on_when_the_command_is_killed_while_it_builds(samba_available, tmp_path):
    """Regression: provisioning ran to its end, in a folder that nobody wanted any more."""
    lab = tmp_path / "lab"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "empty cache")}
    up = subprocess.Popen([DC, "up", lab], env=environment, stdout=subprocess.DEVNULL)
    unshare = wait_until(lambda: child_of(up.pid))
    process_1 = wait_until(lambda: child_of(unshare))
    try:
        wait_until(lambda: any("samba-tool" in command_of(p) for p in processes_of(process_1)))
        everything = processes_of(process_1)
    finally:
        up.kill()
        up.wait()
    assert all(wait_for_end(pid, 5) for pid in everything)
    assert subprocess.run([DC, "down", lab]).returncode == 0 and not lab.exists()


def test_the_command_brings_up_runs_in_and_takes_down(samba_available, tmp_path):
    lab = str(tmp_path / "lab")
    up = subprocess.run([DC, "up", lab], capture_output=True, text=True)
    assert up.returncode == 0, up.stderr
    inside = SambaLab.attach(lab)
    assert up.stdout == (tmp_path / "lab" / "lab.json").read_text()
    everything = processes_of(inside.info["pid"])

    again = subprocess.run([DC, "up", lab], capture_output=True, text=True)
    assert again.returncode == 1 and "not empty" in again.stderr

    found = subprocess.run(
        [DC, "exec", lab, "sh", "-c", "pwd; dig +short SRV _ldap._tcp.dc._msdcs.corp.test"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert found.stdout.splitlines() == [str(tmp_path), "0 100 389 dc1.corp.test."]

    refused = subprocess.run([DC, "kill", lab, "dc2"], capture_output=True, text=True)
    assert refused.returncode == 1 and "dc2: not of this lab" in refused.stderr

    assert subprocess.run([DC, "down", lab]).returncode == 0
    assert not os.path.exists(lab)
    assert all(wait_for_end(pid, 0) for pid in everything)
    assert subprocess.run([DC, "down", lab]).returncode == 0  # nothing there, nothing to do


def test_a_folder_that_is_no_lab_is_left_alone(samba_available, tmp_path):
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(LabError, match="no folder of a lab"):
        SambaLab.remove(tmp_path)
    with pytest.raises(LabError, match="not empty"):
        SambaLab(tmp_path).up()
    assert (tmp_path / "mine").read_text() == "keep"


def test_the_lab_has_no_way_out_and_is_not_seen_from_outside(samba_lab):
    routes = samba_lab.client_run(["ip", "-o", "route"], capture_output=True).stdout
    assert routes.splitlines() == ["10.99.0.0/24 dev br0 proto kernel scope link src 10.99.0.1 "]
    outside = ldap.initialize(f"ldap://{samba_lab.info['address']}")
    outside.set_option(ldap.OPT_NETWORK_TIMEOUT, 1)
    with pytest.raises((ldap.SERVER_DOWN, ldap.TIMEOUT)):
        outside.simple_bind_s()
