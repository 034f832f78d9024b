"""A machine with the package on it, in front of a forest of its own."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

here = Path(__file__).resolve().parent
sys.path[:0] = [str(here), str(here.parents[1] / "package")]
import machine as machines  # noqa: E402
from clean_root import clean_root, why_not  # noqa: E402
from deb import built  # noqa: E402
from host import Host  # noqa: E402
from scplab import Lab  # noqa: E402

# They try what these files are for.
NEEDS = {"test_bus.py": "packaging/dbus", "test_catalogue.py": "packaging/scpd.catalog"}
collect_ignore = [test for test, path in NEEDS.items() if not (here.parents[2] / path).exists()]


@pytest.fixture(scope="session")
def package() -> Path:
    return built()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(kerberos=True) as one:
        yield one


@pytest.fixture(scope="session")
def root(package: Path) -> Path:
    """A machine that cannot be booted is an error; SCP_ALLOW_SKIP=1 makes it a skip that says why."""
    if reason := machines.why_not() or why_not():
        if os.environ.get("SCP_ALLOW_SKIP") == "1":
            pytest.skip(f"SKIPPED BY SCP_ALLOW_SKIP: {reason}")
        pytest.fail(f"{reason} (SCP_ALLOW_SKIP=1 skips these tests)", pytrace=False)
    return clean_root(package)


@pytest.fixture(scope="module")
def host(package: Path, root: Path, lab: Lab) -> Iterator[Host]:
    with machines.Machine(root, [package.parent]) as machine:
        yield Host(machine, lab)
