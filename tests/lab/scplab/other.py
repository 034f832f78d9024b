"""A second forest beside the lab's own: names and SIDs of its own, in a process of its own, which ends with this one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import ldap
import ldap.dn
import yaml

FOREST = Path(__file__).resolve().parents[1] / "forest"


class OtherForest:
    """`with OtherForest("partner") as partner:` is partner.test, with the children that the lab's forest has."""

    def __init__(self, name: str):
        self.name = name
        self.root = f"{name}.test"
        # cat ends when its standard input does, which this process holds; the lab goes with it.
        self._process = subprocess.Popen(
            [str(FOREST), "run", "--", "sh", "-c", r'cat "$LAB_JSON"; printf "\0"; exec cat'],
            env=os.environ | {"SCPLAB_FOREST": name}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        described = b""
        while not described.endswith(b"\0"):
            read = os.read(self._process.stdout.fileno(), 65536)
            assert read, f"the forest {self.root} did not come up"
            described += read
        self.json = json.loads(described[:-1])
        self.settings = yaml.safe_load(Path(self.json["scpd_yaml"]).read_text())["forests"][0]
        self.configuration = self.json["forest"]["configuration"]
        self._delegated: list[str] = []

    def __enter__(self) -> OtherForest:
        return self

    def __exit__(self, *_exc) -> None:
        self._process.stdin.close()
        assert self._process.wait(timeout=30) == 0
        self._process.stdout.close()

    @property
    def ldapi(self) -> str:
        return next(domain["ldapi"] for domain in self.json["domains"] if domain["key"] == "corp")

    def search(self, base: str, filter: str, scope: int = ldap.SCOPE_SUBTREE) -> list[tuple[str, dict]]:
        """In the root, as an ordinary user of the forest; [] where there is no such base."""
        user = self.json["accounts"]["reader"]
        connection = ldap.initialize(self.settings["servers"][0])
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, self.json["ca_file"])
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        connection.simple_bind_s(user["dn"], user["password"])
        try:
            return [entry for entry in connection.search_s(base, scope, filter) if entry[0]]
        except ldap.NO_SUCH_OBJECT:
            return []
        finally:
            connection.unbind_s()

    def _administrator(self) -> ldap.ldapobject.LDAPObject:
        connection = ldap.initialize(self.ldapi)
        connection.sasl_non_interactive_bind_s("EXTERNAL")
        return connection

    def delegate(self, container: str) -> None:
        """As an enterprise administrator: makes a container in the Configuration NC, where svc-scpd may write SCPs."""
        connection = self._administrator()
        whole = f"{container},{self.configuration}"
        name = ldap.dn.str2dn(whole)[0][0][1]
        connection.add_s(whole, [("objectClass", [b"top", b"container"]), ("cn", [name.encode()])])
        who = self.json["accounts"]["svc"]["dn"]
        access = f'{{0}}to dn.subtree="{whole}" by dn.exact="{who}" write by users read by * none'
        databases = connection.search_s("cn=config", ldap.SCOPE_ONELEVEL, "(olcSuffix=*)", ["olcSuffix"])
        database, = (dn for dn, entry in databases
                     if entry["olcSuffix"][0].decode().lower() == self.configuration.lower())
        connection.modify_s(database, [(ldap.MOD_ADD, "olcAccess", [access.encode()])])
        connection.unbind_s()
        self._delegated.append(whole)

    def clean(self) -> None:
        """Removes what was delegated, with all in it."""
        connection = self._administrator()
        for container in self._delegated:
            found = [dn for dn, _ in connection.search_s(container, ldap.SCOPE_SUBTREE, attrlist=["1.1"])]
            for dn in sorted(found, key=len, reverse=True):
                connection.delete_s(dn)
        self._delegated.clear()
        connection.unbind_s()
