"""What comes of a keytab serves all sessions of a process while it lasts, and is renewed before it ends.

A KDC of its own is each lab's: what is asked of it is read in its log.
"""

from __future__ import annotations

import re
import shutil

import pytest

from fake_server import Deaf
from scplab import Lab
from scplab.clock import HOUR, WallClock
from scplab.forest import SVC
from scplab.world import World, content

DEADLINE = 60  # seconds


@pytest.fixture(scope="module")
def lab():
    with Lab(kerberos=True) as one:
        yield one


@pytest.fixture(autouse=True)
def by_kerberos(world: World):
    world.settings["forests"] = world.lab.settings(auth="gssapi", tls=False)["forests"]
    world.settings["daemon"] |= {"resync": "300ms"}
    world.settings["log"] = {"level": "debug"}


def log_ins(lab: Lab) -> int:
    """Tickets that the KDC gave to scpd's account for itself, not for servers."""
    said = (lab.kdc.directory / "kdc.log").read_text()
    return len(re.findall(rf"AS_REQ .*: ISSUE: .* {SVC.sam}@\S+ for krbtgt/", said))


def tickets(lab: Lab, server: str = r"\S+") -> int:
    said = (lab.kdc.directory / "kdc.log").read_text()
    return len(re.findall(rf"TGS_REQ .*: ISSUE: .* {SVC.sam}@\S+ for ldap/{server}", said))


def follows_a_change(world: World, daemon, value: str) -> None:
    world.emea.modify(world.source_dn, {"serviceBindingInformation": [value]})
    daemon.wait(lambda: (copy := world.copy("corp")) is not None and content(copy) == content(world.source()),
                f"{value} at the copy", DEADLINE)


def failures(daemon) -> list[str]:
    return [line for line in daemon.log().splitlines() if "cannot bind" in line or "not read" in line]


def test_one_log_in_serves_all_servers(world: World, scpctl):
    before, servers = log_ins(world.lab), tickets(world.lab)
    done = scpctl("sync", "--yes", lab=world.lab, config=world.config())
    assert done.returncode == 0, done
    assert log_ins(world.lab) - before == 1
    assert tickets(world.lab) - servers >= 4, "one for each domain's server"


def test_a_daemon_of_many_cycles_asks_once(world: World, scpd):
    before, servers = log_ins(world.lab), tickets(world.lab)
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    daemon.wait(lambda: daemon.log().count("cycle begins") >= 8, "eight cycles", DEADLINE)
    assert log_ins(world.lab) - before == 1
    assert tickets(world.lab) - servers <= len(world.lab.servers)
    assert daemon.stop() == 0, daemon.log()


def test_tickets_of_a_minute_are_renewed_in_time(world: World, scpd):
    """At half their life; libgssapi would ask by itself, and wait, in their last 30 s."""
    world.lab.kdc.administer(f"modprinc -maxlife 60s {SVC.sam}")
    try:
        before = log_ins(world.lab)
        daemon = scpd(world.lab, config=world.config()).wait_ready()
        daemon.wait(lambda: log_ins(world.lab) - before >= 3, "two renewals", 2 * DEADLINE)
        follows_a_change(world, daemon, "after=renewals")  # the first ticket has ended
        assert log_ins(world.lab) - before == 3
        assert failures(daemon) == []
        assert daemon.stop() == 0, daemon.log()
    finally:
        world.lab.kdc.administer(f"modprinc -maxlife 24h {SVC.sam}")


def test_while_tickets_last_no_kdc_is_needed(world: World, scpd):
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    follows_a_change(world, daemon, "with=kdc")
    world.lab.kdc.process.end()
    try:
        begun = daemon.log().count("cycle begins")
        follows_a_change(world, daemon, "without=kdc")
        daemon.wait(lambda: daemon.log().count("cycle begins") >= begun + 3, "three more cycles", DEADLINE)
        assert failures(daemon) == []
        assert daemon.stop() == 0, daemon.log()
    finally:
        world.lab.kdc.start(die_with_parent=True)


