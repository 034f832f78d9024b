"""The libldap directory against real servers: transports, log-ins, reads, writes, watching."""

import subprocess
import threading

import pytest

from directory_driver import LEAKS_OF_LIBLDAP, Driver, add, modify, search, write
from fake_server import Deaf, FakeServer
from scplab import Lab, forest
from scplab.certs import BAD_KINDS
from scplab.forest import BY_KEY

EMEA = BY_KEY["emea"].nc
SCPD = f"{forest.COPY_CONTAINER},{EMEA}"


@pytest.fixture
def driver(lab, scratch):
    return Driver(lab, scratch)


# ---- transports and log-ins


@pytest.mark.parametrize("transport", ["ldaps", "starttls", "ldapi", "certificate"])
def test_each_way_in(lab, driver, transport):
    server = lab.server("emea")
    told = {
        "ldaps": lambda: driver.endpoint(server.ldaps),
        "starttls": lambda: driver.endpoint(server.ldap, tls="starttls"),
        "ldapi": lambda: driver.endpoint(lab.server("emea").ldapi, mechanism="external"),
        "certificate": lambda: driver.endpoint(
            server.ldaps,
            mechanism="external",
            cert_file=lab.document()["accounts"]["svc"]["client_certificate"],
            key_file=lab.document()["accounts"]["svc"]["client_key"],
        ),
    }[transport]()
    done = driver(told, search(), **(LEAKS_OF_LIBLDAP if transport == "certificate" else {}))
    assert done["error"] is None
    assert done["root_dse"]["default"] == EMEA
    assert done["root_dse"]["configuration"] == forest.CONFIGURATION
    assert done["takes_guid_names"] is False  # slapd answers invalidDNSyntax, whatever it claims
    found = done["done"][0]
    assert found["incomplete"] is None and len(found["entries"]) > 5 and found["references"]


@pytest.mark.parametrize("transport", ["ldaps", "starttls"])
@pytest.mark.parametrize(
    "kind, said",
    [
        ("expired", "has expired"),
        ("not-yet-valid", "not valid yet"),
        ("wrong-name", "wrong name: the server's certificate is for elsewhere.example"),
        ("other-ca", "unknown CA"),
        ("self-signed", ""),
    ],
)
def test_a_bad_certificate_is_refused_and_said(lab, driver, transport, kind, said):
    assert kind in BAD_KINDS
    if transport == "starttls":
        address = lab.block.address(90)
        with FakeServer(address, starttls=lab.certificate(kind, address)) as server:
            done = driver(driver.endpoint(server.uri, tls="starttls"))
            assert b"Passw0rd" not in server.received
    else:
        proxy = lab.proxy("emea", certificate=kind)
        done = driver(driver.endpoint(proxy.uri))
        assert proxy.count("bind-request") == 0
        proxy.close()
    assert done["error"]["kind"] == "unreachable"
    assert done["error"]["message"].startswith("TLS with ldap") and said in done["error"]["message"]
    if kind == "other-ca":
        assert "tls.ca_file" in done["error"]["hint"]


@pytest.mark.parametrize("offered, wanted, good", [("1_2", "1.2", True), ("1_2", "1.3", False)])
def test_an_older_tls_than_wanted_is_refused(lab, driver, offered, wanted, good):
    address = lab.block.address(93)
    with FakeServer(address, starttls=lab.certificate("good", address)) as server:
        server.limit_tls(offered)
        done = driver(driver.endpoint(server.uri, tls="starttls", min_version=wanted))
        binds = [one for one in server.requests if one.operation == "bind-request"]
    assert (done["error"] is None, len(binds)) == (good, int(good))
    if not good:
        assert done["error"]["kind"] == "refused" and "TLS1.2" in done["error"]["message"]


def test_the_name_in_the_certificate_counts_not_the_address(lab, driver):
    proxy = lab.proxy("emea", certificate=lab.authority.server("by-name", ["dc1.x.test"], []))
    done = driver(driver.endpoint(proxy.uri))
    assert "wrong name" in done["error"]["message"] and "dc1.x.test" in done["error"]["message"]
    proxy.close()


def test_no_ca_file_means_the_systems_cas_which_do_not_know_the_lab(lab, driver):
    done = driver(driver.endpoint(lab.server("emea").ldaps, ca_file=""))
    assert "unknown CA" in done["error"]["message"] and done["error"]["kind"] == "unreachable"


