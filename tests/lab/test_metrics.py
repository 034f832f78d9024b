"""What scpd tells Prometheus: scraped, and in a file, while it works, holds, loses a domain and is reloaded."""

from __future__ import annotations

import re
import socket
import stat
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from scplab.process import wait_until
from scplab.runner import Daemon
from scplab.world import World, content

DEADLINE = 30  # seconds; what is waited for here takes milliseconds on an idle machine
# CONTRACT.md, "Daemon"
CONTRACT = {
    "scpd_state": set(),
    "scpd_cycle_seconds_count": set(),
    "scpd_cycles_total": {"trigger"},
    "scpd_changes_total": {"rule", "op", "result"},
    "scpd_held": {"rule", "reason"},
    "scpd_domain_complete": {"domain"},
    "scpd_domain_last_seen_timestamp_seconds": {"domain"},
    "scpd_propagation_seconds_count": set(),
    "scpd_ldap_operations_total": {"op", "result"},
    "scpd_copies": {"rule", "state"},
}


def parse(text: str) -> dict[str, float]:
    """name{a="b",c="d"} → value, labels sorted."""
    series = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            name, _, labels = name.partition("{")
            labels = ",".join(sorted(re.findall(r'\w+="[^"]*"', labels)))
            series[f"{name}{{{labels}}}" if labels else name] = float(value)
    return series


def url(daemon: Daemon) -> str:
    """Where it listens now."""
    daemon.wait_log("metrics at http", DEADLINE)
    return re.findall(r"metrics at (http\S+)", daemon.log())[-1]


def scrape(daemon: Daemon) -> dict[str, float]:
    with urllib.request.urlopen(url(daemon), timeout=20) as answer:
        return parse(answer.read().decode())


def wait_value(daemon: Daemon, series: str, value: float) -> dict[str, float]:
    seen: list[dict[str, float]] = []

    def shown() -> bool:
        seen[:] = [scrape(daemon)]
        return seen[0].get(series) == value

    daemon.wait(shown, f"{series} {value:g}", DEADLINE)
    return seen[0]


def following(world: World, domain: str = "corp") -> bool:
    copy, source = world.copy(domain), world.source()
    return copy is not None and content(copy) == content(source)


def change(world: World, value: str) -> None:
    world.emea.modify(world.source_dn, {"serviceBindingInformation": [value, "Port=1433"]})


@pytest.fixture(autouse=True)
def any_port(world: World) -> None:
    world.settings["metrics"] = {"listen": "127.0.0.1:0"}


def start(world: World, scpd) -> Daemon:
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    daemon.wait(lambda: following(world), "the copy", DEADLINE)
    return daemon


def test_all_that_the_contract_names(world: World, scpd):
    world.another_rule("watched", mode="observe", match={"keywords": ["watched"]})
    world.emea.add_scp("watched", ["watched"], ["its=own"], "CN=System")
    daemon = start(world, scpd)
    daemon.wait_log("held: ", DEADLINE)
    wait_value(daemon, 'scpd_changes_total{op="create",result="done",rule="mage"}', 1)
    with urllib.request.urlopen(url(daemon)) as answer:
        text = answer.read().decode()
    series = parse(text)
    for name, labels in CONTRACT.items():
        found = [one for one in series if one.partition("{")[0] == name]
        assert found, f"{name} is not there:\n{text}"
        for one in found:
            assert set(re.findall(r'(\w+)="', one)) == labels, one
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_changes_are_counted_and_timed(world: World, scpd):
    daemon = start(world, scpd)
    first = wait_value(
        daemon, 'scpd_changes_total{op="create",result="done",rule="mage"}', 1
    )
    assert first["scpd_state"] == 1
    assert first['scpd_cycles_total{trigger="start"}'] == 1
    assert first['scpd_domain_complete{domain="emea.corp.test"}'] == 1
    seen = first['scpd_domain_last_seen_timestamp_seconds{domain="emea.corp.test"}']
    assert abs(seen - time.time()) < 60
    assert first['scpd_ldap_operations_total{op="add",result="ok"}'] == 1
    assert first['scpd_ldap_operations_total{op="connect",result="ok"}'] >= 4
    assert first['scpd_ldap_operations_total{op="search",result="ok"}'] >= 4
    assert first["scpd_propagation_seconds_count"] == 0, "nobody saw a change before the first cycle"

    daemon.wait_log("watching emea.corp.test by", DEADLINE)
    change(world, "after=start")
    after = wait_value(daemon, 'scpd_changes_total{op="update",result="done",rule="mage"}', 1)
    assert after['scpd_ldap_operations_total{op="modify",result="ok"}'] == 1
    assert after["scpd_propagation_seconds_count"] == 1
    assert 0.05 < after["scpd_propagation_seconds_sum"] < DEADLINE
    assert after['scpd_copies{rule="mage",state="in-sync"}'] == 1


def test_a_domain_that_is_down_and_comes_back(world: World, scpd):
    world.rule["targets"]["domains"] = ["apac.corp.test"]
    world.rule["trust"] = {"domains": ["emea.corp.test"]}
    daemon = start(world, scpd)
    before = wait_value(daemon, 'scpd_copies{rule="mage",state="in-sync"}', 2)
    last_seen = 'scpd_domain_last_seen_timestamp_seconds{domain="%s.corp.test"}'
    world.stop("apac")
    next_second = time.time() + 1  # which is as exactly as it is told
    wait_value(daemon, 'scpd_domain_complete{domain="apac.corp.test"}', 0)
    daemon.wait(lambda: time.time() > next_second, "the next second", DEADLINE)
    change(world, "while=down")
    daemon.wait(lambda: scrape(daemon)[last_seen % "emea"] >= int(next_second), "a read of emea", DEADLINE)
    down = scrape(daemon)
    assert down["scpd_state"] == 2
    assert down['scpd_domain_complete{domain="corp.test"}'] == 1
    assert down['scpd_held{reason="domain-incomplete",rule="mage"}'] >= 1
    assert down[last_seen % "apac"] < down[last_seen % "emea"]
    assert down[last_seen % "apac"] >= before[last_seen % "apac"]
    failed = [name for name in down if 'op="connect"' in name and 'result="unreachable"' in name]
    assert failed, down
    world.start("apac")
    up = wait_value(daemon, 'scpd_domain_complete{domain="apac.corp.test"}', 1)
    assert up[last_seen % "apac"] > down[last_seen % "apac"]
    wait_value(daemon, "scpd_state", 1)
    wait_value(daemon, 'scpd_held{reason="domain-incomplete",rule="mage"}', 0)


