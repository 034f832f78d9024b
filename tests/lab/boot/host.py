"""What an operator does on such a machine, in few words."""

from __future__ import annotations

from pathlib import Path

from machine import Machine
from scplab import Lab, settings
from scplab.forest import PASSWORD, SVC

SETTINGS = "/etc/scpd/scpd.yaml"


class Host:
    def __init__(self, machine: Machine, lab: Lab):
        self.machine, self.lab = machine, lab
        self.run, self.try_run, self.wait = machine.run, machine.try_run, machine.wait
        self.write = machine.write

    # ---- the package

    def install(self, package: Path) -> str:
        """As its file is seen inside, or from standard input if it lies elsewhere."""
        if not self.try_run("test", "-e", str(package)).returncode:
            return self.run("dpkg", "--install", str(package))
        copy = f"/root/{package.name}"
        with open(package, "rb") as file:
            self.run("sh", "-c", f"cat >{copy}", stdin=file)
        return self.run("dpkg", "--install", copy)

    # ---- settings and log-in data

    def configure(self, auth: dict, *, tls: bool = True, **more) -> None:
        """Settings for the lab with this log-in; what they name lies in /etc."""
        content = self.lab.settings(tls=tls)
        forest = content["forests"][0]
        forest["auth"] = auth
        if tls:
            forest["tls"]["ca_file"] = "/etc/scpd/ca.pem"
            self.write("/etc/scpd/ca.pem", self.lab.ca_file.read_text())
        content["daemon"]["resync"] = "5s"  # what breaks while nothing changes is seen at the next look
        content |= {"metrics": {"listen": "off"}} | more
        self.write(SETTINGS, settings.to_yaml(content))

    def by_password(self, **more) -> None:
        self.write("/etc/credstore/scpd.password", PASSWORD, "600")
        self.configure({"mechanism": "simple", "bind_dn": SVC.dn, "credential": "scpd.password"}, **more)

    def by_kerberos(self, credential: str = "scpd.keytab", **more) -> None:
        self.write("/etc/krb5.conf", self.lab.kdc.krb5_conf.read_text())
        principal = settings.principal("svc")
        auth = {"mechanism": "gssapi", "principal": principal, "credential": credential}
        self.configure(auth, tls=False, **more)

    def give_keytab(self, path: str) -> None:
        with open(self.lab.kdc.keytab(SVC.sam), "rb") as keytab:
            self.run("sh", "-c", f'umask 077 && mkdir -p "$(dirname {path})" && cat >{path}', stdin=keytab)

    # ---- the service

    def show(self, name: str) -> str:
        return self.run("systemctl", "show", "scpd", "--value", f"--property={name}").strip()

    def start(self) -> None:
        """From whatever state it is in, with the settings as they are now."""
        self.run("systemctl", "reset-failed", "scpd")
        self.run("systemctl", "restart", "scpd")

    def wait_status(self, *parts: str, without: str = "\0", seconds: float = 30) -> str:
        """Until the line of `systemctl status` has all of these."""

        def found() -> str:
            line = self.show("StatusText")
            return line if all(part in line for part in parts) and without not in line else ""

        try:
            return self.wait(found, f"a status with {parts} without {without!r}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\nthe last one: {self.show('StatusText')}\n{self.journal()}") from None

    def journal(self, *options: str) -> str:
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--unit=scpd", "--no-pager", *options)

    def wait_journal(self, part: str, seconds: float = 30) -> None:
        """Since the unit was started last."""
        self.wait(
            lambda: part in self.journal(f"_SYSTEMD_INVOCATION_ID={self.show('InvocationID')}"),
            f"{part!r} in the journal",
            seconds,
        )

    def wait_restarted(self, before: str, seconds: float = 60) -> str:
        """Until another process runs in the place of that one."""

        def another() -> str:
            pid = self.show("MainPID")
            return pid if pid not in ("0", before) and self.show("ActiveState") == "active" else ""

        return self.wait(another, "scpd to be restarted", seconds)
