import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from sambalab import SambaLab, why_not  # noqa: E402


@pytest.fixture(scope="session")
def samba_available() -> None:
    """A lab that cannot run is an error; SCP_ALLOW_SKIP=1 makes it a skip that says why."""
    if reason := why_not():
        if os.environ.get("SCP_ALLOW_SKIP") == "1":
            pytest.skip(f"SKIPPED BY SCP_ALLOW_SKIP: {reason}")
        pytest.fail(f"{reason} (SCP_ALLOW_SKIP=1 skips these tests)", pytrace=False)


@pytest.fixture(scope="session")
def samba_lab(samba_available):
    with SambaLab() as lab:
        yield lab
