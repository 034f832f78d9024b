"""Labs come up, run side by side, take faults, and leave nothing behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ldap
import pytest

from scplab import Lab, LabError, addresses
from scplab.forest import DOMAINS, PASSWORD, SVC
from scplab.process import start_ticks, wait_until

FOREST = Path(__file__).with_name("forest")
KEYS = [domain.key for domain in DOMAINS]
PARENT = "import sys; sys.path.insert(0, sys.argv[1])\nfrom scplab import Lab\n"


def run_forest(*arguments, **options):
    return subprocess.run(
        [FOREST, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options
    )


def assert_gone(document):
    """Nothing of the lab is left: no process, no listener, no file."""
    servers = document["domains"] + [document["gc"]]
    for server in servers:
        wait_until(
            lambda: start_ticks(server["pid"]) != server["started"],
            10,
            f"the end of {server['name']}",
        )
        with socket.socket() as probe:
            assert probe.connect_ex((server["address"], int(server["ldap"].rsplit(":", 1)[1]))) != 0
    wait_until(lambda: not Path(document["dir"]).exists(), 10, "the removal of the directory")


# ---- faults


def test_a_stopped_server_refuses_and_comes_back(fresh_lab):
    fresh_lab.stop("apac")
    with pytest.raises(ldap.SERVER_DOWN):
        fresh_lab.connect("apac")
    assert fresh_lab.connect("emea").get("CN=System")
    fresh_lab.start("apac")
    assert fresh_lab.connect("apac").get("CN=System")


def test_a_paused_server_answers_nothing_until_resumed(fresh_lab):
    connection = ldap.initialize(fresh_lab.server("apac").ldap)
    fresh_lab.pause("apac")
    bind = connection.simple_bind(SVC.dn, PASSWORD)
    with pytest.raises(ldap.TIMEOUT):
        connection.result(bind, timeout=0.2)
    fresh_lab.resume("apac")
    assert connection.result(bind, timeout=10)[0] == ldap.RES_BIND
    connection.unbind_s()


# ---- several at once; nothing left behind


def test_labs_run_side_by_side():
    with ThreadPoolExecutor(4) as pool:
        documents = [
            json.loads(done.stdout)
            for done in pool.map(
                lambda n: run_forest("run", "--no-gc", "--", "sh", "-c", "cat $LAB_JSON"), range(4)
            )
        ]
    assert len({tuple(document["block"]) for document in documents}) == 4


def test_a_taken_block_is_left_for_another(monkeypatch):
    with Lab(gc=False) as first:
        blocks = iter([first.block, addresses.Block.pick()])
        monkeypatch.setattr(addresses.Block, "pick", classmethod(lambda cls: next(blocks)))
        with Lab(gc=False) as second:
            assert second.block != first.block
            assert second.agent_search(account="agent_emea").found == 1
        assert first.agent_search(account="agent_emea").found == 1


def test_a_lab_is_up_in_a_second_and_leaves_nothing():
    with Lab(gc=False):
        pass  # so that the cache is filled
    begin = time.monotonic()
    with Lab() as one:
        took = time.monotonic() - begin
        document = one.document()
    assert_gone(document)
    assert took < 5, "about a second on an idle machine; the bound is for a busy one"


def test_up_and_down_as_commands(scratch):
    directory = scratch / "lab"
    up = run_forest("up", directory)
    assert up.returncode == 0, up.stderr
    document = json.loads(up.stdout)
    assert document == json.loads((directory / "lab.json").read_text())
    again = run_forest("up", directory)
    assert again.returncode == 1 and "not empty" in again.stderr
    exports = run_forest("env", directory).stdout
    assert f"export LAB_EMEA_LDAPS={document['domains'][1]['ldaps']}\n" in exports
    assert run_forest("pause", directory, "emea").returncode == 0  # down() ends a frozen server too
    assert run_forest("down", directory).returncode == 0
    assert_gone(document)
    assert run_forest("down", directory).returncode == 0


def test_the_faults_as_commands(scratch):
    directory = scratch / "lab"
    document = json.loads(run_forest("up", directory, "--no-gc").stdout)
    address = (document["domains"][1]["address"], addresses.LDAP)
    try:
        assert run_forest("stop", directory, "emea").returncode == 0
        assert socket.socket().connect_ex(address) != 0
        assert run_forest("start", directory, "emea").returncode == 0
        assert socket.socket().connect_ex(address) == 0
        wrong = run_forest("stop", directory, "nowhere")
        assert wrong.returncode == 1 and "nowhere" in wrong.stderr
    finally:
        assert run_forest("down", directory).returncode == 0


def test_down_touches_no_other_folder(scratch):
    (scratch / "mine").mkdir()
    (scratch / "mine" / "file").write_text("x")
    refused = run_forest("down", scratch / "mine")
    assert refused.returncode == 1 and "holds no lab" in refused.stderr
    assert (scratch / "mine" / "file").exists()


def test_run_gives_the_commands_own_exit_code_and_leaves_nothing():
    done = run_forest("run", "--", "sh", "-c", "cat $LAB_JSON; exit 7")
    assert done.returncode == 7
    assert_gone(json.loads(done.stdout))


def up_in_a_child(ending):
    """Another process brings a lab up, tells of it, and then lives or ends by `ending` (Python)."""
    code = (
        PARENT
        + f"""
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where tests run in the background
with Lab() as lab:
    print((lab.dir / 'lab.json').read_text(), end='\\0', flush=True)
    {ending}
