"""The libldap directory against servers that misbehave: each operation ends in time, and says why.
"""

import base64

import pytest

from directory_driver import LEAKS_OF_LIBLDAP, SLACK, Driver, add, modify, search, write
from fake_server import Deaf, FakeServer, attributes_of, controls_of, done, entry
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


# ---- what slapd has not: a server of our own


AD = {
    "defaultNamingContext": ["DC=x"],
    "namingContexts": ["DC=x"],
    "supportedControl": [
        "1.2.840.113556.1.4.319",
        "1.2.840.113556.1.4.417",
        "1.2.840.113556.1.4.801",
    ],
    "tokenGroups": [b"\x01\x01\x00\x00\x00\x00\x00\x05\x12\x00\x00\x00"] * 2,
    "highestCommittedUSN": ["4711"],
}
GUID_BYTES = bytes(range(16))
GUID = "03020100-0504-0706-0809-0a0b0c0d0e0f"


def anonymous(driver, server, tls="none", **more) -> dict:
    return driver.endpoint(server.uri, tls=tls, mechanism="anonymous", **more)


def test_no_value_leaves_in_clear(driver, address):
    with FakeServer(address, root_dse=AD) as server:
        told = driver(anonymous(driver, server), write(add("CN=secret,DC=x", ["hush"])))
    error = told["done"][0]["results"][0]
    assert error["kind"] == "settings" and "in clear" in error["message"]
    assert b"hush" not in server.received


def test_names_by_guid_where_the_server_really_takes_them(driver, address):
    def answer(request):
        if request.operation == "search-request" and request.dn.upper() in (
            "DC=X",
            f"<GUID={GUID}>".upper(),
        ):
            return [entry(request.id, "DC=x", {"objectGUID": [GUID_BYTES]}), done(request.id)]
        if request.operation == "modify-request":
            return [message.response(request.id, "modify-response", 0)]
        return None

    certificate = driver.lab.certificate("good", address)
    with FakeServer(address, starttls=certificate, root_dse=AD, answer=answer) as server:
        change = modify("CN=moved,DC=x", ("replace", "cn", ["y"])) | {"guid": GUID}
        told = driver(anonymous(driver, server, tls="starttls"), write(change))
    assert told["takes_guid_names"] is True and told["done"][0]["results"] == [None]
    assert told["root_dse"]["token_groups"] == 2 and told["root_dse"]["usn"] == 4711
    assert server.requests[-2].dn == f"<GUID={GUID}>"  # the last is the unbind


def test_a_server_that_gives_another_object_for_a_guid_does_not_take_them(driver, address):
    def answer(request):
        if request.operation == "search-request":
            value = bytes(16) if request.dn.startswith("<") else GUID_BYTES
            return [entry(request.id, "DC=x", {"objectGUID": [value]}), done(request.id)]
        return None

    with FakeServer(address, root_dse=AD, answer=answer) as server:
        assert driver(anonymous(driver, server))["takes_guid_names"] is False


def ranged(total: int, step: int, fault=None):
    """AD's way with an attribute of many values: `keywords;range=…`, a step at a time."""

    def answer(request):
        if request.operation != "search-request" or not request.dn.startswith("CN=many"):
            return None
        asked = next(name for name in attributes_of(request) if name.startswith("keywords"))
        first = int(asked.split("=")[1].split("-")[0]) if "=" in asked else 0
        if fault and first:
            return fault(request)
        last = min(first + step, total) - 1
        name = f"keywords;range={first}-{'*' if last == total - 1 else last}"
        values = [f"value {n}" for n in range(first, last + 1)]
        attributes = {"keywords": [], name: values} if not first else {name: values}
        return [entry(request.id, "CN=many,DC=x", attributes), done(request.id, cookie=b"")]

    return answer


MANY = search("CN=many,DC=x", "(objectClass=*)", scope="base", attributes=["keywords"])


@pytest.mark.parametrize("total, step", [(1, 1500), (10, 3), (9, 3), (4000, 1500)])
def test_an_attribute_in_ranges_is_read_whole(driver, address, total, step):
    with FakeServer(address, root_dse=AD, answer=ranged(total, step)) as server:
        found = driver(anonymous(driver, server), MANY)["done"][0]
    assert found["incomplete"] is None
    assert found["entries"][0]["attributes"] == {"keywords": [f"value {n}" for n in range(total)]}


