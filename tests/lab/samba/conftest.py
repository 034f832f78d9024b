import contextlib
import os
import sys
from pathlib import Path

import ldap
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from objects import Scp  # noqa: E402
from prerequisites import why_not  # noqa: E402
from sambalab import SambaLab  # noqa: E402
from scene import Scene  # noqa: E402


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
