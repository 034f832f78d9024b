"""The libldap directory against a server of the test's own that has what slapd lacks: <GUID=…>,
ranges, AD's controls, hostile pages and values."""

import base64

import pytest

from directory_driver import SLACK, Driver, add, modify, search, write
from fake_server import FakeServer, attributes_of, controls_of, done, entry
from scplab import message

DEADLINE = 1000


@pytest.fixture
def driver(lab, scratch):
    return Driver(lab, scratch)


@pytest.fixture
def address(lab):
    return lab.block.address(92)


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


def ranged(total: int, *steps: int, fault=None):
    """AD's way with an attribute of many values: `keywords;range=…`, a step at a time; the last step lasts."""
    left = list(steps)

    def answer(request):
        if request.operation != "search-request" or not request.dn.startswith("CN=many"):
            return None
        asked = next(name for name in attributes_of(request) if name.startswith("keywords"))
        first = int(asked.split("=")[1].split("-")[0]) if "=" in asked else 0
        if fault and first:
            return fault(request)
        step = left.pop(0) if len(left) > 1 else left[0]
        last = min(first + step, total) - 1
        name = f"keywords;range={first}-{'*' if last == total - 1 else last}"
        values = [f"value {n}" for n in range(first, last + 1)]
        attributes = {"keywords": [], name: values} if not first else {name: values}
        return [entry(request.id, "CN=many,DC=x", attributes), done(request.id, cookie=b"")]

    return answer


MANY = search("CN=many,DC=x", "(objectClass=*)", scope="base", attributes=["keywords"])


LOWERED, RAISED = (1500, 700, 10), (2, 5000)  # by an administrator, meanwhile


@pytest.mark.parametrize("total, steps", [(1, [1500]), (10, [3]), (9, [3]), (4000, [1500]), (2300, LOWERED), (4000, RAISED)])
def test_an_attribute_in_ranges_is_read_whole(driver, address, total, steps):
    with FakeServer(address, root_dse=AD, answer=ranged(total, *steps)) as server:
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
    with FakeServer(address, root_dse=AD, answer=ranged(10, 3, fault=fault)) as server:
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
    assert step["ms"] < 1000 + SLACK * 1000


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
