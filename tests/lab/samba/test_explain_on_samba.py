"""scpctl explain on a real AD domain controller, by Kerberos, and with the agent's own tickets."""

import contextlib
import json

import ldap
import pytest
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

from objects import read, sd_flags, sid_of
from scene import BUILD, FILTER, NAME

DACL = 4

ACCOUNT = ["--account", r"CORP\svc-mage"]
BY_FILTER = [*ACCOUNT, "--filter", FILTER]


def explain(scene, config, *arguments, exit: int) -> dict:
    """The one result."""
    done = scene.scpctl("explain", *arguments, config=config)
    assert done.returncode == exit, done
    (result,) = json.loads(done.stdout)["results"]
    return result


@pytest.fixture
def alone(scene) -> str:
    """Settings of the DC's forest only, without rules."""
    settings = scene.settings()
    settings["forests"] = settings["forests"][1:]
    settings["rules"] = []
    return scene.write(settings, "alone.yaml")


@pytest.fixture
def agents_cache(samba_lab, tmp_path) -> str:
    """Tickets of the agent's account, got with its password as the agent's host does it."""
    return tickets(samba_lab, "agent", tmp_path)


def tickets(lab, who: str, folder) -> str:
    account = lab.info[who]
    name = account["upn"] if "upn" in account else account["principal"]
    realm = lab.info["realm"]
    cache = f"FILE:{folder}/{who}.ccache"
    got = lab.client_run(["kinit", "-c", cache, f"{name.partition('@')[0]}@{realm}"],
                         input=account["password"] + "\n", capture_output=True)
    assert got.returncode == 0, got.stderr
    return cache


@contextlib.contextmanager
def denied(lab, dn: str, account_dn: str):
    """An account may not read this object, until the end: an ACE in front of all others."""
    sid = ndr_unpack(security.dom_sid, sid_of(lab.admin, account_dn))
    domain_sid = security.dom_sid(str(sid).rpartition("-")[0])
    dacl_only = [sd_flags(DACL)]
    (before,) = read(lab.admin, dn, "nTSecurityDescriptor", dacl_only)
    sddl = ndr_unpack(security.descriptor, before).as_sddl(domain_sid)
    head, first, rest = sddl.partition("(")
    changed = security.descriptor.from_sddl(f"{head}(D;;RPLCLORC;;;{sid}){first}{rest}", domain_sid)

    def set_to(descriptor: bytes) -> None:
        replace = [(ldap.MOD_REPLACE, "nTSecurityDescriptor", [descriptor])]
        lab.admin.modify_ext_s(dn, replace, serverctrls=dacl_only)

    set_to(ndr_pack(changed))
    try:
        yield
    finally:
        set_to(before)


# ---- what is found, and why not


def test_the_dc_alone(scene, alone, product):
    result = explain(scene, alone, *BY_FILTER, exit=0)
    assert result["matches"] == [product]
    assert result["account"]["dn"] == scene.samba.info["agent"]["dn"]
    assert (result["base"], result["global_catalog"]) == (scene.samba.nc, {"found": 1})


def test_nothing_was_published(scene, alone):
    result = explain(scene, alone, *BY_FILTER, exit=1)
    assert (result["found"], result["global_catalog"]["found"]) == (0, 0)
    assert result["cause"].startswith("No domain of the forest has an SCP")


def test_a_source_in_another_forest_then_its_copy(scene, agents_cache):
    config = scene.write(scene.settings())
    result = explain(scene, config, "--rule", "mage", exit=1)
    assert result["account"] == {"query": r"CORP\svc-mage", "dn": scene.samba.info["agent"]["dn"], "domain": "corp.test",
                                 "forest": "ad", "disabled": False}
    assert result["cause"].startswith("The SCP exists in emea.corp.test, but the agent's account svc-mage lives in corp.test")
    assert result["cure"] == [f"scpctl sync --rule mage -c {config}"]

    assert scene.scpctl("sync", "--rule", "mage", "--yes", config=config).returncode == 0
    for as_whom in ([], ["--agent-ccache", agents_cache]):
        result = explain(scene, config, "--rule", "mage", *as_whom, exit=0)
        assert [dn.lower() for dn in result["matches"]] == [scene.copy_dn.lower()]
        assert result["as_agent"] == bool(as_whom)


def test_one_off_with_the_callers_tickets(scene, product, tmp_path):
    """No settings at all: --server and --mech, and the tickets that kinit got."""
    lab = scene.samba
    cache = tickets(lab, "service", tmp_path)
    done = lab.client_run(["env", "-u", "SCPD_CONFIG", f"KRB5CCNAME={cache}", str(BUILD / "scpctl/scpctl"), "-o", "json", "--server",
                           lab.ldap_uri, "--mech", "gssapi", "explain", *BY_FILTER], capture_output=True)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["results"][0]["matches"] == [product]


# ---- with the agent's own tickets


def test_with_the_agents_own_tickets(scene, alone, product, agents_cache):
    result = explain(scene, alone, *BY_FILTER, "--agent-ccache", agents_cache, exit=0)
    assert result["as_agent"] and result["matches"] == [product]


def test_the_agents_account_may_not_read_it(scene, alone, product, agents_cache):
    """Only a look as the agent can tell: the service account reads the SCP all the same."""
    lab = scene.samba
    with denied(lab, product, lab.info["agent"]["dn"]):
        assert explain(scene, alone, *BY_FILTER, exit=0)["found"] == 1
        result = explain(scene, alone, *BY_FILTER, "--agent-ccache", agents_cache, exit=1)
        assert (result["found"], result["as_agent"]) == (0, True)
        assert "but that account may not read it" in result["cause"]
        assert f"dsacls 'CN={NAME}," in "\n".join(result["cure"])


@pytest.mark.parametrize("content", [None, b"", b"no tickets"], ids=["nothing there", "empty", "garbage"])
def test_tickets_that_are_none(scene, alone, product, tmp_path, content):
    cache = tmp_path / "none.ccache"
    if content is not None:
        cache.write_bytes(content)
    result = explain(scene, alone, *BY_FILTER, "--agent-ccache", f"FILE:{cache}", exit=4)
    assert result["cause"].startswith("The agent's account cannot log in to corp.test: ")
    assert "Kerberos: the credential cache: " in result["cause"]
    assert str(cache) in result["cause"]
