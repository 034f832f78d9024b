"""What the tests of the package share."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from clean_root import clean_root, why_not  # noqa: E402
from deb import built  # noqa: E402


@pytest.fixture(scope="session")
def package() -> Path:
    """The package that packaging/deb has built."""
    return built()


@pytest.fixture(scope="session")
def root(package: Path) -> Path:
    """A clean Debian root. One that cannot be had is an error; SCP_ALLOW_SKIP=1 makes it a skip that says why."""
    if reason := why_not():
        if os.environ.get("SCP_ALLOW_SKIP") == "1":
            pytest.skip(f"SKIPPED BY SCP_ALLOW_SKIP: {reason}")
        pytest.fail(f"{reason} (SCP_ALLOW_SKIP=1 skips these tests)", pytrace=False)
    return clean_root(package)
