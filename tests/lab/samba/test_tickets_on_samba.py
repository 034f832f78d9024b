"""Kerberos as real KDCs give it: one that is down, a clock that is off, a password that is changed and its keytab rotated
while scpd runs, tickets that have ended. Each with what a person sees."""

import os
import re
import shutil
import subprocess

import ldap
import pytest

from objects import until
from scene import BUILD
from story import BINDING, DC1, DC2, EM1
from topology import SERVICE


@pytest.fixture
def named(copied):
    """Servers by name: no name server has to be asked that is down."""
    copied.servers = {"servers": [DC1], "domains": {"emea.corp.test": {"servers": [EM1]}},
                      "timeouts": {"connect": "2s", "operation": "5s"}}
    return copied


def follows(story, value: str, log) -> None:
    """The copy has what the source has. Read without a ticket."""
    story.publish(value)
    admin = story.samba.connect_admin("dc1")
    until(lambda: admin.search_s(story.copy_dn, ldap.SCOPE_BASE)[0][1][BINDING] == [value.encode()],
          f"{value}\n{log.read_text()}", 60)


def test_the_kdc_is_down(named):
    """scpctl says so; scpd has its tickets and goes on."""
    with named.kdc_of("dc2", alone=True):
        log = named.watch()
        follows(named, "with=kdc", log)
        named.samba.kill("dc2")
        try:
            error = named.run("plan", exit=4)["error"]
            assert error["message"] == (
                f"forest corp was not read: cannot bind with GSSAPI on {DC1}: Kerberos: log-in of svc-scpd@CORP.TEST with "
                f"{named.samba.keytab}: Cannot contact any KDC for realm 'CORP.TEST'")
            assert error["hint"] == ("No KDC answers: check /etc/krb5.conf, DNS SRV _kerberos._tcp of the realm, "
                                     "and port 88.")
            follows(named, "without=kdc", log)
            assert "cannot bind" not in log.read_text(), log.read_text()
        finally:
            named.samba.start("dc2")


APART = r"its clock says (\S+), this machine's (\S+): (\d+) s apart, Kerberos allows 300"


@pytest.mark.parametrize("dc, exit", [("dc2", 0), ("em1", 4)])
def test_a_dc_whose_clock_is_six_minutes_off(named, dc, exit):
    """The ticket for dc2 is dc1's, which has the right time, and dc1 is read in its place. em1, a KDC itself, gives none."""
    named.servers["servers"] = [DC1, DC2]
    with named.kdc_of("dc1", alone=True):
        named.samba.kill(dc)
        named.samba.start_behind(dc)
        try:
            forest, = named.run("topology")["forests"]
            answer = named.run("plan", exit=exit)
        finally:
            named.samba.kill(dc)
            named.samba.start(dc)
    uri = named.samba.dc(dc)["ldap"]
    error, = (one["error"] for domain in forest["domains"] for one in domain["servers"] if one["uri"] == uri)
    for said in [error] if exit == 0 else [error, answer["error"]["message"], answer["held"][0]["detail"]]:
        times = re.search(APART, said)
        assert times and 350 <= int(times[3]) <= 370 and times[1] < times[2], said
        assert f"cannot bind with GSSAPI on {uri}: " in said and "Ticket not yet valid" in said
    assert answer["in_sync"] == (1 if exit == 0 else 0)


# -------------------- another password, another keytab


@pytest.fixture
def account(named):
    """The service account, whose password a test changes; its own keytab, to be replaced."""
    keytab = named.work / "of-scpd.keytab"
    shutil.copy(named.samba.keytab, keytab)
    named.servers["auth"] = {"mechanism": "gssapi", "principal": named.samba.info["service"]["principal"],
                             "keytab": str(keytab)}
    with named.kdc_of("dc1", alone=True):  # where the password is changed
        yield Account(named.samba, keytab)
        Account(named.samba, keytab).change(SERVICE.password)
        until(lambda: named.samba.connect_kerberos(dc="dc2"), "the old password at dc2", 60)


class Account:
    def __init__(self, samba, keytab):
        self.samba, self.keytab = samba, keytab

    def change(self, password: str) -> None:
        """By its administrator."""
        done = self.samba.on_dc(f"samba-tool user setpassword {SERVICE.name} --newpassword={password}")
        assert done.returncode == 0, done

    def renew_keytab(self) -> None:
        """As administrators do it: a new file, put in place of the old one."""
        new = self.keytab.with_suffix(".new")
        done = self.samba.on_dc(f"samba-tool domain exportkeytab --principal={SERVICE.name} {new}")
        assert done.returncode == 0, done
        new.rename(self.keytab)


def test_a_password_is_changed_and_its_keytab_replaced_while_scpd_runs(named, account):
    named.settings = {"daemon": {"poll": "200ms", "resync": "500ms"}}
    log = named.watch()
    follows(named, "key=old", log)
    account.change("An0ther.Passw0rd")
    follows(named, "key=changed", log)  # what it has lasts
    error = named.run("plan", exit=4)["error"]  # who begins now has not
    assert f"log-in of svc-scpd@CORP.TEST with {account.keytab}: " in error["message"], error
    assert error["hint"] == ("The key is wrong: the password was changed after the keytab was made; make a new keytab.")
    account.renew_keytab()
    follows(named, "key=new", log)
    assert named.run("plan")["in_sync"] == 1
    assert "cannot bind" not in log.read_text(), log.read_text()


# -------------------- the caller's tickets


def test_the_callers_tickets_have_ended(named):
    """kinit, and much later scpctl. (Samba's KDC gives nothing more in the last two minutes of a ticket, either.)"""
    service, environment = named.samba.info["service"], dict(os.environ) | {"KRB5CCNAME": f"FILE:{named.work}/ccache"}
    named.servers["auth"] = {"mechanism": "gssapi"}

    def client(*argv: str) -> subprocess.CompletedProcess:
        return named.samba.client_run([*argv], env=environment, capture_output=True)

    assert client("kinit", "-l", "1s", "-k", "-t", service["keytab"], service["principal"]).returncode == 0
    until(lambda: client("klist", "-s").returncode == 1, "the ticket's end")
    done = client(str(BUILD / "scpctl/scpctl"), "-c", named.config(), "plan")
    assert done.returncode == 4, done
    assert "Ticket expired" in done.stderr and "The ticket has expired: run kinit, or give auth.keytab." in done.stderr, done
