"""scpctl and scpd against a real AD domain controller, by Kerberos.

One Samba DC is one domain, so the source lies in another forest: the slapd lab, brought up inside the
client's network. The copy is written to the DC with the keytab of a delegated, ordinary account.
"""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
import yaml

TREE = Path(__file__).resolve().parents[3]
FOREST = str(TREE / "tests/lab/forest")
BUILD = Path(os.environ.get("SCP_BUILD_DIR") or TREE / "build/dev").absolute()
NAME = "90e49231-3838-4e5e-b2e4-8813fbf59a11"
FILTER = (f"(&(objectClass=serviceConnectionPoint)(keywords=77F6F69F-AD86-437c-B47E-9A2F161E7E61)"
          f"(keywords=QmmEx)(keywords={NAME})(CN={NAME}))")


class Scene:
    """The DC, a source forest beside it in the same network, and settings that name both."""

    def __init__(self, samba, work: Path):
        self.samba, self.work = samba, work
        up = samba.client_run([FOREST, "up", str(work / "source")], capture_output=True, text=True)
        assert up.returncode == 0, up.stderr
        self.source = json.loads(up.stdout)
        self.copy_dn = f"CN={NAME},{samba.container}"

    def clean(self):
        """What a test left: the copies on the DC, and those in the source forest."""
        for dn, _ in self.samba.search(self.samba.container, "(objectClass=serviceConnectionPoint)", ["1.1"]):
            self.samba.delete(dn)
        for domain in self.source["domains"]:
            as_root = ["-Q", "-Y", "EXTERNAL", "-H", domain["ldapi"]]
            found = self.samba.client_run(["ldapsearch", "-LLL", "-o", "ldif-wrap=no", *as_root, "-b", domain["nc"],
                                           "(msDS-Settings=scpd1;*)", "1.1"], capture_output=True, text=True)
            assert found.returncode == 0, found.stderr
            dns = [line.removeprefix("dn: ") for line in found.stdout.splitlines() if line.startswith("dn: ")]
            if dns:
                self.samba.client_run(["ldapdelete", *as_root, *dns], check=True)

    def close(self):
        self.samba.client_run([FOREST, "down", str(self.work / "source")], check=True)

    def settings(self, **changes) -> dict:
        settings = yaml.safe_load((self.work / "source" / "scpd.yaml").read_text())
        source = settings["forests"][0]
        source["name"] = "source"
        source.pop("global_catalog", None)
        service = self.samba.info["service"]
        settings["forests"].append({
            "name": "ad", "domain": "corp.test",  # its DC is found by DNS
            "tls": {"mode": "none"},  # sealed by Kerberos, or refused
            "auth": {"mechanism": "gssapi", "principal": service["principal"], "keytab": service["keytab"]}})
        settings["rules"][0] |= {"accounts": [{"forest": "ad", "account": r"CORP\svc-mage"}],
                                 "trust": {"domains": ["emea.corp.test"]}} | changes
        settings["daemon"]["poll"] = "200ms"
        return settings

    def write(self, settings: dict, name: str = "scpd.yaml") -> str:
        path = self.work / name
        path.write_text(yaml.safe_dump(settings))
        return str(path)

    def scpctl(self, *arguments: str, config: str) -> subprocess.CompletedProcess:
        return self.samba.client_run([str(BUILD / "scpctl/scpctl"), "-c", config, "--history", str(self.work / "history"),
                                      "-o", "json", *arguments], capture_output=True, text=True, timeout=120)

    def agent_finds(self, agent) -> list[str]:
        import ldap
        results = agent.search_s(self.samba.nc, ldap.SCOPE_SUBTREE, FILTER, ["1.1"])
        return [dn for dn, _ in results if dn is not None]

    def source_binding(self, operation: str, value: str) -> None:
        emea = next(domain for domain in self.source["domains"] if domain["key"] == "emea")
        dn = (f"CN={NAME},CN=Exchange Migration Project,CN=QmmEx,CN=Migration Manager,CN=Quest Software,CN=System,"
              f"{emea['nc']}")
        ldif = f"dn: {dn}\nchangetype: modify\n{operation}: serviceBindingInformation\nserviceBindingInformation: {value}\n"
        done = self.samba.client_run(["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", emea["ldapi"]], input=ldif, text=True,
                                     capture_output=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def both_forests(samba_lab, tmp_path_factory):
    one = Scene(samba_lab, tmp_path_factory.mktemp("scp"))
    yield one
    one.close()


@pytest.fixture
def scene(both_forests):
    yield both_forests
    both_forests.clean()


def until(condition, what: str, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.05)
    return value


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


def test_the_daemon_notices_by_usn_polling(scene):
    """A hand edit on the DC is undone, and a change at the source follows, without a restart or a resync."""
    config = scene.write(scene.settings())
    assert scene.scpctl("sync", "--yes", config=config).returncode == 0
    wanted = bindings(scene.samba, scene.copy_dn)
    log = scene.work / "scpd.log"
    with log.open("w") as stderr:
        daemon = scene.samba.client_popen([str(BUILD / "daemon/scpd"), "-c", config, "--history",
                                           str(scene.work / "history")], stderr=stderr)
    try:
        until(lambda: "watching corp.test by usn" in log.read_text(), "the watch")
        scene.samba.replace(scene.copy_dn, {"serviceBindingInformation": "edited"})
        until(lambda: bindings(scene.samba, scene.copy_dn) == wanted, f"the repair\n{log.read_text()}")
        scene.source_binding("add", "added=1")
        until(lambda: b"added=1" in bindings(scene.samba, scene.copy_dn), f"the change\n{log.read_text()}")
    finally:
        daemon.terminate()
        assert daemon.wait(timeout=10) == 0, log.read_text()
        scene.source_binding("delete", "added=1")
