"""Runs directory_driver: one session of the C++ directory, told and answered in JSON."""

import json
import subprocess
import time

from scplab import Lab
from scplab.runner import Scpctl, build_directory

# A machine that builds at the same time is slow: what ends "at once" has this long.
SLACK = 3.0
# For what libldap 2.5.13 itself leaks: with a client certificate, and at a notice of disconnection.
LEAKS_OF_LIBLDAP = {"ASAN_OPTIONS": "detect_leaks=0"}


class Driver:
    def __init__(self, lab: Lab, scratch):
        self.lab = lab
        self._environment = Scpctl(scratch).environment(lab)

    def endpoint(self, uri: str, account: str = "svc", **changes) -> dict:
        made = {
            "uri": uri,
            "ca_file": str(self.lab.ca_file),
            "mechanism": "simple",
            "bind_dn": self.lab.document()["accounts"][account]["dn"],
            "password_file": str(self.lab.password_file(account)),
            "connect_ms": 20000,
            "operation_ms": 20000,
        }
        return made | changes

    def start(self, told: dict, **environment) -> subprocess.Popen:
        process = subprocess.Popen(
            [build_directory() / "tests" / "directory_driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment | environment,
            cwd=self.lab.dir,
        )
        process.stdin.write(json.dumps(told).encode())
        process.stdin.close()
        process.stdin = None
        return process

    def finish(self, process: subprocess.Popen, timeout: float = 60) -> dict:
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.kill()
        assert process.returncode == 0, err.decode(errors="replace")
        return json.loads(out)

    def __call__(self, told: dict, *operations: dict, timeout: float = 60, **environment) -> dict:
        begin = time.monotonic()
        done = self.finish(
            self.start(told | {"do": list(operations)}, **environment), timeout=timeout
        )
        done["seconds"] = time.monotonic() - begin
        return done


def search(dn: str = "DC=emea,DC=corp,DC=test", filter: str = "(objectClass=container)", **more):
    return {"op": "search", "dn": dn, "filter": filter, "attributes": ["cn"]} | more


def add(dn: str, keywords=("k",), **more) -> dict:
    attributes = {"objectClass": ["serviceConnectionPoint"], "keywords": list(keywords)} | more
    return {"write": "add", "dn": dn, "attributes": attributes}


def modify(dn: str, *modifications: tuple) -> dict:
    listed = [{"op": op, "attribute": name, "values": values} for op, name, values in modifications]
    return {"write": "modify", "dn": dn, "modifications": listed}


def write(*writes: dict) -> dict:
    return {"op": "write", "writes": list(writes)}
