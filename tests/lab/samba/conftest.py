import contextlib
import os
import sys
from pathlib import Path

import ldap
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from objects import Scp, until  # noqa: E402
from prerequisites import why_not  # noqa: E402
from sambalab import SambaLab  # noqa: E402
from scene import Scene  # noqa: E402
from story import Story  # noqa: E402

FOREST = ("dc1", "dc2", "em1")


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


@pytest.fixture(scope="session")
def forest_lab(samba_available):
    with SambaLab(layout="forest") as lab:
        yield lab


@pytest.fixture(scope="session")
def forests(samba_available):
    """Two of them, with a trust."""
    with SambaLab(layout="two-forests") as lab:
        yield lab


@pytest.fixture(scope="module")
def forest(forest_lab):
    """A root with two DCs, and a child domain, shared by all modules: each DC serves, and has the others' writes."""
    before = {dc: forest_lab.objects(dc) for dc in FOREST}
    yield forest_lab
    until(lambda: {dc: forest_lab.objects(dc) for dc in FOREST} == before,
          "the forest as it was found (see the_dc_is_left_as_it_was_found)", 60)


@pytest.fixture
def story(forest, tmp_path):
    one = Story(forest, tmp_path)
    with forest.product_scp(dc="em1") as one.source:
        yield one
        one.clean()


@pytest.fixture
def copied(story):
    """The story after its first sync, when both DCs of the root have the copy."""
    assert story.run("sync", "--yes")["changed"]
    until(lambda: story.agent_finds("dc2"), "the copy at dc2", 60)
    return story


@pytest.fixture(scope="session")
def svc(samba_lab):
    """The service account, by Kerberos from its keytab."""
    return samba_lab.connect_kerberos()


@pytest.fixture(scope="session")
def agent(samba_lab):
    account = samba_lab.info["agent"]
    return samba_lab.connect(account["upn"], account["password"])


@pytest.fixture(scope="module", autouse=True)
def the_dc_is_left_as_it_was_found(samba_lab):
    """All modules share one DC: what one leaves there, another one finds, and is misled by."""
    before = samba_lab.objects()
    yield
    after = samba_lab.objects()
    assert after == before, f"left behind: {after - before}, missing: {before - after}"


@pytest.fixture
def product(samba_lab):
    """The DN of the real product's SCP, which is there for one test."""
    with samba_lab.product_scp() as dn:
        yield dn


@pytest.fixture
def scp(samba_lab, svc):
    made = Scp(samba_lab, svc)
    yield made
    with contextlib.suppress(ldap.NO_SUCH_OBJECT):
        samba_lab.delete(made.guid)


@pytest.fixture(scope="module")
def both_forests(samba_lab, tmp_path_factory):
    one = Scene(samba_lab, tmp_path_factory.mktemp("scp"))
    yield one
    one.close()


@pytest.fixture
def scene(both_forests):
    yield both_forests
    both_forests.clean()
