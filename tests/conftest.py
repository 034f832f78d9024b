"""Fixtures for tests against the embedded lab and with the built programs."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "lab"))

from scplab import Lab  # noqa: E402
from scplab.runner import Scpctl, Scpd  # noqa: E402
from scplab.world import World  # noqa: E402


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of this module's own; its tests share it and see each other's changes (or call lab.restore())."""
    with Lab() as one:
        yield one


@pytest.fixture
def fresh_lab() -> Iterator[Lab]:
    """A lab of this test's own."""
    with Lab() as one:
        yield one


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A directory with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="scp-") as path:
        yield Path(path)


@pytest.fixture
def scpctl(scratch: Path) -> Scpctl:
    """Runs scpctl: scpctl("plan", lab=lab). See scplab.runner."""
    return Scpctl(scratch)


@pytest.fixture
def scpd(scratch: Path) -> Iterator[Scpd]:
    """Starts scpd: scpd(lab).wait_ready(). All are ended after the test."""
    runner = Scpd(scratch)
    yield runner
    runner.close()


@pytest.fixture
def world(lab: Lab, scpctl: Scpctl) -> Iterator[World]:
    """The module's lab in its first state, which it is put back to after the test."""
    one = World(lab, scpctl)
    yield one
    one.close()
