"""Log-ins that nothing around the programs may weaken: settings of libldap that lie about, a peer that is not
the server, clocks that differ. What a person sees is asserted."""

from __future__ import annotations

import contextlib
import glob
import json
import re
import socket

import pytest

from between import Between
from directory_driver import Driver, search
from scplab import Lab
from scplab.forest import BY_KEY
from scplab.world import World


# ---- a server known by its IPv6 address alone

IPV6 = "::1"
BY_IPV6 = [("good", ""), ("wrong-name", "wrong name: the server's certificate is for elsewhere.example"),
           ("other-ca", "unknown CA"), ("expired", "the server's certificate, or its CA's, has expired")]


@pytest.mark.parametrize("kind, said", BY_IPV6, ids=[kind for kind, _ in BY_IPV6])
def test_a_server_by_its_ipv6_address(lab, scpctl, kind, said):
    """Its certificate has to name the address, as any other."""
    server = lab.server("emea")
    with Between(IPV6, lab.certificate(kind, IPV6), (server.address, server.tls_port)) as proxy:
        uri = f"ldaps://[{IPV6}]:{proxy.port}"
        config = lab.write_settings(lab.settings(via={"emea": uri}))
        done = scpctl("plan", "-o", "json", lab=lab, config=config)
        emea, = (one for one in done.json["domains"] if one["domain"] == "emea.corp.test")
        if said:
            assert done.returncode == 4 and emea["error"].startswith(f"TLS with {uri}: {said}"), done
        else:
            assert done.returncode in (0, 1) and (emea["server"], emea["error"]) == (uri, None), done


# ---- by certificate


def test_a_client_certificate_is_a_log_in(world: World):
    """EXTERNAL, at all servers of a forest, for reading and writing."""
    account = world.lab.document()["accounts"]["svc"]
    world.forest_settings["auth"] = {"mechanism": "external"}
    world.forest_settings["tls"] |= {"cert_file": account["client_certificate"], "key_file": account["client_key"]}
    assert [one["result"] for one in world.sync().json["changes"]] == ["done"]
    world.forest_settings["tls"] |= {"key_file": str(world.lab.ca_file)}
    refused = world.run("plan")
    said = f"TLS cannot use {world.lab.ca_file} with the client certificate {account['client_certificate']}"
    assert refused.returncode == 2 and said in refused.stderr, refused


@pytest.fixture(scope="module")
def krb_lab():
    with Lab(kerberos=True, gc=False) as one:
        yield one


# ---- what lies about: files and environment of libldap

HOSTILE = """TLS_REQCERT never
TLS_REQSAN never
TLS_CACERT /dev/null
TLS_CACERTDIR /nowhere
TLS_PROTOCOL_MIN 3.0
TLS_CIPHER_SUITE NONE
SASL_MECH PLAIN
SASL_SECPROPS none,minssf=0,maxssf=0
SASL_NOCANON off
SASL_CBINDING none
URI {trap}
HOST {host}
PORT {port}
BASE DC=elsewhere
BINDDN CN=somebody
REFERRALS on
DEREF always
SIZELIMIT 1
TIMELIMIT 1
NETWORK_TIMEOUT 1
"""

PLACES = {
    "./ldaprc": ("ldaprc", {}),
    "~/ldaprc": ("home/ldaprc", {}),
    "~/.ldaprc": ("home/.ldaprc", {}),
    "LDAPCONF": ("ldap.conf", {"LDAPCONF": "{work}/ldap.conf"}),
    "LDAPRC": ("other", {"LDAPRC": "other"}),
    "the environment": (None, {}),
    "LDAPNOINIT empty": ("ldaprc", {"LDAPNOINIT": ""}),
}


class Hostile:
    def __init__(self, work, place: str, trap: str, port: int):
        name, environment = PLACES[place]
        self.work = work
        (work / "home").mkdir()
        text = HOSTILE.format(trap=f"ldap://{trap}:{port}", host=trap, port=port)
        if name:
            (work / name).write_text(text)
        self.environment = {"HOME": str(work / "home")} | {
            key: value.format(work=work) for key, value in environment.items()}
        if place == "the environment":
            self.environment |= {f"LDAP{key}": value for key, _, value in
                                 (line.partition(" ") for line in text.splitlines())}


class Trap:
    """A server that nobody was told of: it counts who comes."""

    def __init__(self, address: str, port: int):
        self.socket = socket.create_server((address, port))
        self.socket.setblocking(False)

    def came(self) -> int:
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.accept()[0].close()
                count += 1
        return count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


REFUSED = [("other-ca", "unknown CA"), ("wrong-name", "wrong name"), ("expired", "has expired")]


