"""A domain controller that is put back to an old state, as by an image of its disk, while its partners know better (USN
rollback): it shows sources as they were, copies as they were, none of what came since, and all that has gone.

scpd reads it, as it does not know; nothing old is written over what is newer, nothing is deleted, nothing is made twice.
"""

import contextlib

import pytest

from objects import highest_usn, until
from scene import NAME
from story import BINDING, DC1, DC2, EM1, SCP, Downwards


@pytest.fixture
def down(story):
    one = Downwards(story)
    yield one
    story.end_watches()
    one.clean()


def test_a_dc_put_back_to_an_old_state_harms_nothing(down, story):
    samba = down.samba
    down.publish("steady", b"Server=1")
    down.publish("renewed", b"Server=1")
    retired = f"CN=retired,{samba.container}"
    samba.connect_admin("em1").add_s(story.source.replace(NAME, "retired"), SCP + [("keywords", b"QmmEx"), (BINDING, b"x")])
    assert story.run("sync", "--yes")["changed"]
    until(lambda: set(story.copies("dc1")) == set(story.copies("dc2")) == {story.copy_dn, retired}, "both at both")
    samba.stop("dc2")
    old = samba.keep_state("dc2")
    samba.start("dc2")

    # What the old state knows nothing of, all of it written at dc2 itself.
    down.renew("renewed", b"Server=2")
    down.publish("later", b"Server=9")
    story.publish("Server=new")
    samba.connect_admin("em1").delete_s(story.source.replace(NAME, "retired"))
    # It is marked at dc2 and deleted at dc1, which must have heard of the mark.
    until(lambda: story.run("sync", "--yes", exit=None)["changes"] == [], "the end of the copy")
    newest = {"steady": [b"Server=1"], "renewed": [b"Server=2"], "later": [b"Server=9"]}
    assert down.copies() == newest == down.sources("dc2")
    until(lambda: down.sources("dc1") == newest, "dc2's writes at dc1")
    until(lambda: story.agent_finds("dc1") == [(story.copy_dn, {b"Server=new"})], "the copy at dc1")
    until(lambda: set(story.copies("dc1")) == set(story.copies("dc2")) == {story.copy_dn}, "its end at both")
    before = highest_usn(samba.connect_admin("dc2"))

    def copies_stand(dc: str, *reasons: str) -> dict[str, dict]:
        """No copy has become older than it was, none has gone; what is held, by its DN."""
        answer = story.run("sync", "--yes", exit=3 if reasons else 0)
        assert {one["server"] for one in answer["domains"]} == {dc, EM1}
        assert down.copies() == newest
        assert set(story.copies("dc2")) <= {story.copy_dn, retired}  # none of them twice
        assert story.agent_finds("dc2") == [(story.copy_dn, {b"Server=new"})]
        assert sorted(one["reason"] for one in answer["held"]) == sorted(reasons)
        return {one["dn"].split(",")[0].removeprefix("CN="): one for one in answer["held"]}

    def is_said(held: dict[str, dict]) -> None:
        assert held["renewed"]["detail"].startswith("the source was read in version 20")
        assert held["renewed"]["attributes"] == {BINDING: {"add": ["Server=1"], "remove": ["Server=2"]}}
        lacks, _, rest = held["later"]["detail"].partition(", and ")
        assert lacks.startswith(f"{DC2} has no object ") and rest.startswith(why)

    with put_back_to(old, samba):
        assert highest_usn(samba.connect_admin("dc2")) < before, "its numbers are given out a second time"
        assert down.sources("dc2") == {"steady": [b"Server=1"], "renewed": [b"Server=1"]}
        # While its partner is there, but does not replicate with it.
        why = f"{DC1} has it: replication lags behind, or an old state was put back"
        assert set(story.copies("dc2")) == {story.copy_dn, retired}
        is_said(copies_stand(DC2, "source-older", "source-not-seen"))
        # While its partner is not there to be asked.
        samba.kill("dc1")
        why = f"cannot connect to {DC1}: "
        is_said(copies_stand(DC2, "source-older", "source-not-seen", "write-dc-unavailable"))
        samba.start("dc1")
        story.servers["servers"].reverse()
        copies_stand(DC1)
        story.servers["servers"].reverse()

    until(lambda: story.copies("dc1") == story.copies("dc2"), "the same at both", 60)
    copies_stand(DC2)
    assert story.run("plan")["in_sync"] == 4


@contextlib.contextmanager
def put_back_to(old, samba):
    """dc2 in its old state, and apart from dc1: what it writes with numbers that dc1 has seen before would be lost there,
    and dc1 would never send it again what it once wrote itself. Afterwards it has its newest state, and they replicate."""
    samba.stop("dc2")
    newest = samba.keep_state("dc2")
    for dc in ("dc1", "dc2"):
        samba.isolate(dc)
    try:
        samba.put_back("dc2", old)
        samba.start("dc2")
        yield
    finally:
        samba.start("dc1")
        samba.kill("dc2")
        samba.put_back("dc2", newest)
        for dc in ("dc1", "dc2"):
            samba.rejoin(dc)
        samba.start("dc2")
