"""Two daemons of one instance, each at another domain controller of one AD domain: one copy, then quiet.

Creates and deletes go to the PDC emulator (dc1), whichever DC a daemon reads: a create at each would leave a conflict
object, `\\0ACNF:<guid>`. The state of the two DCs is built once, which takes half a minute; see build.py.
"""

import time

import pytest

from objects import SCP, highest_usn, until
from sambalab import SambaLab
from scene import Scene
from test_harm_on_samba import source_of

DEADLINE = 40
CALM = 2.0  # seconds; several rounds of both daemons


class Sites:
    """The two DCs as an administrator sees them, and a daemon at each."""

    def __init__(self, scene: Scene):
        samba = self.samba = scene.samba
        self.scene = scene
        admin, second = samba.info["admin"], samba.info["second"]
        self.dcs = [samba.admin, samba.connect(admin["upn"], admin["password"], second["address"])]
        self.uris = [samba.info["ldap"], second["ldap"]]
        self.daemons: list = []

    def start(self, site: int) -> None:
        """A daemon that reads at this site's DC; 0 is the PDC emulator's."""
        settings = self.scene.settings()
        ad = settings["forests"][-1]
        ad["servers"] = self.uris if site == 0 else self.uris[::-1]
        settings["daemon"] |= {"resync": "500ms"}
        config = self.scene.write(settings, f"site-{site}.yaml")
        log = self.scene.work / f"site-{len(self.daemons)}.log"
        with log.open("w") as stderr:
            self.daemons.append((self.scene.scpd(config, stderr), log))

    def logs(self) -> str:
        return "\n=====\n".join(log.read_text() for _, log in self.daemons)

    def close(self) -> None:
        for daemon, _ in self.daemons:
            daemon.kill()
            daemon.wait(timeout=10)

    def copies(self) -> list[list]:
        """(DN, objectGUID, bindings) of every SCP in the copies' container, conflict objects too, at each DC."""
        answers = []
        for dc in self.dcs:
            found = dc.search_s(self.samba.container, 1, "(objectClass=serviceConnectionPoint)",
                                ["objectGUID", "serviceBindingInformation", "msDS-Settings"])
            answers.append(sorted((dn, entry["objectGUID"], sorted(entry["serviceBindingInformation"]),
                                   entry["msDS-Settings"]) for dn, entry in found if dn))
        return answers

    def settled(self, *bindings: bytes) -> bool:
        """Both DCs show the same one copy, with these bindings."""
        first, second = self.copies()
        return len(first) == 1 and first == second and (not bindings or first[0][2] == sorted(bindings))

    def settles(self, *bindings: bytes) -> None:
        try:
            until(lambda: self.settled(*bindings), "one copy at both", DEADLINE)
        except AssertionError as error:
            raise AssertionError(f"{error}: {bindings} of {self.copies()}\n{self.logs()}") from None

    def versions(self) -> list:
        return [dc.search_s(self.scene.copy_dn, 0, "(objectClass=*)", ["uSNChanged"])[0][1]["uSNChanged"]
                for dc in self.dcs]

    def stays_quiet(self) -> None:
        """Nothing writes to the copy at either DC any more; what was begun may be finished."""
        deadline = time.monotonic() + DEADLINE
        state, since = self.versions(), time.monotonic()
        while time.monotonic() - since < CALM:
            time.sleep(0.05)
            if (now := self.versions()) != state:
                state, since = now, time.monotonic()
            assert time.monotonic() < deadline, f"they never stop writing:\n{self.logs()}"


@pytest.fixture(scope="module")
def two(samba_available, tmp_path_factory):
    with SambaLab(layout="second-dc") as lab:
        scene = Scene(lab, tmp_path_factory.mktemp("two"))
        yield scene
        scene.close()


@pytest.fixture
def sites(two):
    one = Sites(two)
    yield one
    one.close()
    two.clean()
    until(lambda: one.copies() == [[], []], "the end of the copies at both DCs", DEADLINE)


def test_what_is_written_at_one_is_at_the_other(sites):
    for here, there in (sites.dcs, sites.dcs[::-1]):
        dn = f"CN=probe,{sites.samba.container}"
        before = highest_usn(there)
        here.add_s(dn, [("objectClass", [SCP]), ("serviceBindingInformation", [b"b"]), ("msDS-Settings", [b"x"])])
        until(lambda: [one[0] for one in sites.copies()[0]] == [dn] and sites.settled(b"b"), "it at both", DEADLINE)
        assert highest_usn(there) > before, "each DC counts what came to it"
        there.delete_s(dn)
        until(lambda: sites.copies() == [[], []], "its end at both", DEADLINE)


def test_started_at_once_they_make_one_copy_and_are_quiet(sites):
    with source_of(sites.scene) as source:
        for site in (0, 1):
            sites.start(site)
        sites.settles()
        sites.stays_quiet()
        (_, guid, *_), = sites.copies()[0]
        source.bindings(["Port=1"])
        sites.settles(b"Port=1")
        sites.stays_quiet()
        assert sites.copies()[1][0][1] == guid


def test_one_is_killed_and_the_other_goes_on(sites):
    """The one that is left reads at dc2 and creates at dc1."""
    with source_of(sites.scene) as source:
        sites.start(1)
        sites.start(0)
        daemon, _ = sites.daemons[1]
        source.bindings(["before=kill"])
        daemon.kill()
        sites.settles(b"before=kill")
        (_, guid, *_), = sites.copies()[0]
        source.bindings(["after=kill"])
        sites.settles(b"after=kill")
        sites.stays_quiet()
        assert sites.copies()[1][0][1] == guid
