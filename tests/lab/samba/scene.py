"""The DC, a source forest beside it in the same network, and scpctl and scpd run there.

One Samba DC is one domain, so the source lies in another forest: the slapd lab, brought up inside the
client's network. The copy is written to the DC with the keytab of a delegated, ordinary account.
"""

import json
import os
import subprocess
from pathlib import Path

import ldap
import yaml

TREE = Path(__file__).resolve().parents[3]
FOREST = str(TREE / "tests/lab/forest")
BUILD = Path(os.environ.get("SCP_BUILD_DIR") or TREE / "build/dev").absolute()
NAME = "90e49231-3838-4e5e-b2e4-8813fbf59a11"
FILTER = (f"(&(objectClass=serviceConnectionPoint)(keywords=77F6F69F-AD86-437c-B47E-9A2F161E7E61)"
          f"(keywords=QmmEx)(keywords={NAME})(CN={NAME}))")


class Programs:
    """scpctl and scpd as a client of the lab runs them, with one history in `work`."""

    def __init__(self, samba, work: Path):
        self.samba, self.work = samba, work

    def write(self, settings: dict, name: str = "scpd.yaml") -> str:
        path = self.work / name
        path.write_text(yaml.safe_dump(settings))
        return str(path)

    def scpctl(self, *arguments: str, config: str) -> subprocess.CompletedProcess:
        return self.samba.client_run([str(BUILD / "scpctl/scpctl"), "-c", config, "--history", str(self.work / "history"),
                                      "-o", "json", *arguments], capture_output=True, text=True, timeout=120)

    def scpd(self, config: str, stderr) -> subprocess.Popen:
        return self.samba.client_popen([str(BUILD / "daemon/scpd"), "-c", config, "--history",
                                        str(self.work / "history")], stderr=stderr)


class Scene(Programs):
    """The DC, a source forest beside it in the same network, and settings that name both."""

    def __init__(self, samba, work: Path):
        super().__init__(samba, work)
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

    def agent_finds(self, agent) -> list[str]:
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
