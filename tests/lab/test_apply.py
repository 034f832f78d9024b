"""apply on slapd: what only a real server can show of its writes."""

import os
import re
import subprocess

import pytest

from scplab import forest
from scplab.runner import build_directory


@pytest.mark.parametrize("case", ["content", "names", "refused", "conflict"])
def test_apply(lab, case):
    nc = forest.ROOT.nc
    environment = {
        "APPLY_URI": lab.servers[forest.ROOT.key].ldaps,
        "APPLY_CA_FILE": str(lab.ca_file),
        "APPLY_MECHANISM": "simple",
        "APPLY_BIND_DN": forest.ACCOUNTS["svc"].dn,
        "APPLY_PASSWORD_FILE": str(lab.password_file("svc")),
        "APPLY_CONTAINER": f"{forest.COPY_CONTAINER},{nc}",
        "APPLY_FORBIDDEN": f"CN=System,{nc}",
    }
    done = subprocess.run(
        [build_directory() / "tests" / "apply_on_server", f"--test-case={case}: *"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"test cases: +0 ", done.stdout), "no such case: " + done.stdout
