"""A seeded storm over one instance on several hosts: what happens, and what must be there when it is over."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass, field

import ldap

from scplab import Lab
from scplab.admin import Found
from scplab.forest import BY_KEY, COPY_CONTAINER
from scplab.hosts import Host, reach_by_name
from scplab.process import LabError, wait_until
from scplab.snapshot import Snapshot
from scplab.world import MARKER, Marker, content

SECOND_DCS = ("corp", "emea")
SERVERS = ("corp", "corp2", "emea", "emea2", "apac", "tree")
TARGETS = {"storm-one": ("corp", "apac"), "storm-two": ("tree",)}  # by keyword
HOMES = {"storm-one": ("emea", "emea2", "apac", "tree"), "storm-two": ("emea", "emea2", "apac", "corp")}
PLACES = ("CN=System", "CN=here,CN=System", "CN=there,CN=System")
EDITS = 2  # of one copy: at the fourth within an hour it would be parked, which is another test's
STRIKES = ("search-done", "modify-request", "add-request", "modify-response", "add-response", "delete-request")
LATER = 120  # messages, at most, between two steps


@dataclass
class Source:
    name: str
    keyword: str
    home: str  # the server that takes all writes to it, so that two DCs that are parted make no conflict
    place: str
    values: dict[str, list[str]] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        return self.home.rstrip("2")

    @property
    def dn(self) -> str:
        return f"CN={self.name},{self.place},{BY_KEY[self.domain].nc}"

    @property
    def cells(self) -> set[str]:
        return {target for target in TARGETS[self.keyword] if target != self.domain}


def is_of_the_storm(found: dict[str, list[bytes]]) -> bool:
    return any(keyword.encode() in found.get("keywords", []) for keyword in TARGETS)


class Storm:
    def __init__(self, lab: Lab, hosts: list[Host], seed: int):
        self.lab = lab
        self.by_name = reach_by_name(lab)
        self.hosts = hosts
        self.chance = random.Random(seed)
        self.sources: dict[str, Source] = {}
        self.graves: list[Source] = []
        self.edits: dict[str, int] = {}
        self.parted = False
        self.number = 0
        self.told: list[str] = []  # what happened, for people
        self.cells_touched = 0
        self.faults = 0
        for key in BY_KEY:
            for place in PLACES[1:]:
                lab.domain(key).add_container(place)
        for key in SECOND_DCS:
            wait_until(lambda: lab.domain(key + "2").get(PLACES[-1]), 20, f"the containers at {key}2")
        self.before = Snapshot.take(lab, list(SERVERS))
        for keyword, homes in HOMES.items():  # one each that stays, so that no rule ever loses all
            self.make(keyword, homes[0], f"stays-{keyword}")

    # ---- sources

    def make(self, keyword: str | None = None, home: str | None = None, name: str | None = None) -> Source:
        """Now and then one takes the name of one that was deleted."""
        keyword = keyword or self.chance.choice(sorted(TARGETS))
        home = home or self.chance.choice(HOMES[keyword])
        graves = [one for one in self.graves if (one.keyword, one.home) == (keyword, home)]
        if name is None and graves and self.chance.random() < 0.4:
            name = self.chance.choice(graves).name
            self.graves = [one for one in self.graves if one.name != name]
        self.number += 1
        source = Source(name or f"s{self.number}-{home}", keyword, home, self.chance.choice(PLACES))
        source.values = {"keywords": [keyword, f"of {source.name}"], "vendor": ["v"],
                         "serviceBindingInformation": [f"https://{source.name}/{self.number}", "Port=1"]}
        self._add(source)
        self.told.append(f"make {source.dn} at {home}")
        return source

    def _add(self, source: Source) -> None:
        self.lab.domain(source.home).add(source.dn, {"objectClass": "serviceConnectionPoint"} | source.values)
        self.sources[source.name] = source
        self._touched(source)

    def _touched(self, source: Source) -> None:
        self.cells_touched += len(source.cells)

    def _some(self) -> Source:
        return self.sources[self.chance.choice(sorted(self.sources))]

    def _some_mortal(self) -> Source | None:
        mortal = sorted(name for name in self.sources if not name.startswith("stays"))
        return self.sources[self.chance.choice(mortal)] if mortal else None

    def change(self) -> None:
        source = self._some()
        self.number += 1
        bindings = source.values["serviceBindingInformation"]
        if self.chance.random() < 0.2:
            bindings = [value.swapcase() for value in bindings]
        else:
            bindings = [f"https://{source.name}/{self.number}"] + [
                f"Port={number}" for number in range(self.chance.randrange(4))]
        source.values["serviceBindingInformation"] = bindings
        self.lab.domain(source.home).modify(source.dn, {"serviceBindingInformation": bindings})
        self._touched(source)
        self.told.append(f"change {source.dn} at {source.home}: {bindings}")

    def rename(self) -> None:
        if not (source := self._some_mortal()):
            return
        self.number += 1
        old = source.dn
        del self.sources[source.name]
        source.name = f"s{self.number}-{source.home}"
        self.sources[source.name] = source
        self.lab.domain(source.home).rename(old, f"CN={source.name}")
        self._touched(source)
        self.told.append(f"rename {old} to {source.name} at {source.home}")

    def move(self) -> None:
        """To another container; or to another domain, which is a delete and an add."""
        if not (source := self._some_mortal()):
            return
        old, server = source.dn, self.lab.domain(source.home)
        elsewhere = [home for home in HOMES[source.keyword] if not home.startswith("emea") and home != source.home]
        if not source.home.startswith("emea") and self.chance.random() < 0.5:
            server.delete(old)
            self._touched(source)
            source.home = self.chance.choice(elsewhere)
            self._add(source)
        else:
            source.place = self.chance.choice([place for place in PLACES if place != source.place])
            server.rename(old, f"CN={source.name}", source.place)
            self._touched(source)
        self.told.append(f"move {old} to {source.dn}")

    def delete(self, source: Source | None = None) -> None:
        source = source or self._some_mortal()
        if source is None:
            return
        self.lab.domain(source.home).delete(source.dn)
        self.graves.append(self.sources.pop(source.name))
        self._touched(source)
        self.told.append(f"delete {source.dn} at {source.home}")

    # ---- strangers

    def _some_copy(self) -> tuple[str, Found] | None:
        target = self.chance.choice(["apac", "corp", "tree"])
        copies = sorted(self.lab.domain(target).copies(), key=lambda one: one.dn)
        copies = [one for one in copies if self.edits.get(one.guid, 0) < EDITS]
        return (target, self.chance.choice(copies)) if copies else None

    def edit(self) -> None:
        if not (found := self._some_copy()):
            return
        target, copy = found
        self.edits[copy.guid] = self.edits.get(copy.guid, 0) + 1
        changes = self.chance.choice([{"serviceBindingInformation": ["by a stranger"]}, {"vendor": []},
                                      {"keywords": ["by a stranger"]}, {"description": ["by a stranger"]}])
        try:
            self.lab.domain(target).modify(copy.dn, changes)
        except ldap.NO_SUCH_OBJECT:
            return  # its time had come
        self.cells_touched += 1
        self.told.append(f"a stranger edits {copy.dn}: {changes}")

    def take_away(self) -> None:
        if not (found := self._some_copy()):
            return
        target, copy = found
        try:
            self.lab.domain(target).delete(copy.dn)
        except ldap.NO_SUCH_OBJECT:
            return
        self.cells_touched += 1
        self.told.append(f"a stranger deletes {copy.dn}")

    # ---- hosts

    def _some_host(self) -> Host:
        return self.chance.choice(self.hosts)

    def strike(self) -> None:
        """Kills or stops a daemon, now or when a certain message passes."""
        host = self._some_host()
        number = self.chance.choice([signal.SIGKILL, signal.SIGSTOP])
        operation = self.chance.choice(["now", *STRIKES])
        self.faults += 1
        if operation == "now":
            host.stopped = host.stopped or number == signal.SIGSTOP
            host.kill() if number == signal.SIGKILL else host.freeze()
        else:
            after = self.chance.randrange(3)
            for path in host.paths.values():
                path.on(operation, host.struck_by(number), after=after)
        self.told.append(f"host {host.number}: {number.name} at {operation}")

    def recover(self) -> None:
        broken = [host for host in self.hosts if host.stopped or not host.alive()]
        host = self.chance.choice(broken or self.hosts)
        if host.stopped:
            host.thaw()
            self.told.append(f"host {host.number} goes on")
        if not host.alive():
            host.start()
            self.told.append(f"host {host.number} starts again")

    def cut(self) -> None:
        host, kind = self._some_host(), self.chance.choice(["reset", "silent"])
        names = list(SERVERS) if self.chance.random() < 0.3 else [self.chance.choice(SERVERS)]
        host.cut(names, kind)
        self.faults += 1
        self.told.append(f"host {host.number} is cut from {', '.join(names)}: {kind}")

    def heal(self) -> None:
        host = self.chance.choice([host for host in self.hosts if host.is_cut] or self.hosts)
        host.heal()
        self.told.append(f"host {host.number} is healed")

    def pause(self) -> None:
        self._tell("pause", "--reason", "storm")

    def resume(self) -> None:
        self._tell("resume")

    def _tell(self, *arguments: str) -> None:
        host = self.chance.choice([host for host in self.hosts if host.is_paused] or self.hosts)
        host.is_paused = arguments[0] == "pause"
        done = host.run(*arguments)
        assert done.returncode == 0, done
        self.told.append(f"host {host.number}: scpctl {arguments[0]}")

    def part(self) -> None:
        """The two DCs of a domain that has sources: each host reads another of them."""
        self.parted = not self.parted
        (self.lab.cut_replication if self.parted else self.lab.heal_replication)("emea")
        self.faults += 1
        self.told.append(f"the DCs of emea are {'parted' if self.parted else 'together'}")

    # ---- the whole

    STEPS = {make: 5, change: 8, rename: 3, move: 3, delete: 3, edit: 4, take_away: 2, strike: 3, recover: 5, cut: 3,
             heal: 4, pause: 1, resume: 2, part: 2}

    def rage(self, steps: int) -> None:
        for _ in range(steps):
            step, = self.chance.choices(list(self.STEPS), list(self.STEPS.values()))
            self._let_them_work(self.chance.randrange(LATER))
            step(self)

    def _let_them_work(self, messages: int) -> None:
        """Until so many more have passed; or a moment, where they are cut off or have nothing to do."""
        until = sum(host.messages() for host in self.hosts) + messages

        def enough() -> bool:
            self.listen()
            return sum(host.messages() for host in self.hosts) >= until

        try:
            wait_until(enough, 1, "messages", interval=0.005)
        except LabError:
            pass

    def listen(self) -> None:
        for host in self.hosts:
            host.daemon.read_notifications()

    def abate(self) -> None:
        """Everything is healed, resumed and running."""
        if self.parted:
            self.part()
        for host in self.hosts:
            host.heal()
            host.thaw()
            if not host.alive():
                host.start()
            assert host.run("resume").returncode == 0
        self.told.append("all is healed")

    def writes(self) -> int:
        """Requests of all hosts to write, whatever came of them."""
        return sum(host.writes() for host in self.hosts) + sum(path.count() for path in self.by_name.values())

    def wrong(self) -> list[str]:
        """How what is there differs from what there should be; nothing: it is at rest."""
        self.listen()
        found: list[str] = []
        there = {key: {one.dn.lower(): one for one in self.lab.domain(key).search(
            "(objectClass=serviceConnectionPoint)")} for key in SERVERS}
        wanted: dict[str, set[str]] = {key: {key_dn[1].lower() for key_dn in self.before.entries
                                             if key_dn[0] == key} for key in SERVERS}
        for source in self.sources.values():
            for key in (source.domain, source.domain + "2"):
                if key in there:
                    wanted[key].add(source.dn.lower())
                    found += self._wrong_source(source, key, there[key].get(source.dn.lower()))
            original = there[source.home].get(source.dn.lower())
            for key in (key for target in source.cells for key in (target, target + "2") if key in there):
                dn = f"CN={source.name},{COPY_CONTAINER},{BY_KEY[key.rstrip('2')].nc}".lower()
                wanted[key].add(dn)
                found += self._wrong_copy(original, key, dn, there[key].get(dn))
        return found + [f"{key}: nobody wants {dn}" for key, entries in there.items()
                        for dn in entries if dn not in wanted[key]]

    @staticmethod
    def _wrong_source(source: Source, key: str, there: Found | None) -> list[str]:
        if there is None:
            return [f"{key}: the source {source.dn} is missing"]
        differs = [name for name, values in source.values.items() if sorted(there[name]) != sorted(values)]
        return [f"{key}: {source.dn}: {differs}"] if differs or MARKER in there else []

    @staticmethod
    def _wrong_copy(source: Found | None, key: str, dn: str, there: Found | None) -> list[str]:
        if there is None:
            return [f"{key}: {dn} is missing"]
        if source is None or content(there) != content(source):
            return [f"{key}: {dn} is not as its source is: {content(there)}"]
        if len(there[MARKER]) != 1:
            return [f"{key}: {dn} has {len(there[MARKER])} markers"]
        marker = Marker.of(there)
        if marker["s"] != source.guid or "gone" in marker or "parked" in marker:
            return [f"{key}: {dn}: {marker}, its source {source.guid}"]
        return []

    def others(self, of: Snapshot) -> Snapshot:
        """All that is none of the storm's."""
        return of.without(lambda _key, values: is_of_the_storm(values))
