"""delete, undo, release and adopt against a real AD domain controller: owners, <GUID=…> names, AD's own attributes."""

import json

from scene import NAME

CONTENT = ["keywords", "serviceBindingInformation", "msDS-Settings"]


class Hand:
    def __init__(self, scene):
        self.scene = scene
        self.config = scene.write(scene.settings())

    def run(self, *arguments: str, exit: int = 0) -> dict:
        done = self.scene.scpctl(*arguments, config=self.config)
        assert done.returncode == exit, done
        return json.loads(done.stdout)

    def last(self) -> str:
        return self.run("history")["writes"][-1]["id"]

    def undo(self, exit: int = 0) -> dict:
        return self.run("undo", "--yes", self.last(), exit=exit)

    def state(self) -> dict[str, set[bytes]] | None:
        entry = self.scene.samba.read(self.scene.copy_dn, CONTENT)
        return entry and {name: set(entry.get(name, [])) for name in CONTENT}

    def reasons(self, *arguments: str) -> list[str]:
        return [held["reason"] for held in self.run(*arguments, exit=3)["held"]]


def test_a_copy_is_deleted_by_guid_and_comes_back_by_undo(scene):
    hand = Hand(scene)
    hand.run("sync", "--yes")
    before = hand.state()
    guid = hand.run("show", scene.copy_dn)["guid"]
    hand.run("delete", guid)
    assert hand.state() is None
    hand.undo()
    assert hand.state() == before
    assert hand.run("plan")["in_sync"] == 1
    assert "mode-forbids" in json.dumps(hand.undo(exit=3)), "the create it was can be undone where its rule rests"


def test_an_update_is_undone_and_that_again(scene):
    hand = Hand(scene)
    hand.run("sync", "--yes")
    before = hand.state()
    scene.samba.replace(scene.copy_dn, {"serviceBindingInformation": "edited"})
    hand.run("sync", "--yes")
    scene.samba.admin.rename_s(scene.copy_dn, "CN=renamed by hand")
    assert "edited-by-hand" in json.dumps(hand.undo(exit=3)), "it has another name"
    scene.samba.admin.rename_s(f"CN=renamed by hand,{scene.samba.container}", f"CN={NAME}")
    hand.undo()
    after = hand.state()
    assert after["serviceBindingInformation"] == {b"edited"}
    assert any(b";parked=" in value for value in after["msDS-Settings"])
    hand.undo()
    assert hand.state() == before


def test_release_adopt_and_whose_it_is(scene):
    hand = Hand(scene)
    hand.run("sync", "--yes")
    before = hand.state()
    hand.run("release", scene.copy_dn)
    assert hand.state()["msDS-Settings"] == set()
    hand.run("adopt", scene.copy_dn, "--rule", "mage")
    assert hand.state() == before

    hand.run("delete", scene.copy_dn)
    marker, = before["msDS-Settings"]
    values = {name: list(before[name]) for name in CONTENT[:2]} | {"objectClass": [b"serviceConnectionPoint"]}
    scene.samba.add(scene.copy_dn, values)  # an administrator's
    assert hand.reasons("adopt", scene.copy_dn, "--rule", "mage") == ["untrusted-owner"]
    scene.samba.replace(scene.copy_dn, {"msDS-Settings": marker})
    assert hand.reasons("delete", scene.copy_dn) == ["suspect-marker"]
    assert hand.reasons("release", scene.copy_dn) == ["suspect-marker"]