def test_nothing_of_ldaprc_or_the_environment_counts(lab, driver):
    (lab.dir / "ldaprc").write_text("TLS_REQCERT never\nTLS_CACERT /dev/null\nSIZELIMIT 1\n")
    done = driver(
        driver.endpoint(lab.proxy("emea", certificate="other-ca").uri),
        LDAPTLS_REQCERT="never",
        LDAPSIZELIMIT="1",
        LDAPURI="ldap://192.0.2.1",
    )
    assert "unknown CA" in done["error"]["message"]
    done = driver(driver.endpoint(lab.server("emea").ldaps), search(), LDAPSIZELIMIT="1")
    assert done["done"][0]["incomplete"] is None and len(done["done"][0]["entries"]) > 1


@pytest.mark.parametrize(
    "name, change, kind, said",
    [
        ("wrong password", {"password_file": "ldap.conf"}, "refused", "LDAP 49"),
        ("no such account", {"bind_dn": "CN=nobody," + EMEA}, "refused", "LDAP 49"),
        ("no password file", {"password_file": "none"}, "settings", "cannot read none"),
        ("no CA file", {"ca_file": "none.crt"}, "settings", "tls.ca_file: cannot read none.crt"),
        ("a CA file of nonsense", {"ca_file": "lab.json"}, "unreachable", "unknown CA"),
        ("no key", {"cert_file": "tls/ca.crt"}, "settings", "client certificate"),
        ("TLS 1.1", {"min_version": "1.1"}, "settings", "min_version"),
        ("TLS 1.3", {"min_version": "1.3"}, None, ""),
        ("no such host", {"uri": "ldaps://no-such-host.invalid"}, "unreachable", "DNS"),
        ("nobody listens", {"uri": "ldaps://127.0.0.1:1"}, "unreachable", "Connection refused"),
        ("no socket", {"uri": "ldapi://%2Fnone"}, "unreachable", "/none: No such file"),
    ],
)
def test_what_a_failed_connection_says(lab, driver, name, change, kind, said):
    done = driver(driver.endpoint(lab.server("emea").ldaps) | change)
    if kind is None:
        assert done["error"] is None
    else:
        assert (done["error"]["kind"], done["error"]["message"]) == (kind, done["error"]["message"])
        assert said in done["error"]["message"]


def test_a_disabled_account_is_refused(lab, driver):
    done = driver(driver.endpoint(lab.server("corp").ldaps, account="disabled"))
    assert done["error"]["kind"] == "refused" and "account gets locked" in done["error"]["hint"]


def test_anonymous(lab, driver):
    done = driver(driver.endpoint(lab.server("emea").ldaps, mechanism="anonymous"))
    assert done["error"] is None or done["error"]["kind"] == "refused"


# ---- Kerberos


@pytest.fixture(scope="module")
def krb_lab():
    with Lab(kerberos=True, gc=False) as one:
        yield one


@pytest.mark.parametrize("mechanism", ["gssapi", "gss-spnego"])
@pytest.mark.parametrize("source", ["keytab", "ccache"])
@pytest.mark.parametrize("tls", ["none", "ldaps"])
def test_kerberos(krb_lab, scratch, mechanism, source, tls):
    driver = Driver(krb_lab, scratch)
    server = krb_lab.server("emea")
    account = krb_lab.document()["accounts"]["svc"]
    told = driver.endpoint(
        server.ldaps if tls == "ldaps" else server.ldap, tls=tls, mechanism=mechanism
    )
    if source == "keytab":
        told |= {"keytab": account["keytab"], "principal": account["principal"]}
        done = driver(told, search(), KRB5CCNAME="FILE:/nonexistent/ccache")
    else:
        krb_lab.kinit()
        done = driver(told, search())
    if done["error"] and mechanism == "gss-spnego" and done["error"]["code"] in (7, -6):
        pytest.skip("slapd here does not offer GSS-SPNEGO: " + done["error"]["message"])
    assert done["error"] is None
    assert done["done"][0]["incomplete"] is None and done["done"][0]["entries"]


def test_values_do_not_pass_in_clear_under_kerberos(krb_lab, scratch):
    driver = Driver(krb_lab, scratch)
    account = krb_lab.document()["accounts"]["svc"]
    proxy = krb_lab.proxy("emea", tls=False)
    told = driver.endpoint(proxy.uri, tls="none", mechanism="gssapi", keytab=account["keytab"])
    done = driver(told, search())
    # The proxy's own address has no service principal: that is said.
    assert done["error"]["kind"] == "refused" and "ldap/" in done["error"]["message"]
    assert proxy.count("search-request") == 0


