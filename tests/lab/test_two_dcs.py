"""Two daemons of one instance, each at another domain controller of the same domains.

Creates and deletes go to the PDC emulator only, whichever DC a daemon reads; updates swap the marker. What must come
of it: one copy, that of its source, and then quiet.
"""

from __future__ import annotations

import copy
import re
import signal
import time

import pytest

from scplab import Lab
from scplab.process import wait_until
from scplab.runner import Daemon, Scpctl
from scplab.settings import to_yaml
from scplab.world import Marker, World, content

DEADLINE = 40
TWO = ("corp", "emea")  # the target's domain and the source's
CALM = 1.5  # seconds; several times what a notice, its debounce and its cycle take here


class TwoSites(World):
    """Settings for a daemon at each site: the same, but for the order of the servers."""

    first_csns: list[str]  # as the databases were filled

    def config_at(self, site: int):
        settings = copy.deepcopy(self.settings)
        if site == 2:
            whole = settings["forests"][0]
            for at in (whole, whole["domains"]["emea.corp.test"]):
                at["servers"].reverse()
        path = self.scpctl.scratch / f"site-{site}.yaml"
        path.write_text(to_yaml(settings))
        return path

    def both(self, name: str = "corp") -> list:
        return [self.lab.domain(name), self.lab.domain(name + "2")]

    def state(self) -> list[list[str]]:
        """What no write leaves as it is: the highest CSNs of each DC, by the server that wrote."""
        return [sorted(one.get("", ["contextCSN"])["contextCSN"]) for name in TWO for one in self.both(name)]

    def took_writes(self, dc: str) -> bool:
        """Of clients, ever: replication keeps the CSN of the server that took the write."""
        of = f"#{self.lab.server(dc).dc.server_id:03x}#"
        csns = self.lab.domain("corp").get("", ["contextCSN"])["contextCSN"]
        return any(of in csn for csn in csns if csn not in self.first_csns)

    def settled(self) -> bool:
        """Both DCs of each domain hold the same, and both corps the one copy, as its source is."""
        sources = [one.get(self.source_dn) for one in self.both("emea")]
        copies = [one.copies() for one in self.both()]
        return (all(len(found) == 1 for found in copies)
                and all(content(one) == content(sources[0]) for one in [sources[1], copies[0][0], copies[1][0]])
                and copies[0][0].guid == copies[1][0].guid
                and copies[0][0].content() == copies[1][0].content()
                and Marker.of(copies[0][0]).get("gone") is None)

    def change(self, value: str, at: str = "emea") -> None:
        self.lab.domain(at).modify(self.source_dn, {"serviceBindingInformation": [value]})

    def copy_at(self, name: str):
        return self.lab.domain(name).get(self.copy_rdn)


@pytest.fixture
def sites(scpctl: Scpctl):
    with Lab(second_dcs=TWO, gc=False) as lab:
        world = TwoSites(lab, scpctl)
        world.first_csns = lab.domain("corp").get("", ["contextCSN"])["contextCSN"]
        world.settings["log"] = {"level": "debug"}
        world.settings["daemon"] |= {"resync": "1s"}  # also what no notice tells is looked at again and again
        yield world


def reads(daemon: Daemon, address: str) -> None:
    daemon.wait(lambda: re.search(rf"watching emea\.corp\.test by.*{re.escape(address)}", daemon.log()),
                f"a watch at {address}", DEADLINE)


def two_daemons(world: TwoSites, scpd) -> list[Daemon]:
    daemons = [scpd(world.lab, config=world.config_at(site)) for site in (1, 2)]
    for daemon in daemons:
        daemon.wait_ready(DEADLINE)
    return daemons


def settles(world: TwoSites, *daemons: Daemon) -> None:
    logs = "\n=====\n".join
    try:
        wait_until(world.settled, DEADLINE, "one copy, as its source is, at both DCs", interval=0.05)
    except Exception as error:
        raise AssertionError(f"{error}\n" + logs(daemon.log() for daemon in daemons)) from None


def stays_quiet(world: TwoSites, *daemons: Daemon) -> None:
    """No write at any DC while every daemon has gone round twice more; they may finish what they had begun."""
    deadline = time.monotonic() + DEADLINE

    def rounds() -> list[int]:
        return [daemon.log().count("cycle begins") for daemon in daemons]

    state, since, begun = world.state(), time.monotonic(), rounds()
    while not (all(now >= before + 2 for now, before in zip(rounds(), begun))
               and time.monotonic() - since > CALM):
        time.sleep(0.05)
        if (now := world.state()) != state:
            state, since, begun = now, time.monotonic(), rounds()
        assert time.monotonic() < deadline, "they never stop writing:\n" + "\n=====\n".join(
            daemon.log() for daemon in daemons)