def test_paused_and_held(world: World, scpd):
    world.rule["mode"] = "observe"
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    wait_value(daemon, 'scpd_held{reason="mode-forbids",rule="mage"}', 1)
    world.rule["mode"] = "upsert"
    world.rule["name"] = "renamed"
    world.config()
    daemon.reload()
    daemon.wait(lambda: following(world), "the copy", DEADLINE)
    now = wait_value(daemon, 'scpd_changes_total{op="create",result="done",rule="renamed"}', 1)
    assert not any("mode-forbids" in name for name in now), now


# ---- where they can be read


def test_the_file_is_what_is_served(world: World, scpd, scratch: Path):
    path = scratch / "scpd.prom"
    world.settings["metrics"]["textfile"] = str(path)
    daemon = start(world, scpd)
    # Whatever is read is whole: it is read as fast as can be while it is replaced.
    for number in range(3):
        change(world, f"change={number}")
        daemon.wait(lambda: following(world) and _whole(path), "the copy", DEADLINE)
    daemon.wait(
        lambda: parse(path.read_text()).get(
            'scpd_changes_total{op="create",result="done",rule="mage"}'
        )
        == 1,
        "the file",
        DEADLINE,
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert set(parse(path.read_text())) <= set(scrape(daemon))
    assert [one.name for one in scratch.glob("scpd.prom*")] == ["scpd.prom"]


def _whole(path: Path) -> bool:
    if path.exists():
        text = path.read_text()
        assert text.endswith("\n") and set(parse(text)) >= {"scpd_state"}, text
    return True


def test_a_file_that_cannot_be_written_is_told_once_and_stops_nothing(
    world: World, scpd, scratch: Path
):
    path = scratch / "later" / "scpd.prom"
    world.settings["metrics"] = {"listen": "off", "textfile": str(path)}
    daemon = start(world, scpd)
    daemon.wait_log("warning the metrics file cannot be written: .*No such file", DEADLINE)
    daemon.wait_log("watching emea.corp.test by", DEADLINE)
    for number in range(3):
        change(world, f"change={number}")
        daemon.wait(lambda: following(world), "the copy", DEADLINE)
    path.parent.mkdir()
    change(world, "now=there")
    daemon.wait_log("the metrics file .* is written again", DEADLINE)
    assert "scpd_state 1" in path.read_text()
    assert daemon.log().count("the metrics file cannot be written") == 1


def test_a_port_that_is_taken_is_told_once_and_taken_when_it_is_free(world: World, scpd):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        world.settings["metrics"]["listen"] = f"127.0.0.1:{port}"
        daemon = start(world, scpd)
        daemon.wait_log(
            rf"warning no metrics at 127\.0\.0\.1:{port}: Address already in use", DEADLINE
        )
        daemon.wait_log("watching emea.corp.test by", DEADLINE)
        for number in range(2):
            change(world, f"change={number}")
            daemon.wait(lambda: following(world), "the copy", DEADLINE)
    change(world, "port=free")
    assert url(daemon) == f"http://127.0.0.1:{port}/metrics"
    assert daemon.log().count("no metrics at") == 1
    wait_value(daemon, "scpd_state", 1)


def test_a_reload_moves_it_and_ends_it(world: World, scpd):
    daemon = start(world, scpd)
    first = url(daemon)
    scrape(daemon)
    world.settings["metrics"]["listen"] = "127.0.0.2:0"
    world.config()
    daemon.reload()
    daemon.wait(lambda: "127.0.0.2" in url(daemon), "another port", DEADLINE)
    counted = scrape(daemon)
    assert counted['scpd_changes_total{op="create",result="done",rule="mage"}'] == 1, "they go on"
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(first, timeout=5)
    second = url(daemon)
    world.settings["metrics"]["listen"] = "off"
    world.config()
    daemon.reload()
    daemon.wait(lambda: daemon.log().count("new settings loaded") == 2, "the new settings")

    def refused() -> bool:
        try:
            urllib.request.urlopen(second, timeout=5).close()
        except urllib.error.URLError:
            return True
        return False

    wait_until(refused, DEADLINE, "the port to close")


def test_clients_that_say_nothing_keep_nobody_waiting(world: World, scpd):
    daemon = start(world, scpd)
    address = url(daemon).split("/")[2].split(":")
    idle = [socket.create_connection((address[0], int(address[1]))) for _ in range(20)]
    try:
        idle[0].sendall(b"GET /metrics HTTP/1.1\r\nHost:")
        change(world, "while=idle")
        daemon.wait(lambda: following(world), "the copy", DEADLINE)
        assert daemon.stop(timeout=10) == 0
    finally:
        for one in idle:
            one.close()


def test_nothing_else_is_served(world: World, scpd):
    daemon = start(world, scpd)
    base = url(daemon).removesuffix("/metrics")
    for path in ("/", "/metrics/../../etc/passwd", "/etc/passwd"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(base + path)
        assert refused.value.code in (400, 403, 404), path
