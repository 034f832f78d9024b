"""scpctl and scpd against a real AD domain controller, by Kerberos: see scene.py."""

import json

from objects import until
from scene import NAME


def bindings(samba, dn: str) -> set[bytes]:
    entry = samba.read(dn, ["serviceBindingInformation"])
    return set(entry["serviceBindingInformation"]) if entry else set()


def test_the_main_job_over_kerberos(scene, agent):
    """Topology, plan, sync: the agent's own search finds 0 before and 1 after; then nothing is left to do."""
    config = scene.write(scene.settings())

    topology = json.loads(scene.scpctl("topology", config=config).stdout)
    ad = next(forest for forest in topology["forests"] if forest["name"] == "ad")
    assert [(d["domain"], d["netbios"], d["nc"]) for d in ad["domains"]] == [("corp.test", "CORP", "DC=corp,DC=test")]
    server = ad["domains"][0]["servers"][0]
    assert (server["reachable"], server["pdc"], server["gc"]) == (True, True, True)

    assert scene.agent_finds(agent) == []
    done = scene.scpctl("sync", "--yes", config=config)
    assert done.returncode == 0, done
    change, = json.loads(done.stdout)["changes"]
    assert (change["op"], change["reason"], change["result"]) == ("create", "missing", "done")
    assert [dn.lower() for dn in scene.agent_finds(agent)] == [scene.copy_dn.lower()]

    marker, = scene.samba.read(scene.copy_dn, ["msDS-Settings"])["msDS-Settings"]
    assert marker.startswith(b"scpd1;i=lab;r=mage;s=")
    assert b";o=emea.corp.test;" in marker

    again = scene.scpctl("plan", config=config)
    assert again.returncode == 0, again
    assert json.loads(again.stdout)["in_sync"] == 1


def test_a_copy_that_was_renamed_and_edited_is_put_right_by_its_guid(scene):
    """Both writes address <GUID=…>: the object is the same one afterwards."""
    config = scene.write(scene.settings())
    assert scene.scpctl("sync", "--yes", config=config).returncode == 0
    before = scene.samba.read(scene.copy_dn, ["objectGUID", "serviceBindingInformation"])
    scene.samba.replace(scene.copy_dn, {"serviceBindingInformation": "wrong"})
    scene.samba.admin.rename_s(scene.copy_dn, "CN=renamed by hand")

    done = scene.scpctl("sync", "--yes", config=config)
    assert done.returncode == 0, done
    after = scene.samba.read(scene.copy_dn, ["objectGUID", "serviceBindingInformation"])
    assert after["objectGUID"] == before["objectGUID"]
    assert set(after["serviceBindingInformation"]) == set(before["serviceBindingInformation"])
    assert scene.scpctl("plan", config=config).returncode == 0


def test_without_the_right_nothing_is_written_and_the_reason_is_said(scene):
    """The delegation is for one container: a rule that wants another one is held no-rights."""
    settings = scene.settings(targets={"container": "CN=System"}, name="elsewhere") | {"instance": "elsewhere"}
    done = scene.scpctl("sync", "--yes", config=scene.write(settings, "elsewhere.yaml"))
    assert done.returncode in (3, 5), done
    answer = json.loads(done.stdout)
    assert not answer["changed"]
    assert "no-rights" in done.stdout, answer
    assert scene.samba.read(f"CN={NAME},CN=System,{scene.samba.nc}") is None


def test_a_source_on_ad_has_its_originating_time_as_version(scene, product):
    """The other way round: the source lies on the DC, and replPropertyMetaData gives its version."""
    samba = scene.samba
    samba.replace(product, {"keywords": ["from-ad", "QmmEx"]})
    settings = scene.settings()
    settings["rules"] = [{"name": "back", "match": {"keywords": ["from-ad"]}, "trust": {"domains": ["corp.test"]},
                          "accounts": [{"forest": "source", "filter": "(sAMAccountName=svc-mage)"}]}]
    settings["instance"] = "back"  # what it leaves is nobody else's
    config = scene.write(settings, "back.yaml")
    listed = json.loads(scene.scpctl("list", config=config).stdout)["scps"]
    assert [(scp["forest"], scp["name"]) for scp in listed] == [("ad", NAME)]
    done = scene.scpctl("sync", "--yes", config=config)
    assert done.returncode == 0, done
    listed = json.loads(scene.scpctl("list", config=config).stdout)["scps"]
    copy, = (scp for scp in listed if scp["forest"] == "source")
    shown = json.loads(scene.scpctl("show", copy["dn"], config=config).stdout)
    marker, = (value for value in shown["attributes"]["msDS-Settings"] if value.startswith("scpd1;"))
    assert ";v=o:20" in marker, marker