def test_a_keytab_that_is_put_in_place_of_another_is_used(world: World, scpd, scratch):
    keytab = scratch / "svc.keytab"
    shutil.copy(world.lab.kdc.keytab(SVC.sam), keytab)
    world.forest_settings["auth"]["keytab"] = str(keytab)
    daemon = scpd(world.lab, config=world.config()).wait_ready()
    follows_a_change(world, daemon, "key=old")
    before = log_ins(world.lab)
    # The password is changed first: what there is still goes on meanwhile.
    world.lab.kdc.administer(f"cpw -randkey {SVC.sam}")
    world.lab.kdc.administer(f"ktadd -k {scratch / 'new'} -norandkey {SVC.sam}")
    follows_a_change(world, daemon, "key=changed")
    (scratch / "new").rename(keytab)
    daemon.wait(lambda: log_ins(world.lab) > before, "a log-in with the new key", DEADLINE)
    follows_a_change(world, daemon, "key=new")
    assert failures(daemon) == []
    assert daemon.stop() == 0, daemon.log()
    shutil.copy(keytab, world.lab.kdc.keytab(SVC.sam))  # for the tests after this one


@pytest.fixture
def silent_first(world: World):
    """The environment of a program that asks another KDC first, one that takes connections and says nothing: libkrb5
    gives it 10 s, at each request."""
    kdc, address = world.lab.kdc, world.lab.block.address(92)
    conf = kdc.directory / "silent-first.conf"
    conf.write_text(kdc.krb5_conf.read_text().replace("  kdc = ", f"  kdc = {address}:18088\n  kdc = ", 1))
    world.forest_settings["timeouts"] = {"connect": "1s"}
    with Deaf(address, 18088):
        yield {"KRB5_CONFIG": str(conf)}


@pytest.mark.parametrize("auth", ["gssapi", "ccache"])
def test_a_first_kdc_that_is_silent_costs_scpctl_time_and_no_more(world: World, silent_first, auth: str):
    """It does not come again, as the daemon does: so it waits beyond timeouts.connect."""
    if auth == "ccache":
        world.lab.kinit()
        world.forest_settings["auth"] = world.lab.settings(auth=auth)["forests"][0]["auth"]
    done = world.run("sync", "--yes", "-o", "json", environment=silent_first)
    assert done.returncode == 0 and [one["result"] for one in done.json["changes"]] == ["done"], done


def test_a_log_in_that_takes_longer_than_a_cycle_waits_is_there_for_a_later_one(world: World, scpd, silent_first):
    daemon = scpd(world.lab, config=world.config(), environment=silent_first)
    daemon.wait_log("no KDC answered in time", DEADLINE)
    daemon.wait(lambda: "1 in sync" in daemon.log(), "the copy", 2 * DEADLINE)
    follows_a_change(world, daemon, "after=all")
    assert daemon.stop() == 0, daemon.log()


def test_steps_of_the_clock_stop_no_log_in_for_ever_and_cause_no_storm(world: World, scpd, scratch):
    """The KDC and the servers keep their time, which libkrb5 learns at a log-in (kdc_timesync): a step costs another."""
    clock = WallClock(scratch)
    daemon = scpd(world.lab, config=world.config(), environment=clock.environment).wait_ready()
    follows_a_change(world, daemon, "clock=right")
    for ahead in (HOUR, -HOUR, 0):
        clock.step(ahead)
        follows_a_change(world, daemon, f"clock={ahead}")
        before, begun = log_ins(world.lab), daemon.log().count("cycle begins")
        daemon.wait(lambda: daemon.log().count("cycle begins") >= begun + 4, "four more cycles", DEADLINE)
        assert log_ins(world.lab) - before <= 2, f"{ahead}: asked again and again\n{daemon.log()}"
    assert daemon.stop() == 0, daemon.log()