@pytest.mark.parametrize("place", PLACES)
def test_nothing_that_lies_about_weakens_or_redirects(lab, scpctl, place):
    address = lab.block.address(95)
    hostile = Hostile(scpctl.scratch, place, address, 20389)

    def run(settings: dict):
        return scpctl("list", "-o", "json", lab=lab, config=lab.write_settings(settings),
                      environment=hostile.environment)

    with Trap(address, 20389) as trap:
        good = run(lab.settings())
        assert good.returncode == 0 and len(json.loads(good.stdout)["scps"]) >= 1, good
        for kind, said in REFUSED if place == "./ldaprc" else REFUSED[:1]:
            proxy = lab.proxy("emea", certificate=kind)
            refused = run(lab.settings(via={"emea": proxy.uri}))
            assert refused.returncode == 4 and said in refused.stderr + refused.stdout, refused
            assert proxy.count("bind-request") == 0
            proxy.close()
        assert trap.came() == 0


@pytest.mark.parametrize("auth, place", [("gssapi", "./ldaprc"), ("ccache", "the environment")])
def test_kerberos_seals_whatever_lies_about(krb_lab, scpctl, auth, place):
    """A server that would not seal is refused; one that does is used, sealed."""
    address = krb_lab.block.address(95)
    hostile = Hostile(scpctl.scratch, place, address, 20389)
    if auth == "ccache":
        krb_lab.kinit()
    settings = krb_lab.settings(auth=auth, tls=False)
    config = krb_lab.write_settings(settings)
    with Trap(address, 20389) as trap:
        done = scpctl("list", "-o", "json", lab=krb_lab, config=config, environment=hostile.environment)
        assert done.returncode == 0, done
        with slapd_with(krb_lab, "emea", "sasl-secprops none,maxssf=0"):
            done = scpctl("list", "-o", "json", lab=krb_lab, config=config, environment=hostile.environment)
            told = json.loads(done.stdout)["error"]
            assert done.returncode == 4 and "cannot bind with GSSAPI" in told["message"], done
            assert "does not encrypt under Kerberos" in told["hint"]
        assert trap.came() == 0


# ---- another server's settings, for a while


@contextlib.contextmanager
def slapd_with(lab: Lab, name: str, *directives: str, **changes: str):
    """The server with more directives, or others in place of its own; afterwards as before."""
    conf = lab.server(name).paths.conf
    before = conf.read_text()
    lines = before.splitlines()
    for own, other in changes.items():
        lines = [f"{own} {other}" if line.startswith(f"{own} ") else line for line in lines]
    at = next(n for n, line in enumerate(lines) if line.startswith("sasl-realm"))
    lab.stop(name)
    conf.write_text("\n".join([*lines[:at + 1], *directives, *lines[at + 1:]]) + "\n")
    try:
        lab.start(name)
        yield
    finally:
        with contextlib.suppress(Exception):
            lab.stop(name)
        conf.write_text(before)
        lab.start(name)


# ---- channel binding


@pytest.fixture(scope="module")
def between(krb_lab):
    """An address in the middle, for which there are tickets that the server takes: its name is stolen."""
    kdc, address = krb_lab.kdc, krb_lab.block.address(96)
    kdc.administer(f"addprinc -randkey ldap/{address}")
    kdc.administer(f"ktadd -k {kdc.server_keytab} -norandkey ldap/{address}")
    kdc.krb5_conf.write_text(kdc.krb5_conf.read_text() + f" {address} = CORP.TEST\n")
    return address


def by_kerberos(lab: Lab, driver: Driver, uri: str, mechanism: str = "gssapi") -> dict:
    account = lab.document()["accounts"]["svc"]
    return driver.endpoint(uri, tls="ldaps", mechanism=mechanism, keytab=account["keytab"],
                           principal=account["principal"])


