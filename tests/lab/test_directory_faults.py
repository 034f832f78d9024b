"""The libldap directory against servers that misbehave: each operation ends in time, and says why.
"""

import pytest

from directory_driver import LEAKS_OF_LIBLDAP, SLACK, Driver, add, modify, search, write
from fake_server import Deaf, FakeServer
from scplab import forest, message, scripted
from scplab.forest import BY_KEY

EMEA = BY_KEY["emea"].nc
SCPD = f"{forest.COPY_CONTAINER},{EMEA}"
# Long enough for a slow machine to bind, short enough to wait for.
DEADLINE = 1000


@pytest.fixture
def driver(lab, scratch):
    return Driver(lab, scratch)


@pytest.fixture
def proxy(lab):
    one = lab.proxy("emea")
    yield one
    one.close()


@pytest.fixture
def address(lab):
    return lab.block.address(92)


def in_time(told: dict, limit_ms: int) -> None:
    assert told["ms"] < limit_ms + SLACK * 1000


# ---- connecting


@pytest.mark.parametrize("uri, tls", [("ldap", "none"), ("ldap", "starttls"), ("ldaps", "ldaps")])
def test_a_server_that_accepts_and_never_speaks(lab, driver, address, uri, tls):
    with Deaf(address, 20400):
        told = driver.endpoint(
            f"{uri}://{address}:20400", tls=tls, connect_ms=1000, mechanism="anonymous"
        )
        told = driver(told)
    assert (
        told["error"]["kind"] == "unreachable" and "no answer in time" in told["error"]["message"]
    )
    assert 900 <= told["connect_ms"] < 1000 + SLACK * 1000


@pytest.mark.parametrize(
    "name, operation, action",
    [
        ("TLS never begins", "connect", scripted.freeze()),
        ("no answer to the bind", "bind-response", scripted.swallow()),
        ("hangs after the bind", "bind-response", scripted.then(scripted.freeze())),
        ("a bind answered in part", "bind-response", scripted.truncate(5)),
        ("no RootDSE", "search-entry", scripted.freeze()),
        ("a RootDSE that trickles", "search-entry", scripted.trickle(1, 0.1)),
        ("garbage for a RootDSE", "search-entry", scripted.garbage()),
    ],
)
def test_connecting_ends_in_time(driver, proxy, name, operation, action):
    proxy.on(operation, action)
    told = driver(driver.endpoint(proxy.uri, connect_ms=1500))
    assert told["error"]["kind"] in ("unreachable", "refused"), told["error"]
    assert told["connect_ms"] < 1500 + SLACK * 1000


@pytest.mark.parametrize("where", ["connect", "bind-response", "search-request"])
def test_connecting_stops_when_asked(driver, proxy, where):
    proxy.on(where, scripted.freeze())
    told = driver(driver.endpoint(proxy.uri, stop_after_ms=300))
    assert told["error"]["kind"] == "interrupted" and told["connect_ms"] < 300 + SLACK * 1000


def test_a_black_hole_behind_an_address(driver):
    # TEST-NET-1: routed nowhere; where the machine has no route at all it is refused at once.
    told = driver(driver.endpoint("ldaps://192.0.2.1", connect_ms=1000))
    assert told["error"]["kind"] == "unreachable" and told["connect_ms"] < 1000 + SLACK * 1000


# ---- reading

