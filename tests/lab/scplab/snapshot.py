"""All that the domains of a lab hold, to compare before with after, and to put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ldap
import ldap.dn

from .forest import COPY_CONTAINER, DOMAINS, find_domain

if TYPE_CHECKING:
    from .lab import Lab

Attributes = dict[str, list[bytes]]
Key = tuple[str, str]  # key of the domain, DN

# Of the naming context, moved by every write to it; and whether there is something below.
_OF_THE_CONTEXT = {"contextcsn", "hassubordinates"}
# What the server keeps about an entry: no client may write it.
_KEPT_BY_SERVER = {
    "structuralobjectclass", "entryuuid", "entrycsn", "creatorsname", "createtimestamp",
    "modifiersname", "modifytimestamp", "subschemasubentry", "hassubordinates", "entrydn",
    "objectcategory", "name", "distinguishedname", "instancetype", "whencreated", "whenchanged",
    "usncreated", "usnchanged"}


class Snapshot:
    """Every entry with every attribute, operational ones too, of all domains."""

    def __init__(self, entries: dict[Key, Attributes]):
        self.entries = entries

    @classmethod
    def take(cls, lab: Lab, domains: list[str] | None = None) -> Snapshot:
        entries: dict[Key, Attributes] = {}
        for key in domains or [domain.key for domain in DOMAINS]:
            for found in lab.domain(key).search():
                entries[key, found.dn] = {
                    name: sorted(found.raw(name)) for name in sorted(found.names())
                    if name not in _OF_THE_CONTEXT}
        return cls(entries)

    def without(self, leave_out: Callable[[Key, Attributes], bool]) -> Snapshot:
        return Snapshot({key: values for key, values in self.entries.items()
                         if not leave_out(key, values)})

    def not_ours(self, instance: str = "lab", container: str = COPY_CONTAINER) -> Snapshot:
        """Without what promise 1 lets scpd write: what has its marker, where the rule may write."""
        mark = f"scpd1;i={instance};".lower().encode()

        def ours(key: Key, values: Attributes) -> bool:
            place = f",{container},{find_domain(key[0]).nc}".lower()
            marked = any(one.lower().startswith(mark) for one in values.get("msds-settings", []))
            return marked and key[1].lower().endswith(place)
        return self.without(ours)

    def differences(self, later: Snapshot) -> list[str]:
        """One line for each entry that is not the same in both."""
        lines = [f"gone: {key}" for key in self.entries if key not in later.entries]
        lines += [f"new: {key} {later.entries[key]}" for key in later.entries
                  if key not in self.entries]
        for key, values in self.entries.items():
            other = later.entries.get(key, values)
            for name in sorted({*values, *other}):
                if values.get(name) != other.get(name):
                    lines.append(f"{key}: {name}: {values.get(name)} → {other.get(name)}")
        return sorted(lines)

    def gone(self, later: Snapshot) -> list[Key]:
        """Objects, told by objectGUID or entryUUID, that later are nowhere."""
        left = {identity(values) for values in later.entries.values()}
        return [key for key, values in self.entries.items() if identity(values) not in left]

    def put_back(self, lab: Lab) -> None:
        """Makes the domains hold this again; what the server keeps about an entry may differ."""
        now = Snapshot.take(lab)
        for key in sorted(now.entries, key=_depth, reverse=True):
            if key not in self.entries:
                lab.domain(key[0]).delete(key[1])
        for key in sorted(self.entries, key=_depth):
            wanted = _writable(self.entries[key])
            if key not in now.entries:
                lab.domain(key[0]).ldap.add_s(key[1], list(wanted.items()))
            elif wanted != _writable(now.entries[key]):
                have = _writable(now.entries[key])
                changes = [(ldap.MOD_REPLACE, name, wanted.get(name)) for name in {*have, *wanted}
                           if have.get(name) != wanted.get(name)]
                lab.domain(key[0]).ldap.modify_s(key[1], changes)


def identity(values: Attributes) -> bytes:
    return (values.get("objectguid") or values["entryuuid"])[0]


def _depth(key: Key) -> int:
    return len(ldap.dn.str2dn(key[1]))


def _writable(values: Attributes) -> Attributes:
    return {name: listed for name, listed in values.items() if name not in _KEPT_BY_SERVER}