@pytest.mark.parametrize(
    "name, change, environment, kind, said",
    [
        ("no keytab", {"keytab": "/none"}, {}, "settings", "/none"),
        ("a keytab of nonsense", {"keytab": "lab.json"}, {}, "settings", "keytab"),
        (
            "no such principal",
            {"principal": "nobody@CORP.TEST"},
            {},
            "settings",
            "nobody@CORP.TEST",
        ),
        ("no tickets", {"keytab": ""}, {"KRB5CCNAME": "FILE:/none"}, "refused", "cache"),
        ("no KDC", {}, {"KRB5_CONFIG": "nokdc.conf"}, "unreachable", "KDC"),
        (
            "a KDC that never answers",
            {"connect_ms": 1500},
            {"KRB5_CONFIG": "deaf.conf"},
            "unreachable",
            "",
        ),
    ],
)
def test_what_failed_kerberos_says(krb_lab, scratch, name, change, environment, kind, said):
    driver = Driver(krb_lab, scratch)
    good = krb_lab.kdc.krb5_conf.read_text()
    kdc = next(line for line in good.splitlines() if line.strip().startswith("kdc = "))
    (krb_lab.dir / "nokdc.conf").write_text(good.replace(kdc, "  kdc = 127.0.0.1:1"))
    deaf = krb_lab.block.address(91)
    (krb_lab.dir / "deaf.conf").write_text(good.replace(kdc, f"  kdc = {deaf}:18088"))
    account = krb_lab.document()["accounts"]["svc"]
    told = driver.endpoint(
        krb_lab.server("emea").ldap, tls="none", mechanism="gssapi", keytab=account["keytab"]
    )
    with Deaf(deaf, 18088):
        done = driver(told | change, **environment)
    assert (done["error"]["kind"], done["error"]["message"]) == (kind, done["error"]["message"])
    assert said in done["error"]["message"] and done["error"]["hint"]
    assert done["connect_ms"] < 20000


# ---- reading and writing


@pytest.fixture(scope="module")
def big_lab():
    with Lab(seed_scps=1700, gc=False) as one:
        yield one


def test_a_search_of_several_pages_is_whole(big_lab, scratch):
    driver = Driver(big_lab, scratch)
    done = driver(
        driver.endpoint(big_lab.server("emea").ldaps),
        search(filter="(objectClass=serviceConnectionPoint)"),
        {
            "op": "search_all",
            "searches": [search(filter="(objectClass=serviceConnectionPoint)"), search(), search()],
        },
    )
    one, many = done["done"]
    assert one["incomplete"] is None and len(one["entries"]) >= 1700
    assert len({entry["dn"] for entry in one["entries"]}) == len(one["entries"])
    assert [found["incomplete"] for found in many["found"]] == [None] * 3
    assert len(many["found"][0]["entries"]) == len(one["entries"])
    assert 1 < len(many["found"][1]["entries"]) < 100


def test_a_base_search_of_nothing_is_complete(lab, driver):
    nothing = search("CN=nothing," + EMEA, scope="base")
    there = search(EMEA, "(objectClass=*)", scope="base")
    elsewhere = search("CN=nothing," + EMEA)
    told = [nothing, there, elsewhere, {"op": "search_all", "searches": [nothing, there, nothing]}]
    done = driver(driver.endpoint(lab.server("emea").ldaps), *told)["done"]
    assert done[0]["incomplete"] is None and done[0]["entries"] == []
    assert len(done[1]["entries"]) == 1
    assert done[2]["incomplete"]["code"] == 32 and done[2]["incomplete"]["kind"] == "incomplete"
    assert [len(found["entries"]) for found in done[3]["found"]] == [0, 1, 0]


def test_another_domains_objects_are_referred_and_incomplete(lab, driver):
    done = driver(driver.endpoint(lab.server("corp").ldaps), search("CN=System," + EMEA))
    assert done["done"][0]["incomplete"]["code"] == 10
    assert "refers to ldap" in done["done"][0]["incomplete"]["message"]