"""
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(FOREST.parent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    told = b""
    while not told.endswith(b"\0"):
        piece = os.read(child.stdout.fileno(), 65536)
        assert piece, "the child brought no lab up"
        told += piece
    return child, json.loads(told[:-1])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_parent_dies(number):
    child, document = up_in_a_child("import time; time.sleep(600)")
    child.send_signal(number)
    child.wait(timeout=60)
    child.stdout.close()
    assert_gone(document)


def test_nothing_is_left_when_the_parent_fails():
    child, document = up_in_a_child("raise RuntimeError")
    child.wait(timeout=60)
    child.stdout.close()
    assert_gone(document)


def test_too_long_a_path_is_refused_in_words(scratch):
    with pytest.raises(LabError, match="too long a path"):
        Lab(scratch / ("x" * 100)).up()
    assert not (scratch / ("x" * 100)).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="it is an ordinary user who runs these tests already")
def test_an_ordinary_user_may_run_it(scratch):
    # A copy: the tree may lie where only its owner may look, such as /root.
    copy = scratch / "lab"
    shutil.copytree(FOREST.parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["chmod", "-R", "a+rX", scratch], check=True)
    script = (
        "set -e; cd /; cache=$(mktemp -d); trap 'rm -rf $cache' EXIT; SCPLAB_CACHE=$cache "
        f"PYTHONDONTWRITEBYTECODE=1 {sys.executable} {copy / FOREST.name} run -- "
        "sh -c 'cat $LAB_JSON'"
    )
    done = subprocess.run(
        [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--no-new-privs",
            "sh",
            "-c",
            script,
        ],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    assert_gone(json.loads(done.stdout))


# ---- Kerberos


def test_kerberos_logs_the_service_account_in_at_every_server():
    with Lab(kerberos=True) as lab:
        document = lab.document()
        environment = lab.client_environment()
        lab.kinit()
        for key in [*KEYS, "gc"]:
            who = subprocess.run(
                ["ldapwhoami", "-Q", "-Y", "GSSAPI", "-H", lab.server(key).ldap],
                text=True,
                capture_output=True,
                env=environment,
                check=True,
            )
            assert who.stdout.strip().lower() == "dn:" + SVC.dn.lower()
        kdc = document["kerberos"]
    assert start_ticks(kdc["pid"]) != kdc["started"]
