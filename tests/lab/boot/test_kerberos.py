"""Kerberos and names inside the unit's sandbox: the machine's krb5.conf, tickets in memory, a keytab that systemd hands over."""

import pytest

from host import Host
from scplab.forest import BY_KEY


@pytest.fixture(scope="module", autouse=True)
def installed(host: Host, package):
    host.install(package)


def test_a_keytab_from_the_credential_store(host: Host):
    host.give_keytab("/etc/credstore/scpd.keytab")
    host.by_kerberos()
    host.start()
    host.wait_status("4 domains", "1 in sync", "0 held", without="incomplete")
    assert host.lab.agent_search().found == 1


def test_an_encrypted_keytab_by_a_drop_in(host: Host):
    """As README tells it. On this machine's disk it lies encrypted only."""
    host.run("mkdir", "-p", "/etc/credstore.encrypted")
    host.run("systemd-creds", "encrypt", "--with-key=host", "--name=scpd.keytab", "/etc/credstore/scpd.keytab",
             "/etc/credstore.encrypted/scpd.keytab")
    host.run("rm", "/etc/credstore/scpd.keytab")
    host.write("/etc/systemd/system/scpd.service.d/keytab.conf",
               "[Service]\nLoadCredentialEncrypted=scpd.keytab:/etc/credstore.encrypted/scpd.keytab\n")
    host.run("systemctl", "daemon-reload")
    host.start()
    host.wait_status("4 domains", "1 in sync", without="incomplete")


def test_without_its_keytab_it_runs_and_says_what_is_missing(host: Host):
    host.run("rm", "-r", "/etc/systemd/system/scpd.service.d")
    host.run("systemctl", "daemon-reload")
    host.start()
    host.wait_journal("scpd.keytab")
    assert host.show("ActiveState") == "active"


def test_a_kerberos_configuration_of_its_own(host: Host):
    host.give_keytab("/etc/credstore/scpd.keytab")
    host.run("mv", "/etc/krb5.conf", "/etc/scpd/krb5.conf")
    host.write("/etc/default/scpd", "KRB5_CONFIG=/etc/scpd/krb5.conf\n")
    host.start()
    host.wait_status("4 domains", "1 in sync", without="incomplete")


def test_servers_by_name(host: Host):
    """getaddrinfo inside the sandbox."""
    lab = host.lab
    names = {key: lab.servers[key].domain.host for key in BY_KEY}
    hosts = "".join(f"{lab.servers[key].address} {name}\n" for key, name in names.items())
    host.write("/etc/hosts", "127.0.0.1 localhost\n" + hosts)
    named = {key: f"ldap://{name}:{lab.servers[key].port}" for key, name in names.items()}
    host.by_password(forests=[by_name(lab, named)])
    host.start()
    host.wait_status("4 domains", "1 in sync", without="incomplete")


def by_name(lab, uris: dict[str, str]) -> dict:
    forest = lab.settings(via=uris, auth="gssapi", tls=False)["forests"][0]
    del forest["auth"]["keytab"]
    forest["auth"]["credential"] = "scpd.keytab"
    return forest
