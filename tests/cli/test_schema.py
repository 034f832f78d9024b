"""config schema: a valid JSON Schema, the shipped one, and of one mind with config check."""

import json
import re

import jsonschema
import pytest
import yaml

from scplab.runner import SOURCE_ROOT

CONFIG = SOURCE_ROOT / "config"
HEAD = "instance: prod\nforests: [{name: corp, domain: corp.test}]\n"
RULE = "rules:\n  - name: mage\n    match: {keywords: [QmmEx]}\n    accounts: ['CORP\\svc']\n"


class Core(yaml.SafeLoader):
    """YAML 1.2 as editors read it: `off` is a word."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
]:
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), first)


@pytest.fixture
def schema(scpctl):
    return json.loads(scpctl("config", "schema").stdout)


def faults(schema, text):
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(yaml.load(text, Core))]


def checked(scpctl, scratch, text):
    path = scratch / "scpd.yaml"
    path.write_text(text)
    return scpctl("config", "check", "-o", "json", config=path).json


def test_is_a_valid_schema_and_the_shipped_one(scpctl, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    shipped = CONFIG / "scpd.schema.json"
    assert scpctl("config", "schema").stdout == shipped.read_text(), (
        f"the table of settings has changed: scpctl config schema > {shipped}"
    )


def test_as_a_document_it_has_a_name(scpctl, schema):
    document = scpctl("config", "schema", "-o", "json").json
    assert document.pop("schema") == "scpd.config-schema/1"
    assert document == schema
    as_yaml = yaml.load(scpctl("config", "schema", "-o", "yaml").stdout, Core)
    as_yaml.pop("schema")
    assert as_yaml == schema


def test_every_key_is_described_and_unknown_ones_are_refused(schema):
    maps = 0

    def look(node, path):
        nonlocal maps
        for way in node.get("anyOf", [node]):
            if way.get("type") == "object":
                maps += 1
                assert way["additionalProperties"] is False or "propertyNames" in way, path
                for name, member in way.get("properties", {}).items():
                    assert member["description"], path + name
                    look(member, f"{path}{name}.")
                if way["additionalProperties"]:
                    look(way["additionalProperties"], f"{path}*.")
            elif way.get("type") == "array":
                look(way["items"], f"{path}[].")

    look(schema, "")
    assert maps > 15


def test_the_shipped_settings_name_the_schema():
    first = (CONFIG / "scpd.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=/usr/share/scpd/scpd.schema.json"


@pytest.mark.parametrize("path", sorted(CONFIG.rglob("*.yaml")), ids=lambda path: path.name)
def test_what_is_shipped_is_good(schema, path):
    assert faults(schema, path.read_text()) == []


GOOD = {
    "the least": HEAD,
    "a rule": HEAD + RULE,
    "rules left empty": HEAD + "rules:\n",
    "maps left empty": HEAD + "limits:\ndaemon:\n",
    "a number for a name": "instance: 2026\nforests: [{name: 1.5, domain: corp.test}]\n",
    "servers alone": "instance: a\nforests: [{name: a, servers: ['ldaps://dc1.corp.test']}]\n",
    "site by name": HEAD.replace("domain:", "site: Berlin, domain:"),
    "site off": HEAD.replace("domain:", "site: off, domain:"),
    "catalogs as a list": HEAD.replace("domain:", "global_catalog: ['ldaps://gc.corp.test:3269'], domain:"),
    "catalogs off": HEAD.replace("domain:", "global_catalog: off, domain:"),
    "TLS version without quotes": HEAD.replace("domain:", "tls: {min_version: 1.3}, domain:"),
    "TLS version in quotes": HEAD.replace("domain:", 'tls: {min_version: "1.3"}, domain:'),
    "an override": HEAD.replace("domain:", "domains: {emea.corp.test: {servers: ['ldaps://e.corp.test']}}, domain:"),
    "a keyword that is a number": HEAD + RULE.replace("QmmEx", "MSRMRootCluster, 1.0"),
    "accounts of all forms": HEAD + RULE.replace(
        "'CORP\\svc'", "'CORP\\a', a@corp.test, 'CN=a,DC=corp,DC=test', S-1-5-21-1-2-3-500,"
        " {forest: corp, account: 'CORP\\b'}, {group: 'CN=g,DC=corp,DC=test'}, {filter: (cn=x)}"),
    "prefer": HEAD + RULE + "    on_conflict: {prefer: [corp.test]}\n",
    "refuse": HEAD + RULE + "    on_conflict: refuse\n",
    "container same": HEAD + RULE + "    targets: {container: same}\n",
    "container in the Configuration NC": HEAD + RULE + "    targets: {container: 'configuration:CN=Services'}\n",
    "container Configuration": HEAD + RULE + "    targets: {container: Configuration}\n",
    "patterns": HEAD + RULE + "    bindings: {allow: ['Port=\\d+'], deny: []}\n",
    "no wait": HEAD + "daemon: {debounce: 0s}\n",
    "limits": HEAD + "limits: {changes: 0, deletes: 1000000, delete_percent: 100}\n",
    "owners": HEAD + "marker: {owners: ['CORP\\x', S-1-5-32-544]}\n",
}
BAD = {
    "nothing": "{}\n",
    "no instance": HEAD.replace("instance: prod", "rules: []"),
    "no forest": "instance: prod\nforests: []\n",
    "forests null": "instance: prod\nforests:\n",
    "unknown key": HEAD + "ruels: []\n",
    "unknown key deep down": HEAD.replace("domain:", "tls: {mod: ldaps}, domain:"),
    "unknown key of an override": HEAD.replace("domain:", "domains: {a.test: {site: x}}, domain:"),
    "password": HEAD.replace("domain:", "auth: {password: x}, domain:"),
    "name with a blank": HEAD.replace("prod", "my prod"),
    "name too long": HEAD.replace("prod", "p" * 65),
    "domain without a dot": HEAD.replace("corp.test", "corp"),
    "domain as a DN": HEAD.replace("corp.test", "'DC=corp,DC=test'"),
    "override by NetBIOS name": HEAD.replace("domain:", "domains: {EMEA: {}}, domain:"),
    "server without scheme": HEAD.replace("domain:", "servers: [dc1.corp.test], domain:"),
    "server with a password": HEAD.replace("domain:", "servers: ['ldaps://a:b@dc1.corp.test'], domain:"),
    "servers twice": HEAD.replace("domain:", "servers: ['ldaps://a.test', 'ldaps://a.test'], domain:"),
    "relative file": HEAD.replace("domain:", "tls: {ca_file: ca.pem}, domain:"),
    "credential with a slash": HEAD.replace("domain:", "auth: {credential: a/b}, domain:"),
    "mechanism": HEAD.replace("domain:", "auth: {mechanism: ntlm}, domain:"),
    "duration without unit": HEAD + "daemon: {resync: 15}\n",
    "duration of words": HEAD + "daemon: {resync: 15 minutes}\n",
    "number as text": HEAD + "limits: {changes: '5'}\n",
    "number too large": HEAD + "limits: {delete_percent: 101}\n",
    "number negative": HEAD + "limits: {deletes: -1}\n",
    "truth as text": HEAD + RULE + "    targets: {create_containers: 'true'}\n",
    "list for a value": HEAD.replace("prod", "[prod]"),
    "value for a list": HEAD + RULE.replace("[QmmEx]", "QmmEx"),
    "map for a list": HEAD + "rules: {name: a}\n",
    "value for a map": HEAD + "daemon: fast\n",
    "no keywords": HEAD + RULE.replace("[QmmEx]", "[]"),
    "no match": HEAD + RULE.replace("match: {keywords: [QmmEx]}", "mode: upsert"),
    "keyword empty": HEAD + RULE.replace("[QmmEx]", "['']"),
    "keyword too long": HEAD + RULE.replace("QmmEx", "k" * 257),
    "keywords twice": HEAD + RULE.replace("QmmEx", "QmmEx, QmmEx"),
    "item without a value": HEAD + RULE.replace("QmmEx", "null"),
    "mode": HEAD + RULE + "    mode: mirror\n",
    "conflict": HEAD + RULE + "    on_conflict: newest\n",
    "prefer nobody": HEAD + RULE + "    on_conflict: {prefer: []}\n",
    "conflict without prefer": HEAD + RULE + "    on_conflict: {}\n",
    "no container": HEAD + RULE + "    targets: {container: ''}\n",
    "trust everywhere": HEAD + RULE + "    trust: {containers: []}\n",
    "owner without domain": HEAD + "marker: {owners: [x]}\n",
    "log level": HEAD + "log: {level: loud}\n",
}


@pytest.mark.parametrize("name", GOOD)
def test_good(scpctl, scratch, schema, name):
    assert faults(schema, GOOD[name]) == []
    assert checked(scpctl, scratch, GOOD[name])["problems"] == []


@pytest.mark.parametrize("name", BAD)
def test_bad(scpctl, scratch, schema, name):
    assert faults(schema, BAD[name])
    assert not checked(scpctl, scratch, BAD[name])["ok"]


def test_the_defaults_are_good_settings(scpctl, scratch, schema):
    """What config show prints, defaults filled in, holds to the schema, and has the defaults that it tells."""
    path = scratch / "scpd.yaml"
    path.write_text(HEAD + RULE)
    shown = scpctl("config", "show", "-o", "json", config=path).json["settings"]
    assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(shown)] == []
    compared = 0

    def look(node, value):
        nonlocal compared
        for name, member in node.get("properties", {}).items():
            if name not in value:
                continue
            if "default" in member and name not in ("rules", "accounts"):
                compared += 1
                assert value[name] == member["default"], name
            if isinstance(value[name], dict):
                look(member, value[name])
            elif member.get("type") == "array" and value[name] and isinstance(value[name][0], dict):
                look(member["items"], value[name][0])

    def plain(node):
        """The one way of an anyOf that is not null."""
        if isinstance(node, dict):
            ways = [way for way in node.get("anyOf", []) if way != {"type": "null"}]
            merged = {**node, **(ways[0] if len(ways) == 1 else {})}
            return {key: plain(item) for key, item in merged.items() if key != "anyOf"}
        return [plain(item) for item in node] if isinstance(node, list) else node

    look(plain(schema), shown)
    assert compared > 25
