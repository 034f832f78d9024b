"""Values that somebody wrote to attack who reads them: none reaches a terminal, a log or LDIF as it stands.

What slapd takes is written to it; what it refuses (bytes that are no UTF-8, as an attacker's own server may send) is put
into its answers by the fault proxy.
"""

from __future__ import annotations

import base64
import re
import unicodedata

import pytest

from scplab import forest, scripted
from scplab.runner import Done
from scplab.world import World

FORGED = "forged line of a log"
TEXT = f"\x1b]0;owned\x07\x1b[2J\r\n{FORGED}\u202e\u2066\u009b31m\u2028\x7f\u200f\ufefftail\tend"
NUL = "before\0after"
NOT_UTF8 = b"\xff\xfe\xc3\x28\xed\xa0\x80\xf5"
PLACEHOLDER = b"PLACEHLD"  # as long as NOT_UTF8, so that BER's lengths stay right

STEERING = {
    "\u061c",
    "\u200e",
    "\u200f",
    "\u2028",
    "\u2029",
    "\ufeff",
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
}


def check_clean(data: bytes, what: object) -> None:
    """UTF-8, in which no character does anything but stand there, and no line is somebody else's."""
    text = data.decode("utf-8")  # an UnicodeDecodeError is a failure
    bad = {
        hex(ord(c))
        for c in text
        if (unicodedata.category(c) == "Cc" and c != "\n") or c in STEERING
    }
    assert not bad, f"{bad} in the output of {what}"
    assert not any(line.lstrip(' "-+').startswith(FORGED) for line in text.splitlines()), what


def check(done: Done, exits: tuple[int, ...]) -> Done:
    check_clean(done.stdout_bytes, done)
    check_clean(done.stderr_bytes, done)
    assert done.returncode in exits, done
    return done


def strings(document: object) -> list[str]:
    if isinstance(document, dict):
        return [one for value in document.values() for one in strings(value)]
    if isinstance(document, list):
        return [one for value in document for one in strings(value)]
    return [document] if isinstance(document, str) else []


def base64s(document: object) -> list[bytes]:
    if isinstance(document, dict):
        if set(document) == {"base64"}:
            return [base64.b64decode(document["base64"], validate=True)]
        return [one for value in document.values() for one in base64s(value)]
    if isinstance(document, list):
        return [one for value in document for one in base64s(value)]
    return []


def guid_of(world: World, domain: str, dn: str) -> str:
    """What `show` takes for an object whose DN no argument may hold."""
    return world.lab.domain(domain).get(dn).guid


def every_verb(world: World, what: str, formats: tuple[str, ...] = ("text", "json")) -> dict:
    """All that shows values, in all formats; the documents of JSON by verb."""
    documents = {}
    for output in formats:
        for verb in (
            ["list"],
            ["show", what],
            ["plan"],
            ["diff"],
            ["topology"],
            ["explain", "--account", "CORP\\svc-mage", "--rule", "mage"],
            ["sync", "--dry-run"],
        ):
            done = check(world.run("-o", output, "-v", *verb), (0, 1, 3, 6))
            if output == "json":
                documents[verb[0]] = done.json
    for output in ("yaml", "ldif"):  # one document in another form
        for verb in (["show", what], ["plan"]):
            check(world.run("-o", output, *verb), (0, 1, 3))
    check(world.run("--color", "never", "plan"), (0, 1))
    return documents


def hostile_source(world: World, text: str, **more) -> str:
    return world.like_source(
        "emea",
        name="hostile",
        keywords=[forest.PRODUCT_KEYWORD, "QmmEx", text],
        serviceBindingInformation=[text, "Port=1"],
        serviceClassName=text,
        vendor=text,
        displayName=text,
        description=text,
        **more,
    )


@pytest.mark.parametrize("text", [TEXT, NUL], ids=["escapes, lines and directions", "NUL"])
def test_hostile_values_of_a_source(world: World, text: str):
    dn = hostile_source(world, text)
    documents = every_verb(world, dn)
    told = documents["show"]
    assert text in strings(told) or text.encode() in base64s(told), "JSON tells it as it is"

    done = check(world.run("sync", "--yes"), (0,))
    copy = world.copy(name="hostile")
    assert set(copy["serviceBindingInformation"]) == {text, "Port=1"} and text in copy["keywords"]
    every_verb(world, copy.dn)
    world.corp.modify(
        copy.dn, {"vendor": text + "edited", "serviceBindingInformation": [text + "x"]}
    )
    every_verb(world, copy.dn)
    check(world.run("-v", "sync", "--yes"), (0,))
    assert check(world.run("plan"), (0,)), done


@pytest.mark.parametrize(
    "name",
    [TEXT[:60], "a\r\nb", "\x1b[31mred", "right\u202eleft", "nul\0byte", "\ufeffbom"],
    ids=ascii,
)
def test_hostile_names(world: World, name: str):
    """In an RDN, so in DNs, on every line that names an object."""
    dn = world.like_source("emea", name=name)
    every_verb(world, guid_of(world, "emea", dn))
    check(world.run("-v", "sync", "--yes"), (0,))
    copies = [copy for copy in world.corp.copies() if copy["cn"] == [name]]
    assert len(copies) == 1, world.corp.copies()
    assert check(world.run("plan"), (0,))


