"""What scpd holds after 5,000 cycles with changes, kills, hangs and reloads: what it held once it was warm."""

from __future__ import annotations

import itertools
import json
import os
import re
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest
from gi.repository import Gio, GLib

from scplab.bus import INTERFACE, NAME, PATH, PrivateBus, some_group
from scplab.forest import COPY_CONTAINER
from scplab.runner import SOURCE_ROOT, Daemon
from scplab.world import World
from test_metrics import parse, url

WARM_UP, CYCLES = 1500, 5000  # the heap finds its shape within some 1,500
FAULTS = ("reload", "kill", "restart", "hang")  # in turn, each with another server
SERVERS = ("apac", "corp", "emea", "gc")
WARM_UP_FAULTS, CYCLES_FAULTS = 24, 48
TOLERANCE = 0.02
SAMPLES = 5  # at the end of the warm-up, and at the end of all: their medians are compared
DEADLINE = 90  # seconds; a domain that was down is asked at growing intervals, and watched again at such
STANDING = 12  # sources that stay, each with a copy in three domains
STILL = 16  # looks, 0.1 s apart; longer than the second after which scpd gives back what it has freed


@dataclass(frozen=True)
class Held:
    """What the process has. Memory is what is its own: pages of programs and libraries are the kernel's to
    drop and to share. As smaps_rollup counts it, which walks the pages; RssAnon is counted in batches."""

    descriptors: int
    threads: int
    memory: int  # KiB

    @classmethod
    def by(cls, pid: int) -> Held:
        process = Path(f"/proc/{pid}")
        memory = re.findall(r"(?m)^(?:Anonymous|Swap): +(\d+) kB", (process / "smaps_rollup").read_text())
        return cls(len(os.listdir(process / "fd")), len(os.listdir(process / "task")), sum(map(int, memory)))

    def most(self, other: Held) -> Held:
        return Held(max(self.descriptors, other.descriptors), max(self.threads, other.threads),
                    max(self.memory, other.memory))


@dataclass(frozen=True)
class Sample:
    """Taken where nothing is under way."""

    cycles: int
    held: Held
    cpu: float  # seconds since the start

    def __str__(self) -> str:
        each = 1000 * self.cpu / self.cycles
        return (f"{self.cycles:7} cycles: {self.held.descriptors:3} descriptors, {self.held.threads:3} threads, "
                f"{self.held.memory:6} KiB, {each:5.1f} ms of CPU a cycle")


def unit() -> str:
    return (SOURCE_ROOT / "packaging" / "scpd.service").read_text()


def unit_environment() -> dict[str, str]:
    return dict(re.findall(r"(?m)^Environment=([^=]+)=(.*)$", unit()))


