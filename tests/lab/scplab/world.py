"""A lab with settings to change and programs to run, in the words of the design: source, copy."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable
from pathlib import Path

from . import forest
from .admin import Admin, Found
from .lab import Lab
from .process import wait_until
from .runner import Done, Scpctl
from .snapshot import Snapshot

MARKER = "msDS-Settings"
COPIED = ("keywords", "serviceBindingInformation", "serviceClassName", "serviceDNSName",
          "serviceDNSNameType", "vendor", "displayName", "description", "versionNumber")


class Marker(dict):
    """The fields of a marker in their order: m["s"], and str(m) for the value."""

    @classmethod
    def of(cls, entry: Found) -> Marker:
        value, = (one for one in entry[MARKER] if one.lower().startswith("scpd1;"))
        return cls.parse(value)

    @classmethod
    def parse(cls, value: str) -> Marker:
        return cls(part.split("=", 1) for part in value.split(";")[1:])

    def but(self, **fields: str) -> Marker:
        return Marker({**self, **fields})

    def __str__(self) -> str:
        return ";".join(["scpd1", *(f"{name}={value}" for name, value in self.items())])


def content(entry: Found, attributes: Iterable[str] = COPIED) -> dict[str, list[bytes]]:
    """What a copy must have in common with its source."""
    return {name: sorted(entry.raw(name)) for name in attributes if entry.raw(name)}


class Planned:
    """What `plan`, `diff` or `sync` said, in short rows that tests can compare."""

    def __init__(self, done: Done):
        self.done = done
        self.exit = done.returncode
        self.json = done.json
        assert self.json.get("schema") == "scpd.plan/1", done

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """(op, reason, domain), sorted; a domain by its key in the lab."""
        return sorted((one["op"], one["reason"], key_of(one["domain"]))
                      for one in self.json["changes"])

    @property
    def held(self) -> list[tuple[str, str]]:
        """(reason, domain), sorted; a domain may be empty."""
        return sorted((one["reason"], key_of(one["domain"])) for one in self.json["held"])

    @property
    def in_sync(self) -> int:
        return self.json["in_sync"]

    @property
    def hash(self) -> str:
        return self.json["hash"]

    def __repr__(self) -> str:
        return (f"<exit {self.exit}, changes {self.changes}, held {self.held}, in sync {self.in_sync}"
                f"\n{self.done!r}>")


def key_of(dns: str | None) -> str:
    if dns == f"configuration:{forest.ROOT.dns}":
        return "configuration"
    return forest.find_domain(dns).key if dns else ""


class World:
    """A lab in its first state, with its settings to change in place and scpctl to run on them."""

    _numbers = itertools.count()
    source_dn = f"{forest.PRODUCT_PATH},{forest.BY_KEY['emea'].nc}"
    name = forest.PROJECT
    copy_rdn = f"CN={forest.PROJECT},{forest.COPY_CONTAINER}"  # relative to the domain

    def __init__(self, lab: Lab, scpctl: Scpctl):
        self.lab = lab
        self.scpctl = scpctl
        self.settings = lab.settings()
        self._stopped: list[str] = []
        self._first = Snapshot.take(lab)
        self._config = scpctl.scratch / f"scpd-{next(self._numbers)}.yaml"

    def close(self) -> None:
        """Puts the lab back for the next test."""
        for name in self._stopped:
            self.lab.start(name)
        self._first.put_back(self.lab)

    # ---- settings

    @property
    def rule(self) -> dict:
        return self.settings["rules"][0]

    @property
    def forest_settings(self) -> dict:
        return self.settings["forests"][0]

    def wait_for_catalog(self, filter: str, entries: int) -> None:
        """Until the global catalog shows so many: it hears of a domain's changes a little later."""
        catalog = self.lab.domain("gc")
        wait_until(lambda: len(catalog.search(filter, "")) == entries, 30, f"{filter} in the global catalog")

    def another_rule(self, name: str = "second", **different) -> dict:
        """A copy of the first rule under another name, with some keys changed, added to the rules."""
        self.settings["rules"].append(copy.deepcopy(self.rule) | {"name": name} | different)
        return self.settings["rules"][-1]

    def through(self, proxy, name: str) -> None:
        """Goes to a domain by way of a proxy from now on."""
        domain = forest.find_domain(name)
        at = self.forest_settings if domain == forest.ROOT else self.forest_settings["domains"][domain.dns]
        at["servers"] = [proxy.uri]

    def config(self) -> Path:
        from .settings import to_yaml
        self._config.write_text(to_yaml(self.settings))
        return self._config

    # ---- the directory

    @property
    def corp(self) -> Admin:
        return self.lab.domain("corp")

    @property
    def emea(self) -> Admin:
        return self.lab.domain("emea")

    @property
    def apac(self) -> Admin:
        return self.lab.domain("apac")

    @property
    def tree(self) -> Admin:
        return self.lab.domain("tree")

    def source(self) -> Found:
        return self.emea.get(self.source_dn)

    def copy(self, domain: str = "corp", name: str = forest.PROJECT) -> Found | None:
        return self.lab.domain(domain).get(f"CN={name},{forest.COPY_CONTAINER}")

    def like_source(self, domain: str, container: str = "CN=System", name: str = forest.PROJECT,
                    **different) -> str:
        """Another SCP with the source's content, but for some attributes; `_` stands for `-`."""
        source = self.source()
        values = {attribute: source.raw(attribute) for attribute in COPIED if source.raw(attribute)}
        values |= {key.replace("_", "-"): value for key, value in different.items()}
        keywords, bindings = values.pop("keywords"), values.pop("serviceBindingInformation", [])
        return self.lab.domain(domain).add_scp(name, keywords, bindings, container, **values)

    def stop(self, name: str) -> None:
        self.lab.stop(name)
        self._stopped.append(name)

    def start(self, name: str) -> None:
        self._stopped.remove(name)
        self.lab.start(name)

    def snapshot(self) -> Snapshot:
        """Of the domains that run."""
        return Snapshot.take(self.lab, [domain.key for domain in forest.DOMAINS
                                        if domain.key not in self._stopped])

    # ---- scpctl

    def run(self, *arguments: str, **options) -> Done:
        return self.scpctl(*arguments, lab=self.lab, config=self.config(), **options)

    def plan(self, *arguments: str) -> Planned:
        return Planned(self.run("plan", "-o", "json", *arguments))

    def sync(self, *arguments: str) -> Planned:
        return Planned(self.run("sync", "--yes", "-o", "json", *arguments))

    def mirror(self, *domains: str) -> Found:
        """A first sync, which must create the copies; the one in the first domain (corp)."""
        done = self.sync()
        assert done.exit == 0, done
        copies = [self.copy(domain) for domain in domains or ("corp",)]
        assert all(copies), done
        return copies[0]
