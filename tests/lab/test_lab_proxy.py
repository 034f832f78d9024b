"""The lab's certificates, good and bad, and its fault proxy."""

import socket
import ssl

import ldap
import ldap.controls.libldap
import pytest

from scplab import forest, message, scripted
from scplab.certs import BAD_KINDS
from scplab.forest import PASSWORD, SVC
from scplab.process import wait_until

SCPD = forest.COPY_CONTAINER


@pytest.mark.parametrize("kind", ["good", *BAD_KINDS])
def test_certificates_are_good_or_bad_as_asked(lab, kind):
    proxy = lab.proxy("corp", certificate=kind)
    context = ssl.create_default_context(cafile=lab.ca_file)
    with socket.create_connection((proxy.address, proxy.port), timeout=10) as plain:
        if kind == "good":
            with context.wrap_socket(plain, server_hostname=proxy.address) as wrapped:
                assert wrapped.version()
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(plain, server_hostname=proxy.address)


@pytest.fixture
def proxy(lab):
    one = lab.proxy("emea")
    yield one
    one.close()


def through(lab, proxy, timeout=10):
    """A connection through the proxy, bound as the service account."""
    connection = ldap.initialize(proxy.uri)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(lab.ca_file))
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, timeout)
    connection.timeout = timeout
    connection.simple_bind_s(SVC.dn, PASSWORD)
    return connection


def containers(connection):
    return connection.search_s(
        "DC=emea,DC=corp,DC=test", ldap.SCOPE_SUBTREE, "(objectClass=container)", ["1.1"]
    )


def test_without_rules_the_proxy_is_not_noticed(lab, proxy):
    found = containers(through(lab, proxy))
    assert sorted(str(entry) for entry in found) == sorted(
        str(entry) for entry in containers(lab.domain("emea").ldap)
    )
    assert proxy.count("bind-request") == proxy.count("search-request") == 1 and proxy.count() == 0


@pytest.mark.parametrize(
    "operation, action, after, raised",
    [
        ("search-done", scripted.result(4), 0, ldap.SIZELIMIT_EXCEEDED),
        ("search-done", scripted.result(51, "busy"), 0, ldap.BUSY),
        ("search-done", scripted.result(10, referrals=("ldap://x/dc=x",)), 0, ldap.REFERRAL),
        ("search-entry", scripted.drop(), 2, ldap.SERVER_DOWN),
        ("search-entry", scripted.drop(reset=True), 2, ldap.SERVER_DOWN),
        ("search-request", scripted.drop(), 0, ldap.SERVER_DOWN),
        ("search-done", scripted.swallow(), 0, ldap.TIMEOUT),
        ("search-entry", scripted.freeze(), 1, ldap.TIMEOUT),
        ("search-entry", scripted.truncate(9), 0, ldap.TIMEOUT),
        ("bind-response", scripted.then(scripted.freeze()), 0, ldap.TIMEOUT),
        (
            "search-request",
            scripted.reply(lambda m: message.notice_of_disconnection()),
            0,
            ldap.LDAPError,
        ),
    ],
)
def test_a_search_meets_the_fault(lab, proxy, operation, action, after, raised):
    proxy.on(operation, action, after=after)
    with pytest.raises(raised):
        containers(through(lab, proxy, timeout=0.5))


def test_a_fault_at_the_bind(lab, proxy):
    proxy.on("bind-response", scripted.result(49))
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        through(lab, proxy)
    through(lab, proxy)  # once only


def test_a_server_that_accepts_and_never_answers(lab, proxy):
    proxy.on("connect", scripted.freeze())
    with socket.create_connection((proxy.address, proxy.port), timeout=0.3) as plain:
        with pytest.raises(TimeoutError):
            ssl.create_default_context().wrap_socket(plain, server_hostname=proxy.address)
    wait_until(lambda: proxy.open_connections() == 0, 10, "the end of the connection")


def test_a_page_without_its_control(lab, proxy):
    connection = through(lab, proxy)
    paging = ldap.controls.libldap.SimplePagedResultsControl(True, 2, "")
    proxy.on("search-done", scripted.strip_controls())
    for expected in (0, 1):
        search = connection.search_ext(
            "DC=emea,DC=corp,DC=test", ldap.SCOPE_SUBTREE, serverctrls=[paging]
        )
        kind, data, _, controls = connection.result3(search)
        assert (kind, len([dn for dn, _ in data if dn]), len(controls)) == (
            ldap.RES_SEARCH_RESULT,
            2,
            expected,
        )


def test_a_reference_put_into_the_answer(lab, proxy):
    proxy.on(
        "search-done",
        scripted.before(lambda id: message.search_reference(id, "ldap://x.example/dc=x")),
    )
    connection = through(lab, proxy)
    assert (None, ["ldap://x.example/dc=x"]) in containers(connection)


def test_trickled_answers_arrive_whole(lab, proxy):
    proxy.on("search-entry", scripted.trickle(size=50, interval=0.001))
    assert len(containers(through(lab, proxy))) == len(containers(lab.domain("emea").ldap))


def test_garbage_reaches_the_client(lab):
    plain = lab.proxy("emea", tls=False)
    plain.on("bind-response", scripted.garbage(b"\x99garbage"))
    with socket.create_connection((plain.address, plain.port), timeout=10) as client:
        client.sendall(bytes.fromhex("300c020101600702010304008000"))
        assert client.recv(100) == b"\x99garbage"
    plain.close()


def test_a_write_whose_answer_is_lost_is_done(lab, proxy):
    dn = f"CN=lost,{SCPD},DC=emea,DC=corp,DC=test"
    record = [("objectClass", [b"serviceConnectionPoint"]), ("cn", [b"lost"])]
    connection = through(lab, proxy)
    proxy.on("add-request", scripted.drop())
    with pytest.raises(ldap.SERVER_DOWN):
        connection.add_s(dn, record)
    assert lab.domain("emea").get(dn) is None
    connection = through(lab, proxy)
    proxy.on("add-response", scripted.drop())
    with pytest.raises(ldap.SERVER_DOWN):
        connection.add_s(dn, record)
    assert lab.domain("emea").get(dn) is not None
    assert proxy.count() == 2 and [
        seen.dn for seen in proxy.seen if seen.operation == "add-request"
    ] == [dn, dn]
    lab.domain("emea").delete(dn)


def test_a_proxy_refuses_cuts_and_listens_again(lab, proxy):
    connection = through(lab, proxy)
    proxy.refuse()
    with pytest.raises(ldap.SERVER_DOWN):
        through(lab, proxy)
    assert containers(connection)
    proxy.cut()
    with pytest.raises(ldap.SERVER_DOWN):
        containers(connection)
    proxy.accept()
    assert containers(through(lab, proxy))
