"""Connections to the lab's servers for tests, with nothing of libldap's own settings."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

with mock.patch.dict(os.environ, LDAPNOINIT="1"):  # libldap reads its settings now, and never again
    import ldap
    import ldap.dn
    import ldap.sasl

from . import forest
from .forest import DOMAINS, Domain

if TYPE_CHECKING:
    from .server import Server

Values = str | bytes | Sequence[str | bytes]
TIMEOUT = 30


def _encode(values: Values) -> list[bytes]:
    listed = [values] if isinstance(values, (str, bytes)) else list(values)
    return [
        value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(value)
        for value in listed
    ]


class Found:
    """An entry that was read: `found["keywords"]` is a list of str, [] if absent."""

    def __init__(self, dn: str, attributes: dict[str, list[bytes]]):
        self.dn = dn
        self._attributes = {name.lower(): values for name, values in attributes.items()}

    def raw(self, name: str) -> list[bytes]:
        return self._attributes.get(name.lower(), [])

    def __getitem__(self, name: str) -> list[str]:
        return [value.decode("utf-8", "surrogateescape") for value in self.raw(name)]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._attributes

    def one(self, name: str) -> str:
        values = self[name]
        assert len(values) == 1, f"{self.dn}: {name} has {len(values)} values"
        return values[0]

    def names(self) -> set[str]:
        return set(self._attributes)

    @property
    def guid(self) -> str:
        """objectGUID, or entryUUID on a server without it, as 8-4-4-4-12."""
        if "objectGUID" in self:
            return str(uuid.UUID(bytes_le=self.raw("objectGUID")[0]))
        return self.one("entryUUID")

    def content(self) -> dict[str, set[bytes]]:
        """The values without what the server keeps: for comparing entries."""
        kept = {
            "objectclass",
            "keywords",
            "serviceclassname",
            "servicednsname",
            "servicednsnametype",
            "cn",
            "vendor",
            "servicebindinginformation",
            "displayname",
            "description",
            "msds-settings",
            "versionnumber",
        }
        return {name: set(values) for name, values in self._attributes.items() if name in kept}

    def __repr__(self) -> str:
        return f"<{self.dn}>"


class Admin:
    """Errors are python-ldap's exceptions: ldap.INSUFFICIENT_ACCESS and so on."""

    def __init__(self, connection: ldap.ldapobject.LDAPObject, domain: Domain, name: str):
        self.ldap = connection
        self.domain = domain
        self.name = name
        self.nc = domain.nc

    @staticmethod
    def _open(uri: str, ca_file: Path | None = None) -> ldap.ldapobject.LDAPObject:
        connection = ldap.initialize(uri)
        connection.set_option(ldap.OPT_REFERRALS, 0)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, TIMEOUT)
        connection.timeout = TIMEOUT
        if ca_file:
            connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(ca_file))
            connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
            connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        return connection

    @classmethod
    def external(cls, server: Server) -> Admin:
        """As the domain's administrator, over the local socket."""
        connection = cls._open(server.ldapi)
        connection.sasl_non_interactive_bind_s("EXTERNAL")
        return cls(connection, server.domain, server.name)

    @classmethod
    def simple(cls, server: Server, dn: str, password: str, ca_file: Path) -> Admin:
        connection = cls._open(server.ldaps, ca_file)
        connection.simple_bind_s(dn, password)
        return cls(connection, server.domain, server.name)

    def close(self) -> None:
        try:
            self.ldap.unbind_s()
        except ldap.LDAPError:
            pass

    def dn(self, relative: str) -> str:
        """A DN below this domain's head from one relative to it; a whole DN stays as it is."""
        lower = relative.lower()
        if any(("," + lower).endswith("," + domain.nc.lower()) for domain in DOMAINS):
            return relative
        return f"{relative},{self.nc}" if relative else self.nc

    # ---- reading

    def get(self, dn: str, attributes: Sequence[str] = ("*", "+")) -> Found | None:
        """The entry, or None if there is none (or none that this account may see)."""
        try:
            results = self.ldap.search_s(
                self.dn(dn), ldap.SCOPE_BASE, "(objectClass=*)", list(attributes)
            )
        except ldap.NO_SUCH_OBJECT:
            return None
        return next((Found(*entry[:2]) for entry in results if entry[0] is not None), None)

    def search(
        self,
        filter: str = "(objectClass=*)",
        base: str = "",
        scope: str = "sub",
        attributes: Sequence[str] = ("*", "+"),
    ) -> list[Found]:
        """Entries in the server's order, without continuation references: see references()."""
        results = self.ldap.search_s(self.dn(base), _SCOPES[scope], filter, list(attributes))
        return [Found(*entry[:2]) for entry in results if entry[0] is not None]

    def references(self, base: str = "", filter: str = "(objectClass=*)") -> list[str]:
        """URIs of the continuation references that a subtree search returns."""
        results = self.ldap.search_s(self.dn(base), ldap.SCOPE_SUBTREE, filter, ["1.1"])
        return [uri for entry in results if entry[0] is None for uri in entry[1]]

    def root_dse(self) -> Found:
        return Found(
            "", self.ldap.search_s("", ldap.SCOPE_BASE, "(objectClass=*)", ["*", "+"])[0][1]
        )

    # ---- writing

    def add(self, dn: str, attributes: Mapping[str, Values]) -> str:
        """Adds an entry; the last class of its chain is enough. Returns the whole DN."""
        whole = self.dn(dn)
        rdn_type, rdn_value, _ = ldap.dn.str2dn(whole)[0][0]
        values = {rdn_type.lower(): [rdn_value.encode("utf-8", "surrogateescape")]}
        values |= {name.lower(): _encode(value) for name, value in attributes.items() if len(value)}
        self.ldap.add_s(whole, list(values.items()))
        return whole

    def add_scp(
        self,
        name: str,
        keywords: Values = (),
        bindings: Values = (),
        container: str = "CN=System",
        **attributes: Values,
    ) -> str:
        """An SCP below a container relative to the domain; `_` in a keyword stands for `-`."""
        dn = f"CN={ldap.dn.escape_dn_chars(name)},{self.dn(container)}"
        values = {
            "objectClass": "serviceConnectionPoint",
            "keywords": keywords,
            "serviceBindingInformation": bindings,
        }
        return self.add(
            dn, values | {key.replace("_", "-"): value for key, value in attributes.items()}
        )

    def add_container(self, dn: str) -> str:
        return self.add(dn, {"objectClass": "container"})

    def modify(
        self,
        dn: str,
        attributes: Mapping[str, Values] | None = None,
        *,
        add: Mapping[str, Values] | None = None,
        remove: Mapping[str, Values] | None = None,
    ) -> None:
        """Replaces all values of `attributes` (empty: removes it); adds and removes values."""
        changes: list[tuple[int, str, list[bytes] | None]] = []
        for name, values in (attributes or {}).items():
            changes.append((ldap.MOD_REPLACE, name, _encode(values) or None))
        changes += [
            (ldap.MOD_DELETE, name, _encode(values)) for name, values in (remove or {}).items()
        ]
        changes += [(ldap.MOD_ADD, name, _encode(values)) for name, values in (add or {}).items()]
        self.ldap.modify_s(self.dn(dn), changes)

    def rename(self, dn: str, rdn: str, parent: str | None = None) -> str:
        """Gives an entry a new RDN and perhaps a new parent; returns the new DN."""
        whole = self.dn(dn)
        superior = self.dn(parent) if parent else ldap.dn.dn2str(ldap.dn.str2dn(whole)[1:])
        self.ldap.rename_s(whole, rdn, self.dn(parent) if parent else None, 1)
        return f"{rdn},{superior}"

    def delete(self, dn: str) -> None:
        self.ldap.delete_s(self.dn(dn))

    def delete_tree(self, dn: str) -> None:
        """The entry and all below it; nothing happens if it does not exist."""
        try:
            found = self.search(base=dn, attributes=["1.1"])
        except ldap.NO_SUCH_OBJECT:
            return
        for entry in sorted(found, key=lambda e: len(ldap.dn.str2dn(e.dn)), reverse=True):
            self.ldap.delete_s(entry.dn)

    def copies(self, container: str = forest.COPY_CONTAINER) -> list[Found]:
        """The SCPs in the container for copies."""
        return self.search("(objectClass=serviceConnectionPoint)", container)


_SCOPES = {"base": ldap.SCOPE_BASE, "one": ldap.SCOPE_ONELEVEL, "sub": ldap.SCOPE_SUBTREE}