class Soaked:
    """One scpd with all that it has, and a forest that gives it no peace."""

    def __init__(self, world: World, scpd, bus: PrivateBus):
        self.world = world
        self.numbers = itertools.count()
        self.faults = itertools.count()
        self.extra: str | None = None
        self.samples: list[Sample] = []
        self._set_up()
        self.daemon: Daemon = scpd(world.lab, config=world.config(),
                                   environment=unit_environment() | {"DBUS_SYSTEM_BUS_ADDRESS": bus.address}
                                   ).wait_ready()
        self.daemon.wait(bus.has_scpd, "its name on the bus", DEADLINE)
        self.bus = bus.connect()
        self.url = url(self.daemon)
        self.peak = Held.by(self.daemon.pid)

    def _set_up(self) -> None:
        world = self.world
        world.forest_settings["timeouts"] = {"connect": "1s", "operation": "2s"}
        world.settings["daemon"] |= {"resync": "1h", "debounce": "0ms", "max_wait": "50ms"}
        world.settings["metrics"] = {"listen": "127.0.0.1:0", "textfile": str(world.scpctl.scratch / "scpd.prom")}
        world.another_rule("fleet", mode="sync", match={"keywords": ["soak-fleet"]}, accounts=[],
                           targets={"domains": ["corp.test", "apac.corp.test", "tree.test"],
                                    "container": COPY_CONTAINER},
                           prune={"grace": "0s", "confirmations": 1})
        world.another_rule("watched", mode="observe", match={"keywords": ["soak-watched"]})
        world.emea.add_scp("watched", ["soak-watched"], ["its=own"])
        for number in range(STANDING):
            self._add(f"standing-{number}")

    def _add(self, name: str) -> None:
        self.world.emea.add_scp(name, ["soak-fleet", name], ["Port=0"])

    # ---- asked

    def call(self, method: str, *arguments: str) -> tuple:
        parameters = GLib.Variant(f"({'s' * len(arguments)})", arguments)
        return self.bus.call_sync(NAME, PATH, INTERFACE, method, parameters, None,
                                  Gio.DBusCallFlags.NO_AUTO_START, 30000, None).unpack()

    def cycles(self) -> int:
        with urllib.request.urlopen(self.url, timeout=20) as answer:
            series = parse(answer.read().decode())
        return int(sum(value for name, value in series.items() if name.startswith("scpd_cycles_total{")))

    def whole(self) -> bool:
        status = json.loads(self.call("Status")[0])
        return status["state"] == "ok" and all(
            one["state"] == "complete" and one["watch"] == "syncrepl" for one in status["domains"])

    # ---- what happens to it

    def change(self) -> None:
        """A source that stays is changed. Another one comes, is changed, perhaps its copy too, and goes."""
        number = next(self.numbers)
        emea, corp = self.world.emea, self.world.corp
        emea.modify(f"CN=standing-{number % STANDING},CN=System", {"serviceBindingInformation": f"Port={number % 10}"})
        step = number % 4
        if step == 0:
            self.extra = f"extra-{number // 4 % 10}"
            self._add(self.extra)
        elif step == 3:
            emea.delete(f"CN={self.extra},CN=System")
            self.extra = None
        elif number % 16 == 1 and corp.get(f"CN={self.extra},{COPY_CONTAINER}", ["1.1"]):
            corp.modify(f"CN={self.extra},{COPY_CONTAINER}", {"serviceBindingInformation": "by hand"})
        else:
            emea.modify(f"CN={self.extra},CN=System", {"serviceBindingInformation": f"Port={step}"})

    def cycle(self) -> None:
        """One is asked for; systemd is told at its end, or at that of the one before it."""
        told = len(self.daemon.notifications)
        self.call("Resync", "")
        self.daemon.wait(lambda: any(line.startswith("STATUS=") for line in self.daemon.notifications[told:]),
                         "the end of a cycle", DEADLINE)
        self.peak = self.peak.most(Held.by(self.daemon.pid))

    def turn(self) -> None:
        self.change()
        self.cycle()

    def fault(self) -> None:
        """The next one, with cycles while it lasts."""
        self.daemon.wait(self.whole, "all domains complete and watched", DEADLINE)
        lab, number = self.world.lab, next(self.faults)
        kind, name = FAULTS[number % len(FAULTS)], SERVERS[number // len(FAULTS) % len(SERVERS)]
        if kind == "reload":
            self.world.settings["daemon"]["poll"] = f"{30 + number % 8}s"
            self.world.config()
            ready = self.daemon.notifications.count("READY=1")
            self.daemon.reload()
            self.daemon.wait(lambda: self.daemon.notifications.count("READY=1") > ready, "READY=1", DEADLINE)
            return
        if kind == "hang":
            lab.pause(name)
        else:
            lab.kill(name)
        if kind != "restart":
            self.cycle()
            self.cycle()
        if kind == "hang":
            lab.resume(name)
        else:
            lab.start(name)

    def all_hang(self) -> None:
        """The most that can go wrong at once, and so the most threads that it ever needs."""
        self.daemon.wait(self.whole, "all domains complete and watched", DEADLINE)
        for name in SERVERS:
            self.world.lab.pause(name)
        for _ in range(3):
            self.cycle()
        for name in SERVERS:
            self.world.lab.resume(name)

    def go_on(self, cycles: int, faults: int) -> None:
        """So many cycles, with the faults spread over them and a sample now and then."""
        first = done = self.cycles()
        faulted, sampled = 0, first
        while done < first + cycles:
            self.turn()
            done = self.cycles()
            if (done - first) * faults > faulted * cycles:
                self.fault()
                faulted += 1
            if done >= sampled + 500:
                self.sample()
                sampled = done

    # ---- what it has

    def sample(self) -> Sample:
        """With the forest as at each sample, all domains read and watched, and nothing under way."""
        while self.extra:
            self.turn()
        self.daemon.wait(self.whole, "all domains complete and watched", DEADLINE)
        seen: list[tuple[int, Held]] = []

        def still() -> bool:
            time.sleep(0.1)  # that nothing comes nobody tells
            seen.append((self.cycles(), Held.by(self.daemon.pid)))
            return len(seen) >= STILL and len({(cycles, held.descriptors, held.threads)
                                               for cycles, held in seen[-STILL:]}) == 1

        self.daemon.wait(still, "rest", DEADLINE)
        cycles, held = seen[-1]
        times = Path(f"/proc/{self.daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        self.samples.append(Sample(cycles, held, sum(map(int, times)) / os.sysconf("SC_CLK_TCK")))
        print(self.samples[-1], flush=True)
        return self.samples[-1]

    def compared(self) -> dict[str, float]:
        """Medians of some samples, with a little work between them."""
        samples = []
        for _ in range(SAMPLES):
            for _ in range(4):
                self.turn()
            samples.append(self.sample().held)
        return {name: median(getattr(held, name) for held in samples) for name in Held.__annotations__}

    def peak_rss(self) -> int:
        """In KiB, programs and libraries included."""
        return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.daemon.pid}/status").read_text()).group(1))


def limit(name: str) -> int:
    """Of the unit, memory in KiB."""
    number, mega = re.search(rf"(?m)^{name}=(\d+)(M?)$", unit()).groups()
    return int(number) * (1024 if mega else 1)


@pytest.fixture
def bus():
    one = PrivateBus(some_group()).start()
    yield one
    one.close()


def test_it_holds_after_5000_cycles_what_it_held_when_it_was_warm(world: World, scpd, bus):
    soaked = Soaked(world, scpd, bus)
    for _ in range(3):
        soaked.all_hang()
    soaked.go_on(WARM_UP, WARM_UP_FAULTS)
    warm = soaked.compared()
    print("warm:", warm, flush=True)
    soaked.go_on(CYCLES, CYCLES_FAULTS)
    after = soaked.compared()
    print("after:", after)
    print(f"at most {soaked.peak}, and {soaked.peak_rss()} KiB with programs and libraries", flush=True)
    assert after["descriptors"] == warm["descriptors"]
    assert after["threads"] == warm["threads"]
    assert after["memory"] == pytest.approx(warm["memory"], rel=TOLERANCE)
    # The unit's limits are for larger forests than this one.
    assert 4 * soaked.peak_rss() <= limit("MemoryMax")
    assert 4 * soaked.peak.threads <= limit("TasksMax")
    assert 4 * soaked.peak.descriptors <= limit("LimitNOFILE")
