"""config/examples: each profile as shipped, with a drop-in for the lab's servers and log-in, does what it says.

The product publishes its SCP in corp.test as it does in life; after `scpctl sync` its client finds it where it looks.
"""

from __future__ import annotations

import copy
import shutil
from dataclasses import dataclass
from pathlib import Path

import ldap
import pytest
import yaml

from scplab import forest
from scplab.other import OtherForest
from scplab.runner import SOURCE_ROOT
from scplab.world import Planned, content

EXAMPLES = SOURCE_ROOT / "config" / "examples"
POINTER, SERVER = "67661d7F-8FC4-4fa7-BFAC-E1D7794C1F68", "77378F46-2C66-4aa9-A6A6-3E7A48B19596"
DEVICES = "62a0ff2e-97b9-4513-943f-0d221bd30080"
TENANT = "azureADId:1a9a4d26-0c8d-4b6e-9f35-7d0c3a1b5e42"


@dataclass
class Product:
    """What publishes itself in corp.test's Configuration NC, and how its client looks in its own forest's."""

    container: str
    name: str
    keywords: list[str]
    bindings: list[str]
    base: str  # of the client's search, relative to the Configuration NC
    scope: int
    filter: str
    change: dict[str, list[str]]  # what it publishes later
    refused: str | None = None  # a binding that the profile does not let pass
    beside: tuple[str, list[str]] | None = None  # a name and keywords in the same container, which no client needs elsewhere


PRODUCTS = {
    "exchange-autodiscover": Product(
        "CN=Microsoft Exchange Autodiscover,CN=Services", "resource.test",
        [POINTER, "Domain=corp.test", "Domain=partner.test"], ["LDAP://resource.test"],
        "", ldap.SCOPE_SUBTREE, f"(&(objectClass=serviceConnectionPoint)(|(keywords={POINTER})(keywords={SERVER})))",
        {"keywords": [POINTER, "Domain=corp.test", "Domain=partner.test", "Domain=mail.partner.test"],
         "serviceBindingInformation": ["LDAP://dc1.resource.test"]},
        "https://resource.test/autodiscover", ("MBX1", [SERVER, "Site=Default-First-Site-Name"])),
    "entra-hybrid-join": Product(
        "CN=Device Registration Configuration,CN=Services", DEVICES, ["azureADName:corp.test", TENANT], [],
        f"CN={DEVICES},CN=Device Registration Configuration,CN=Services", ldap.SCOPE_BASE, "(objectClass=*)",
        {"keywords": ["azureADName:contoso.test", TENANT]}),
    "ad-rms": Product(
        "CN=RightsManagementServices,CN=Services", "SCP", ["MSRMRootCluster", "1.0"],
        ["https://rms.corp.test/_wmcs/certification"],
        "CN=Services", ldap.SCOPE_SUBTREE,
        "(&(objectClass=serviceConnectionPoint)(keywords=MSRMRootCluster)(keywords=1.0))",
        {"serviceBindingInformation": ["https://rights.corp.test:8443/_wmcs/certification"]},
        "https://rms.corp.test.attacker.test/_wmcs/certification"),
}


@pytest.fixture(scope="module")
def forests():
    with OtherForest("partner") as one:
        yield one


@pytest.fixture
def partner(forests):
    yield forests
    forests.clean()


def login(settings: dict) -> dict:
    """Of a lab's settings, what a drop-in lays over a profile's forest; a null takes a key back."""
    return copy.deepcopy(settings) | {"auth": settings["auth"] | {"principal": None, "keytab": None}}


def installed(profile: str, forests: list[dict], scratch: Path) -> Path:
    """The profile as shipped is scpd.yaml; all that is the lab's lies in a drop-in."""
    folder = scratch / profile
    (folder / "scpd.d").mkdir(parents=True)
    shutil.copy(EXAMPLES / f"{profile}.yaml", folder / "scpd.yaml")
    (folder / "scpd.d" / "lab.yaml").write_text(yaml.safe_dump({"forests": [login(one) for one in forests]}))
    return folder / "scpd.yaml"


