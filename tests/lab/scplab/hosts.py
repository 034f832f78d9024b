"""Several hosts that run one instance: each with a state directory of its own, and a path of its own to every server."""

from __future__ import annotations

import copy
import os
import signal
from pathlib import Path

from .forest import BY_KEY, DOMAINS, ROOT, Dc
from .lab import Lab
from .process import LabError, wait_until
from .runner import Daemon, Done, Scpctl
from .scripted import Action, Exchange, FaultProxy
from .settings import to_yaml


class Host:
    """One scpd, which may be killed and started again, and the network between it and the forest."""

    def __init__(self, lab: Lab, scratch: Path, number: int, settings: dict):
        """Hosts of even numbers name a domain's second DC first."""
        self.lab = lab
        self.number = number
        self.directory = scratch / f"host-{number}"
        self.directory.mkdir()
        self.paths: dict[str, FaultProxy] = {name: lab.proxy(name) for name in lab.servers}
        self.config = self.directory / "scpd.yaml"
        self.config.write_text(to_yaml(self._own(settings)))
        self._scpctl = Scpctl(self.directory)
        self.daemon: Daemon | None = None
        self.stopped = self.is_cut = self.is_paused = False

    def _own(self, settings: dict) -> dict:
        """The settings of all, by this host's own ways."""
        own = copy.deepcopy(settings)
        whole = own["forests"][0]
        for domain in DOMAINS:
            dcs = [key for key in (domain.key, domain.key + "2") if key in self.paths]
            at = whole if domain == ROOT else whole["domains"][domain.dns]
            at["servers"] = [self.paths[key].uri for key in dcs[:: 1 if self.number % 2 else -1]]
        if "gc" in self.paths:
            raise LabError("a host's way to the global catalog is not made")
        return own

    # ---- the daemon

    def start(self) -> None:
        """Also again, after it was killed: on the same state, the same log going on."""
        if self.daemon:
            self.daemon.close()
        self.stopped = False
        self.daemon = Daemon(self.directory, self.config, self._scpctl.environment(self.lab), ())

    def alive(self) -> bool:
        return self.daemon.process.alive()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self.daemon.process.wait()

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)
        self.stopped = False

    def _signal(self, number: int) -> None:
        try:
            os.kill(self.daemon.pid, number)
        except ProcessLookupError:
            pass

    def struck_by(self, number: int) -> Action:
        """For a path: the signal comes before the message goes on its way."""

        async def act(exchange: Exchange) -> None:
            self.stopped = self.stopped or number == signal.SIGSTOP
            self._signal(number)
            await exchange.forward()

        return act

    def log(self) -> str:
        return self.daemon.log()

    def cycles(self) -> int:
        return self.log().count("cycle begins")

    def history(self) -> dict[str, int]:
        """The files of its history, and their sizes."""
        return {str(file): file.stat().st_size for file in sorted((self.directory / "state/history").glob("*"))}

    def run(self, *arguments: str) -> Done:
        """scpctl on this host: its settings, its paths, its state."""
        return self._scpctl(*arguments, lab=self.lab, config=self.config,
                            environment={"STATE_DIRECTORY": str(self.directory / "state")})

    # ---- the network

    def cut(self, names: list[str], kind: str) -> None:
        """reset: connections end and new ones are refused; silent: packets vanish."""
        self.is_cut = True
        for path in (self.paths[name] for name in names):
            if kind == "silent":
                path.silence()
            else:
                path.refuse()
                path.cut(reset=True)

    def heal(self) -> None:
        """All paths pass again, and nothing waits on them to strike any more."""
        self.is_cut = False
        for path in self.paths.values():
            path.clear()
            path.speak()
            if not path.listens():
                path.accept()

    def writes(self) -> int:
        """Requests to write that it has sent, whatever came of them."""
        return sum(path.count() for path in self.paths.values())

    def messages(self) -> int:
        return sum(len(path.seen) for path in self.paths.values())


def reach_by_name(lab: Lab) -> dict[str, FaultProxy]:
    """A domain with two DCs names its PDC emulator by an address: from now on that of a proxy, one for all hosts."""
    proxies = {}
    for key in [domain.key for domain in DOMAINS if domain.key + "2" in lab.servers]:
        proxies[key] = lab.proxy(key)
        name = Dc(BY_KEY[key]).server_dn
        lab.domain(ROOT.key).modify(name, {"dNSHostName": proxies[key].address})
        wait_until(lambda: all(lab.domain(one).get(name)["dNSHostName"] == [proxies[key].address]
                               for one in lab.servers), 20, f"the new name of {key} at every server")
    return proxies