SEARCH_FAULTS = [
    ("size limit", "search-done", scripted.result(4), "incomplete", 4),
    ("time limit", "search-done", scripted.result(3), "incomplete", 3),
    ("admin limit", "search-done", scripted.result(11), "incomplete", 11),
    ("busy", "search-done", scripted.result(51), "unreachable", 51),
    ("no right", "search-done", scripted.result(50), "refused", 50),
    ("not bound", "search-done", scripted.result(1, "bind first"), "refused", 1),
    ("gone", "search-done", scripted.result(32), "incomplete", 32),
    ("a referral", "search-done", scripted.result(10, "", ("ldap://x/",)), "incomplete", 10),
    ("no paging control", "search-done", scripted.strip_controls(), "incomplete", 0),
    ("dropped", "search-entry", scripted.drop(), "unreachable", -1),
    ("reset", "search-entry", scripted.drop(reset=True), "unreachable", -1),
    ("hangs", "search-entry", scripted.freeze(), "unreachable", -1),
    ("trickles", "search-entry", scripted.trickle(1, 0.05), "unreachable", -1),
    ("half a message", "search-entry", scripted.truncate(9), "unreachable", -1),
    ("a result that never comes", "search-done", scripted.swallow(), "unreachable", -1),
    ("zeros", "search-done", scripted.garbage(bytes(64)), "unreachable", -1),
    (
        "a huge length",
        "search-entry",
        scripted.garbage(b"\x30\x84\x7f\xff\xff\xff\x02"),
        "unreachable",
        -1,
    ),
    (
        "no LDAP",
        "search-entry",
        scripted.garbage(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        "unreachable",
        -1,
    ),
    (
        "a strange entry",
        "search-entry",
        scripted.garbage(b"\x30\x07\x02\x01\x05\x64\x02\x04\x00"),
        None,
        None,
    ),
    (
        "a notice",
        "search-done",
        scripted.reply(lambda m: message.notice_of_disconnection(52, "going \x1b[2J down")),
        "unreachable",
        -1,
    ),
]


@pytest.mark.parametrize("many", [False, True], ids=["search", "search_all"])
@pytest.mark.parametrize("name, on, action, kind, code", SEARCH_FAULTS, ids=lambda x: str(x)[:24])
def test_a_read_that_is_not_whole_says_so_in_time(
    driver, proxy, many, name, on, action, kind, code
):
    told = driver.endpoint(proxy.uri, operation_ms=DEADLINE)
    # The probe of the RootDSE and of <GUID=…> names comes first: 1 entry and result, then 2 of either.
    before = driver(told)
    entries, results = proxy.count("search-entry"), proxy.count("search-done")
    assert before["error"] is None
    proxy.on(on, action, after=entries + 2 if on == "search-entry" else results)
    one = search() if not many else {"op": "search_all", "searches": [search()]}
    step = driver(told, one, **(LEAKS_OF_LIBLDAP if name == "a notice" else {}))["done"][0]
    found = step["found"][0] if many else step
    assert found["incomplete"] is not None, name
    if kind:
        assert (found["incomplete"]["kind"], found["incomplete"]["code"]) == (kind, code)
    assert "\x1b" not in found["incomplete"]["message"]
    assert f"ldaps://{proxy.address}" in found["incomplete"]["message"]
    if on == "search-entry":
        # What came before is kept; a reset may overtake it.
        assert len(found["entries"]) >= 2 or name in ("trickles", "reset")
    in_time(step, DEADLINE)


def test_a_dead_session_stays_dead_and_says_so_at_once(driver, proxy):
    told = driver.endpoint(proxy.uri, operation_ms=DEADLINE)
    driver(told)
    proxy.on("search-done", scripted.freeze(), after=proxy.count("search-done"))
    steps = driver(told, search(), search(), write(add("CN=x," + SCPD)))["done"]
    assert [steps[n]["incomplete"]["kind"] for n in (0, 1)] == ["unreachable"] * 2
    assert (
        steps[2]["results"][0]["kind"] == "unreachable"
        and "not sent" in steps[2]["results"][0]["message"]
    )
    assert steps[1]["ms"] < 500 and steps[2]["ms"] < 500 and proxy.count("add-request") == 0


def test_a_session_that_only_met_a_limit_goes_on(driver, proxy):
    told = driver.endpoint(proxy.uri)
    driver(told)
    proxy.on("search-done", scripted.result(4), after=proxy.count("search-done"))
    steps = driver(told, search(), search())["done"]
    assert steps[0]["incomplete"]["code"] == 4 and steps[1]["incomplete"] is None


def test_references_are_collected_and_do_not_make_it_incomplete(driver, proxy):
    told = driver.endpoint(proxy.uri)
    driver(told)
    proxy.on(
        "search-done",
        scripted.before(lambda id: message.search_reference(id, "ldap://elsewhere/DC=far")),
        after=proxy.count("search-done"),
    )
    step = driver(told, search())["done"][0]
    assert step["incomplete"] is None and "ldap://elsewhere/DC=far" in step["references"]


def test_a_read_stops_when_asked(driver, proxy):
    told = driver.endpoint(proxy.uri)
    driver(told)
    proxy.on("search-done", scripted.freeze(), after=proxy.count("search-done"))
    step = driver(told | {"stop_after_ms": 1500}, search())["done"][0]
    assert step["incomplete"]["kind"] == "interrupted" and step["ms"] < 1500 + SLACK * 1000


# ---- writing


@pytest.mark.parametrize(
    "name, on, action, kind, happened",
    [
        ("answer lost", "add-response", scripted.drop(), "unreachable", True),
        ("answer never comes", "add-response", scripted.swallow(), "unreachable", True),
        ("hangs", "add-response", scripted.freeze(), "unreachable", True),
        ("request lost", "add-request", scripted.drop(), "unreachable", False),
        ("garbage", "add-response", scripted.garbage(bytes(64)), "unreachable", True),
        ("busy", "add-response", scripted.result(51), "unreachable", True),
        (
            "a read-only DC",
            "add-request",
            scripted.reply(
                lambda m: message.response(m.id, "add-response", 10, "", ["ldap://rw/"])
            ),
            "rejected",
            False,
        ),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_write_that_was_not_answered_may_have_happened(
    lab, driver, proxy, name, on, action, kind, happened
):
    dn = f"CN={name.replace(' ', '-')},{SCPD}"
    proxy.on(on, action)
    told = driver.endpoint(proxy.uri, operation_ms=DEADLINE)
    step = driver(told, write(add(dn), modify(dn, ("replace", "keywords", ["x"]))))["done"][0]
    error = step["results"][0]
    assert error["kind"] == kind and f"cannot add {dn}" in error["message"]
    if name not in ("busy", "a read-only DC"):
        assert "it may have happened" in error["message"]
    if name == "a read-only DC":
        assert "takes no writes" in error["message"] and "ldap://rw/" in error["message"]
    assert (lab.domain("emea").get(dn) is not None) == happened
    in_time(step, DEADLINE)


def test_writes_under_way_may_settle_when_stopped(lab, driver, proxy):
    dn = f"CN=settle,{SCPD}"
    proxy.on("add-response", scripted.delay(1.5))
    told = driver.endpoint(proxy.uri) | {"stop_after_ms": 1000}
    step = driver(told, write(add(dn)))["done"][0]
    assert step["results"] == [None] and lab.domain("emea").get(dn)


# ---- secrets


@pytest.mark.parametrize("mechanism", ["simple"])
def test_a_password_never_leaves_in_clear(lab, driver, address, mechanism):
    with FakeServer(address) as server:
        told = driver(driver.endpoint(server.uri, tls="none", mechanism=mechanism))
        assert told["error"]["kind"] == "settings" and "in clear" in told["error"]["message"]
        assert server.received == b""
        told = driver(driver.endpoint(server.uri, tls="starttls"))  # it offers none
        assert told["error"]["kind"] == "refused" and "ldaps://" in told["error"]["hint"]
        assert forest.PASSWORD.encode() not in server.received and len(server.received) < 64


def test_an_answer_slipped_in_behind_starttls_is_not_believed(lab, driver, address):
    """What came in clear before TLS must not count inside it."""

    class Injecting(FakeServer):
        def _answers(self, request):
            answers = super()._answers(request)
            if request.operation == "extended-request":
                answers.append(message.response(request.id + 1, "bind-response", 0))
            return answers

    with Injecting(address, starttls=lab.certificate("good", address)) as server:
        told = driver(driver.endpoint(server.uri, tls="starttls", connect_ms=3000))
    assert told["error"]["kind"] == "unreachable"
    assert forest.PASSWORD.encode() not in server.received