def publish(world, product: Product) -> str:
    """In corp.test, as the product's set-up does: its container below CN=Services, then the SCP."""
    container = world.corp.add_container(f"{product.container},{forest.CONFIGURATION}")
    if product.beside:
        world.corp.add_scp(*product.beside, ["https://mbx1.corp.test/Autodiscover/Autodiscover.xml"], container)
    return world.corp.add_scp(product.name, product.keywords, product.bindings, container)


def test_every_profile_is_tried_here():
    assert {path.stem for path in EXAMPLES.glob("*")} == {"migration-agent", *PRODUCTS}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_profile_is_good_as_shipped(scpctl, path):
    done = scpctl("config", "check", "-o", "json", config=path)
    assert done.returncode == 0, done
    assert all(one["message"].startswith("warning: ") for one in done.json["problems"]), done
    whole = scpctl("config", "show", "-o", "json", config=path).json["settings"]
    assert [rule["name"] for rule in whole["rules"]] == [path.stem]


def test_migration_agent(world, scpctl, scratch):
    config = installed("migration-agent", world.lab.settings()["forests"], scratch)
    assert world.lab.agent_search().found == 0
    done = Planned(scpctl("sync", "--yes", "-o", "json", config=config))
    assert (done.exit, done.changes) == (0, [("create", "missing", "corp")]), done
    assert world.lab.agent_search().found == 1
    assert content(world.copy()) == content(world.source())
    assert scpctl("plan", config=config).returncode == 0


@pytest.mark.parametrize("profile", sorted(PRODUCTS))
def test_between_configuration_ncs(world, scpctl, scratch, partner, profile):
    product = PRODUCTS[profile]
    config = installed(profile, [world.lab.settings()["forests"][0], partner.settings], scratch)
    source = publish(world, product)

    def client() -> list[tuple[str, set[str], set[str]]]:
        """As the product's client, an ordinary user of partner.test."""
        base = ",".join(part for part in (product.base, partner.configuration) if part)
        return [(dn, {one.decode() for one in entry["keywords"]},
                 {one.decode() for one in entry.get("serviceBindingInformation", [])})
                for dn, entry in partner.search(base, product.filter, product.scope)]

    def sync() -> dict:
        done = scpctl("sync", "--yes", "-o", "json", config=config)
        assert done.returncode == 0, done.json["held"]
        assert len(done.json["changes"]) == 1, done
        return done.json["changes"][0]

    assert client() == []
    without_container = scpctl("sync", "--yes", "-o", "json", config=config)
    assert without_container.returncode == 3, without_container
    assert [one["reason"] for one in without_container.json["held"] if one["op"] == "create"] == ["parent-missing"]

    partner.delegate(product.container)
    made = sync()
    assert (made["op"], made["forest"], made["result"]) == ("create", "partner", "done")
    assert made["source"]["dn"].lower() == source.lower()
    copied = f"CN={product.name},{product.container},{partner.configuration}".lower()
    (found, keywords, bindings), = client()
    assert (found.lower(), keywords, bindings) == (copied, set(product.keywords), set(product.bindings))

    assert scpctl("plan", config=config).returncode == 0  # nothing more to do

    world.corp.modify(source, product.change)
    assert sync()["op"] == "update"
    (found, keywords, bindings), = client()
    assert keywords == set(product.change.get("keywords", product.keywords))
    assert bindings == set(product.change.get("serviceBindingInformation", product.bindings))

    if product.refused:
        world.corp.modify(source, {"serviceBindingInformation": [product.refused]})
        held = Planned(scpctl("sync", "--yes", "-o", "json", config=config))
        assert (held.exit, [one["reason"] for one in held.json["held"]]) == (3, ["binding-not-allowed"]), held
        (_, _, still), = client()
        assert still == bindings