def test_hostile_containers(world: World):
    place = world.emea.add_container("CN=evil\\0D\\0A\\1B[2J\\E2\\80\\AE,CN=System")
    dn = world.like_source("emea", place, "hostile")
    every_verb(world, guid_of(world, "emea", dn))
    check(world.run("-v", "sync", "--yes"), (0,))
    assert world.copy(name="hostile")


def replace_bytes(world: World, domain: str):
    """A proxy that says NOT_UTF8 where the directory holds PLACEHOLDER."""
    proxy = world.lab.proxy(domain)
    world.through(proxy, domain)

    def change(one):
        from dataclasses import replace

        return replace(one, body=one.body.replace(PLACEHOLDER, NOT_UTF8))

    proxy.on("search-entry", scripted.rewrite(change), times=None)
    return proxy


def test_values_that_are_not_utf8(world: World):
    dn = hostile_source(world, PLACEHOLDER.decode())
    proxy = replace_bytes(world, "emea")
    try:
        documents = every_verb(world, dn)
        for verb in ("show", "plan", "list"):
            assert NOT_UTF8 in base64s(documents[verb]), documents[verb]
        before = world.snapshot()
        refused = check(
            world.run("-v", "sync", "--yes", "-o", "json"), (3, 5)
        )  # slapd takes no such value
        assert "hostile" in refused.stdout
        assert world.copy(name="hostile") is None
        assert world.copy() is not None, "the other source is served all the same"
        assert before.gone(world.snapshot()) == []
    finally:
        proxy.close()


def test_hostile_markers(world: World):
    copy = world.mirror()
    for value in (
        f"scpd1;i=lab;r={TEXT};s=x",
        f"SCPD1;{NUL}",
        "scpd1;",
        "scpd1;" + ";" * 5000,
        "scpd1;i=lab;i=lab",
        "scpd1;" + "x=" * 4000,
    ):
        world.corp.modify(copy.dn, {"msDS-Settings": value})
        every_verb(world, copy.dn, ("text",))
        before = world.snapshot()
        check(world.run("-v", "sync", "--yes"), (0, 3))
        assert before.gone(world.snapshot()) == []


def test_the_words_of_a_hostile_server(world: World):
    """Diagnostic messages are its own to choose."""
    proxy = world.lab.proxy("emea")
    world.through(proxy, "emea")
    try:
        for operation, code in (("search-done", 53), ("bind-response", 49)):
            proxy.clear()
            proxy.on(operation, scripted.result(code, TEXT, (f"ldap://x/{TEXT}",)), times=None)
            for verb in (["plan"], ["list"], ["topology"], ["sync", "--yes"]):
                for output in ("text", "json"):
                    check(world.run("-v", "-o", output, *verb), (0, 1, 3, 4))
    finally:
        proxy.close()


def test_the_words_of_a_hostile_server_that_is_written_to(world: World):
    proxy = world.lab.proxy("corp")
    world.through(proxy, "corp")
    try:
        from scplab import message

        proxy.on(
            "add-request",
            scripted.reply(lambda m: message.response(m.id, "add-response", 53, TEXT)),
            times=None,
        )
        for output in ("text", "json"):
            check(world.run("-v", "-o", output, "sync", "--yes"), (3, 5))
    finally:
        proxy.close()


def test_the_daemons_log_and_status(world: World, scpd):
    world.settings["log"] = {"level": "debug"}
    hostile_source(world, TEXT)
    world.like_source("emea", name=TEXT[:60])
    world.like_source("emea", "OU=Servers", name="\x1b[31mplanted\u202e")
    proxy = world.lab.proxy("apac")
    world.through(proxy, "apac")
    try:
        daemon = scpd(world.lab, config=world.config()).wait_ready()
        daemon.wait(lambda: world.copy(name="hostile"), "the copy", 30)
        daemon.wait_log("done: create .*hostile", 30)
        proxy.on("search-done", scripted.result(53, TEXT), times=None)
        world.corp.modify(world.copy(name="hostile").dn, {"vendor": TEXT + "edited"})
        daemon.wait_log("done: update .*hostile", 30)
        daemon.reload()
        daemon.wait_log(r"incomplete", 30)
        assert daemon.stop() == 0
    finally:
        proxy.close()
    check_clean(daemon.log_file.read_bytes(), "scpd")
    for line in daemon.notifications:
        check_clean(line.encode(), line)
    assert re.search("held: .*untrusted-place", daemon.log())


@pytest.mark.parametrize(
    "data", [TEXT.encode(), NOT_UTF8, b"\x1b[31m" * 50, "\u202e".encode() * 9], ids=ascii
)
def test_hostile_arguments_and_logs(world: World, data: bytes):
    log = world.scpctl.scratch / "agent.log"
    log.write_bytes(
        b"Info Waiting for agent settings: Not found: (&(objectClass=serviceConnectionPoint)(keywords="
        + data
        + b"))\n"
        + data
        + b"\n"
    )
    check(world.run("explain", "--log", str(log)), (0, 1, 2, 6))
    argument = data.replace(b"\0", b"").decode("utf-8", "surrogateescape")
    for flags in (
        ["explain", "--account", argument, "--keyword", "k"],
        ["show", argument],
        ["list", "--keyword", argument],
        ["plan", "--rule", argument],
        [argument],
        ["plan", "--to", argument, "--keyword", "k"],
    ):
        check(world.run(*flags), (0, 1, 2, 4))