@pytest.mark.parametrize(
    "name, fault",
    [
        ("gone", lambda r: [done(r.id, 32)]),
        ("refused", lambda r: [done(r.id, 50)]),
        ("no values", lambda r: [entry(r.id, "CN=many,DC=x", {}), done(r.id)]),
        (
            "the wrong range",
            lambda r: [entry(r.id, "CN=many,DC=x", {"keywords;range=9-*": ["v"]}), done(r.id)],
        ),
        (
            "never further",
            lambda r: [entry(r.id, "CN=many,DC=x", {"keywords;range=3-5": []}), done(r.id)],
        ),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_an_attribute_whose_rest_does_not_come_is_incomplete(driver, address, name, fault):
    with FakeServer(address, root_dse=AD, answer=ranged(10, 3, fault)) as server:
        found = driver(anonymous(driver, server, operation_ms=DEADLINE), MANY)["done"][0]
    assert found["incomplete"] is not None
    assert found["entries"][0]["attributes"]["keywords"][:3] == ["value 0", "value 1", "value 2"]


@pytest.mark.parametrize("offered", [True, False])
def test_controls_are_sent_critical_and_only_where_offered(driver, address, offered):
    root_dse = AD if offered else {**AD, "supportedControl": ["1.2.3"]}
    answer = lambda request: [done(request.id, cookie=b"" if offered else None)]  # noqa: E731
    with FakeServer(address, root_dse=root_dse, answer=answer) as server:
        told = driver(anonymous(driver, server), search("DC=x", deleted=True, security=True))
    assert told["done"][0]["incomplete"] is None  # without paging, result 0 is the proof
    request = [one for one in server.requests if one.operation == "search-request"][-1]
    controls = controls_of(request)
    assert set(controls) == (set(AD["supportedControl"]) if offered else set())
    assert all(critical for critical, _ in controls.values())
    if offered:
        assert controls["1.2.840.113556.1.4.801"][1] == b"\x30\x03\x02\x01\x07"


def test_pages_without_end_come_to_an_end(driver, address):
    answer = lambda request: [done(request.id, cookie=b"more")]  # noqa: E731
    with FakeServer(address, root_dse=AD, answer=answer) as server:
        step = driver(anonymous(driver, server, operation_ms=1000), search("DC=x"))["done"][0]
    assert step["incomplete"]["kind"] == "unreachable"
    in_time(step, 1000)


def test_pages_are_asked_for_with_the_servers_own_cookie(driver, address):
    cookies = []

    def answer(request):
        if (
            request.operation != "search-request"
            or request.dn != "DC=x"
            or not controls_of(request)
        ):
            return None
        _, value = controls_of(request)["1.2.840.113556.1.4.319"]
        cookies.append(message.split(message.split(value)[0][1])[1][1])
        number = len(cookies)
        page = [entry(request.id, f"CN=e{number},DC=x", {"cn": [f"e{number}"]})]
        return page + [done(request.id, cookie=b"" if number == 3 else b"page\x00%d" % number)]

    with FakeServer(address, root_dse=AD, answer=answer) as server:
        found = driver(anonymous(driver, server), search("DC=x"))["done"][0]
    assert found["incomplete"] is None and len(found["entries"]) == 3
    assert cookies == [b"", b"page\x001", b"page\x002"]


def test_values_are_bytes_and_hostile_names_are_not_believed(driver, address):
    value = bytes(range(256))

    def answer(request):
        if request.dn != "DC=x":
            return None
        return [
            entry(request.id, "CN=good,DC=x", {"blob": [value, b""]}),
            entry(request.id, "this is no \x1b[2J DN", {"cn": ["x"]}),
            done(request.id, cookie=b""),
        ]

    with FakeServer(address, root_dse=AD, answer=answer) as server:
        found = driver(anonymous(driver, server), search("DC=x"))["done"][0]
    assert (
        found["incomplete"]["kind"] == "incomplete" and "\x1b" not in found["incomplete"]["message"]
    )
    (good,) = found["entries"]
    assert base64.b64decode(good["attributes"]["blob"][0]["base64"]) == value
    assert good["attributes"]["blob"][1] == ""


def test_a_server_without_rfc4533_cannot_be_watched(driver, address):
    with FakeServer(address, root_dse=AD) as server:
        step = driver(anonymous(driver, server), {"op": "persist", "dn": "DC=x"})["done"][0]
    assert step["told"] == 0 and step["error"]["kind"] == "rejected"