@pytest.mark.parametrize("digest", ["SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("mechanism", ["gssapi", "gss-spnego"])
def test_channel_binding_holds_for_any_certificate(krb_lab, scratch, digest, mechanism):
    """RFC 5929 4.1: the hash is that of the certificate's signature, SHA-256 at least."""
    server = krb_lab.server("emea")
    pair = krb_lab.authority.server(f"{digest}-{server.address}", [], [server.address], digest=digest)
    driver = Driver(krb_lab, scratch)
    with slapd_with(krb_lab, "emea", "sasl-cbinding tls-endpoint", TLSCertificateFile=f'"{pair.certificate}"',
                    TLSCertificateKeyFile=f'"{pair.key}"'):
        done = driver(by_kerberos(krb_lab, driver, server.ldaps, mechanism), search())
    assert done["error"] is None and done["done"][0]["entries"], done["error"]


@pytest.mark.parametrize("mechanism", ["gssapi", "gss-spnego"])
def test_somebody_between_is_refused_where_the_server_binds(krb_lab, scratch, between, mechanism):
    server = krb_lab.server("emea")
    driver = Driver(krb_lab, scratch)
    other = krb_lab.certificate("good", between)
    with Between(between, other, (server.address, server.tls_port)) as proxy:
        told = by_kerberos(krb_lab, driver, f"ldaps://{between}:{proxy.port}", mechanism)
        unbound = driver(told, search())
        assert unbound["error"] is None and proxy.seen > 0, "without binding the server cannot tell"
        with slapd_with(krb_lab, "emea", "sasl-cbinding tls-endpoint"):
            bound = driver(told, search())
    error = bound["error"]
    assert error["kind"] == "refused" and f"ldaps://{between}" in error["message"]
    assert "channel binding" in error["hint"] and "load balancer" in error["hint"]


# ---- clocks

AHEAD, BEHIND = "+360s", "-360s"


def faketime(offset: str) -> dict[str, str]:
    """For a program whose clock is off; ours are never touched, as sanitizers want no preloaded library."""
    library, = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@contextlib.contextmanager
def clock_of_kdc(lab: Lab, offset: str):
    lab.kdc.process.end()
    lab.kdc.start(True, faketime(offset))
    try:
        yield
    finally:
        lab.kdc.process.end()
        lab.kdc.start(True)


@contextlib.contextmanager
def clock_of(lab: Lab, name: str, offset: str):
    server = lab.server(name)
    lab.stop(name)
    server.launch({"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LDAPNOINIT": "1"} | lab.kdc.server_environment()
                  | faketime(offset), True)
    server.wait_ready()
    try:
        yield
    finally:
        lab.stop(name)
        lab.start(name)


@pytest.mark.parametrize("auth, offset", [("gssapi", AHEAD), ("ccache", BEHIND)])
def test_kerberos_takes_the_domains_time(krb_lab, scpctl, auth, offset):
    """libkrb5 learns the KDC's time at the log-in (kdc_timesync): 6 minutes are no obstacle where the whole domain
    has them, and preflight tells of them."""
    config = krb_lab.write_settings(krb_lab.settings(auth=auth, tls=False))
    with contextlib.ExitStack() as stack:
        stack.enter_context(clock_of_kdc(krb_lab, offset))
        for key in BY_KEY:
            stack.enter_context(clock_of(krb_lab, key, offset))
        krb_lab.kinit()
        listed = scpctl("list", "-o", "json", lab=krb_lab, config=config)
        assert listed.returncode == 0, listed
        told = scpctl("preflight", "-o", "json", lab=krb_lab, config=config)
    rows = [row for row in json.loads(told.stdout)["checks"] if row["check"] == "time"]
    assert told.returncode == 1 and len(rows) == len(BY_KEY), told
    for row in rows:
        word = "ahead of" if offset == AHEAD else "behind"
        apart = re.search(r"is (\d+) s " + word + " this host's", row["detail"])
        assert not row["ok"] and 350 <= int(apart[1]) <= 370, row
        assert "take their time from one source" in row["hint"]


@pytest.mark.parametrize("auth, offset", [("gssapi", AHEAD), ("ccache", BEHIND)])
def test_a_server_whose_clock_is_off_is_named_with_both_times(krb_lab, scpctl, auth, offset):
    krb_lab.kinit()
    config = krb_lab.write_settings(krb_lab.settings(auth=auth, tls=False))
    with clock_of(krb_lab, "emea", offset):
        done = scpctl("list", "-o", "json", lab=krb_lab, config=config)
    assert done.returncode == 4, done
    error = json.loads(done.stdout)["error"]
    times = re.search(r"its clock says (\S+), this machine's (\S+): (\d+) s apart, Kerberos allows 300", error["message"])
    assert times and 350 <= int(times[3]) <= 370, error
    assert "emea.corp.test" in error["message"] and "Synchronise both clocks" in error["hint"]


def test_a_kdc_whose_clock_is_off_is_no_wrong_key(krb_lab, scpctl):
    config = krb_lab.write_settings(krb_lab.settings(auth="gssapi", tls=False))
    with clock_of_kdc(krb_lab, AHEAD):
        done = scpctl("list", "-o", "json", lab=krb_lab, config=config)
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 4 and "LDAP 49" in error["message"], done
    assert "compare the server's clock with the KDC's" in error["hint"]


def test_a_keytab_in_the_environment_is_not_the_callers(krb_lab, scpctl):
    """libgssapi would log in with KRB5_CLIENT_KTNAME by itself: who logs in is said in the settings, or by kinit."""
    keytab = f"FILE:{krb_lab.kdc.keytab('svc-mage')}"
    config = krb_lab.write_settings(krb_lab.settings(auth="ccache", tls=False))
    done = scpctl("list", "-o", "json", lab=krb_lab, config=config, environment={
        "KRB5CCNAME": f"FILE:{scpctl.scratch}/none", "KRB5_CLIENT_KTNAME": keytab, "KRB5_KTNAME": keytab})
    assert done.returncode == 4 and "run kinit" in json.loads(done.stdout)["error"]["hint"], done