def test_writes_and_what_they_answer(lab, driver):
    def scp(name):
        return f"CN={name},{SCPD}"

    # One at a time: a server may take pipelined writes in any order.
    writes = (
        add(scp("w1"), ["k1", "k2"]),
        add(scp("w1")),
        add(f"CN=x,CN=nowhere,{EMEA}"),
        add(f"CN=x,CN=Users,{EMEA}"),
        add(scp("w2"), noSuchAttribute=["x"]),
        add(scp("w3"), serviceClassName=["one", "two"]),
        modify(scp("w1"), ("remove", "keywords", ["k1"]), ("add", "keywords", ["new"])),
        modify(scp("w1"), ("remove", "keywords", ["k1"])),
        modify(scp("w1"), ("add", "keywords", ["NEW"])),
        modify(scp("w1"), ("replace", "serviceBindingInformation", ["a\u0000b", "\u202e*()\\"])),
        {"write": "rename", "dn": scp("w1"), "new_rdn": "CN=w\\,4"},
        {"write": "rename", "dn": scp("w1"), "new_rdn": "CN=w5"},
        {"write": "delete", "dn": scp("nothing")},
        {"write": "delete", "dn": f"CN=System,{EMEA}"},
    )
    look = search(SCPD, "(cn=w*)", attributes=["keywords", "serviceBindingInformation"])
    clean = write({"write": "delete", "dn": f"CN=w\\,4,{SCPD}"})
    told = [*[write(one) for one in writes], look, clean]
    done = driver(driver.endpoint(lab.server("emea").ldaps), *told)["done"]
    errors = [step["results"][0] for step in done[: len(writes)]]
    results = [None if one is None else (one["code"], one["kind"]) for one in errors]
    assert results[:4] == [None, (68, "already-exists"), (32, "not-found"), (50, "no-rights")]
    assert results[4] == (17, "rejected") and results[5][1] == "rejected"
    assert results[6:9] == [None, (16, "conflict"), (20, "conflict")]
    assert results[9:12] == [None, None, (32, "not-found")]
    assert results[12][1] == "not-found" and results[13][1] in ("no-rights", "rejected")
    message = errors[3]["message"]
    assert message.startswith(f"cannot add CN=x,CN=Users,{EMEA} on ldaps://")
    assert "LDAP 50 insufficientAccessRights" in message
    (entry,) = done[-2]["entries"]
    assert sorted(entry["attributes"]["keywords"]) == ["k2", "new"]
    assert sorted(entry["attributes"]["serviceBindingInformation"]) == ["a\0b", "\u202e*()\\"]
    assert done[-1]["results"] == [None]


def test_many_writes_are_answered_each_for_itself(lab, driver):
    names = [f"CN=many{n % 150},{SCPD}" for n in range(200)]
    told = write(*[add(name) for name in names])
    done = driver(
        driver.endpoint(lab.server("emea").ldaps),
        told,
        write(*[{"write": "delete", "dn": name} for name in names]),
    )["done"]
    for step in done:
        assert [one is None for one in step["results"]] == [n < 150 for n in range(200)]


# ---- watching


def test_watching_tells_of_each_kind_of_change(lab, driver):
    told = driver.endpoint(lab.server("emea").ldapi, mechanism="external")
    told["do"] = [{"op": "persist", "dn": EMEA, "filter": "(keywords=watched)", "changes": 4}]
    process = driver.start(told)
    admin = lab.domain("emea")
    dn = f"CN=watched,{SCPD}"
    changes = [
        lambda: admin.add_scp("watched", ["watched"], ["b"], container=forest.COPY_CONTAINER),
        lambda: admin.ldap.modify_s(dn, [(2, "serviceBindingInformation", [b"c"])]),
        lambda: admin.ldap.delete_s(dn),
    ]
    for number in range(4):
        assert process.stderr.readline() == b"change %d\n" % (number + 1)
        if number < 3:
            changes[number]()
    done = driver.finish(process, timeout=10)
    assert done["done"][0]["told"] == 4 and done["done"][0]["error"] is None


def test_watching_says_when_the_connection_is_lost_and_ends_when_stopped(lab, driver):
    proxy = lab.proxy("emea")
    told = driver.endpoint(proxy.uri)
    told["do"] = [{"op": "persist", "dn": EMEA, "filter": "(keywords=none)", "changes": 2}]
    process = driver.start(told)
    assert process.stderr.readline() == b"change 1\n"
    threading.Timer(0.2, proxy.cut).start()
    done = driver.finish(process, timeout=10)["done"][0]
    assert done["told"] == 1 and done["error"]["kind"] == "unreachable"

    process = driver.start(told | {"stop_after_ms": 1000})
    assert process.stderr.readline() == b"change 1\n"
    done = driver.finish(process, timeout=10)["done"][0]
    assert done["told"] == 1 and done["error"] is None
    proxy.close()


def test_a_quiet_directory_is_watched_on(lab, driver):
    told = driver.endpoint(lab.server("emea").ldapi, mechanism="external", operation_ms=700)
    told["do"] = [{"op": "persist", "dn": EMEA, "filter": "(keywords=quiet)", "changes": 2}]
    process = driver.start(told)
    assert process.stderr.readline() == b"change 1\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=2)  # well past the operation's deadline
    admin = lab.domain("emea")
    admin.add_scp("quiet", ["quiet"], ["b"], container=forest.COPY_CONTAINER)
    done = driver.finish(process, timeout=10)["done"][0]
    admin.ldap.delete_s(f"CN=quiet,{SCPD}")
    assert done["told"] == 2 and done["error"] is None


# ---- DNS


def test_servers_of_a_domain_that_dns_does_not_know(driver):
    done = driver({"locate": "no-such-domain.invalid", "connect_ms": 5000})
    assert (
        done["error"]["kind"] == "unreachable"
        and "no-such-domain.invalid" in done["error"]["message"]
    )