def test_started_at_once_they_make_one_copy_and_then_are_quiet(sites: TwoSites, scpd):
    daemons = two_daemons(sites, scpd)
    settles(sites, *daemons)
    stays_quiet(sites, *daemons)
    guid = sites.copy_at("corp").guid
    # Whoever comes second finds it there, as it was about to make it: the second DC took no write.
    assert not sites.took_writes("corp2") and sites.took_writes("corp")
    for number, at in enumerate(["emea", "emea2", "emea"]):
        sites.change(f"change={number}", at)
        settles(sites, *daemons)
    stays_quiet(sites, *daemons)
    assert sites.settled() and sites.copy_at("corp").guid == guid


def test_cut_while_the_source_changes_and_healed(sites: TwoSites, scpd):
    """What one site does not show is no reason to take anything back, and never to delete."""
    daemons = two_daemons(sites, scpd)
    settles(sites, *daemons)
    guid = sites.copy_at("corp").guid
    sites.lab.cut_replication("emea")
    sites.lab.cut_replication("corp")
    sites.change("while=cut", "emea2")
    wait_until(lambda: "while=cut" in sites.copy_at("corp2")["serviceBindingInformation"], DEADLINE,
               "the change at the site that knows of it")
    sites.lab.heal_replication("emea")
    sites.lab.heal_replication("corp")
    settles(sites, *daemons)
    stays_quiet(sites, *daemons)
    assert sites.settled() and sites.copy_at("corp").guid == guid


def test_deleted_by_hand_while_cut_it_comes_back_once(sites: TwoSites, scpd):
    """The other site still sees the copy, or sees none and may create it at the PDC emulator only."""
    daemons = two_daemons(sites, scpd)
    settles(sites, *daemons)
    sites.lab.cut_replication("corp")
    sites.lab.domain("corp").delete(sites.copy_rdn)
    wait_until(lambda: sites.copy_at("corp"), DEADLINE, "the copy again at the PDC emulator")
    sites.lab.heal_replication("corp")
    settles(sites, *daemons)
    stays_quiet(sites, *daemons)
    assert sites.settled()


def test_one_is_killed_and_the_other_goes_on_alone(sites: TwoSites, scpd):
    first, second = two_daemons(sites, scpd)
    settles(sites, first, second)
    guid = sites.copy_at("corp").guid
    sites.change("before=kill", "emea2")
    first.kill()
    settles(sites, second)
    sites.change("after=kill")
    settles(sites, second)
    again = scpd(sites.lab, config=sites.config_at(1)).wait_ready(DEADLINE)
    sites.change("and=again", "emea2")
    settles(sites, second, again)
    stays_quiet(sites, second, again)
    assert sites.settled() and sites.copy_at("corp").guid == guid


def test_the_source_goes_and_one_retires_its_copy_in_peace(sites: TwoSites, scpd):
    sites.rule["mode"] = "sync"
    sites.rule["prune"] = {"grace": "1s", "confirmations": 2}
    daemons = two_daemons(sites, scpd)
    settles(sites, *daemons)
    sites.lab.domain("emea2").delete(sites.source_dn)
    wait_until(lambda: not any(one.copies() for one in sites.both()), DEADLINE, "the end of the copy at both DCs")
    daemons[0].wait(lambda: sum(daemon.log().count("done: delete") for daemon in daemons), "it in a log", DEADLINE)
    stays_quiet(sites, *daemons)
    assert not any(one.copies() for one in sites.both())


def test_the_read_that_meets_another_dc_retires_nothing(sites: TwoSites, scpd):
    """It may lack what the one before had. The next read is of the same DC, and is believed."""
    sites.rule["mode"] = "sync"
    sites.rule["prune"] = {"grace": "1h", "confirmations": 1}
    sites.lab.stop("emea")
    daemon = scpd(sites.lab, config=sites.config_at(1)).wait_ready(DEADLINE)
    daemon.wait(lambda: sites.copy_at("corp"), "the copy of what the other DC has", DEADLINE)
    sites.lab.start("emea")
    daemon.signal(signal.SIGSTOP)
    try:
        sites.lab.domain("emea").delete(sites.source_dn)
        sites.lab.stop("emea2")
    finally:
        daemon.signal(signal.SIGCONT)
    daemon.wait_log(r"held: delete [^\n]*; seen so by 0 of 1 reads in a row: another DC than before, or one that was "
                    r"restored, was read in emea\.corp\.test", DEADLINE)
    daemon.wait(lambda: Marker.of(sites.copy_at("corp")).get("gone"), "the mark, by the next read", DEADLINE)
