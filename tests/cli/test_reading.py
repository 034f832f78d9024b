"""topology, list and show against the lab."""

import subprocess

import pytest
import yaml

from . import contract


def one_off(lab, *domains):
    """Connection flags in place of settings."""
    flags = ["--ca-file", str(lab.ca_file), "--bind-dn", lab.document()["accounts"]["svc"]["dn"]]
    flags += ["--password-file", str(lab.password_file("svc"))]
    for name in domains or ("corp", "emea", "apac", "tree"):
        flags += ["--server", lab.server(name).ldaps]
    return flags


def test_topology(lab, scpctl):
    done = scpctl("topology", "-o", "json", lab=lab)
    assert done.returncode == 0
    contract.check_topology(done.json)
    [forest] = done.json["forests"]
    assert forest["root"] == "corp.test"
    assert [domain["domain"] for domain in forest["domains"]] == [
        "apac.corp.test",
        "corp.test",
        "emea.corp.test",
        "tree.test",
    ]
    parents = {domain["domain"]: domain["parent"] for domain in forest["domains"]}
    assert parents["emea.corp.test"] == "corp.test" and parents["corp.test"] is None
    for domain in forest["domains"]:
        assert [server["reachable"] for server in domain["servers"]] == [True]
    trusts = [tuple(trust.values()) for trust in forest["trusts"]]
    assert len(trusts) == len(set(trusts))


def test_topology_as_text_and_dot(lab, scpctl):
    text = scpctl("topology", lab=lab)
    assert text.returncode == 0
    assert "emea.corp.test" in text.stdout and "PDC emulator" in text.stdout
    assert "\n  Configuration NC CN=Configuration,DC=corp,DC=test\n" in text.stdout
    dot = scpctl("topology", "--format", "dot", lab=lab).stdout
    assert '"corp.test" -> "emea.corp.test"' in dot


def test_topology_with_a_domain_down_is_still_shown(fresh_lab, scpctl):
    fresh_lab.stop("apac")
    done = scpctl("topology", "-o", "json", lab=fresh_lab)
    assert done.returncode == 0
    [apac] = [d for d in done.json["forests"][0]["domains"] if d["domain"] == "apac.corp.test"]
    assert apac["servers"][0]["reachable"] is False and apac["servers"][0]["error"]


def test_topology_without_any_server(fresh_lab, scpctl):
    for name in ("corp", "emea", "apac", "tree"):
        fresh_lab.stop(name)
    done = scpctl("topology", "-o", "json", lab=fresh_lab)
    assert done.returncode == 4
    contract.check_error(done.json, "unreachable")


def test_one_off_connection(lab, scpctl):
    done = scpctl("topology", "-o", "json", *one_off(lab))
    assert done.returncode == 0, done
    assert all(d["servers"] for d in done.json["forests"][0]["domains"])


def test_wrong_password_is_refused(lab, scpctl, scratch):
    wrong = scratch / "password"
    wrong.write_text("wrong")
    wrong.chmod(0o600)
    flags = one_off(lab)
    flags[flags.index("--password-file") + 1] = str(wrong)
    done = scpctl("topology", "-o", "json", *flags)
    assert done.returncode == 4
    contract.check_error(done.json, "refused")


def test_list(lab, scpctl):
    done = scpctl("list", "-o", "json", lab=lab)
    assert done.returncode == 0
    contract.check_list(done.json)
    [source] = done.json["scps"]
    assert source["domain"] == "emea.corp.test"
    assert source["roles"] == [{"rule": "mage", "role": "source"}]
    assert "QmmEx" in source["keywords"]
    assert yaml.safe_load(scpctl("list", "-o", "yaml", lab=lab).stdout) == done.json


def test_list_one_off_by_keyword(lab, scpctl):
    done = scpctl("list", "-o", "json", "--keyword", "QmmEx", *one_off(lab))
    assert done.returncode == 0, done
    assert [scp["roles"][0]["role"] for scp in done.json["scps"]] == ["source"]


def test_list_all_without_a_rule(lab, scpctl):
    lab.domain("apac").add_scp("unrelated", ["nobody asks for this"], ["x"])
    done = scpctl("list", "-o", "json", *one_off(lab))
    assert done.returncode == 0
    assert "unrelated" in [scp["name"] for scp in done.json["scps"]]
    filtered = scpctl("list", "-o", "json", "--keyword", "nobody ASKS for this", lab=lab).json["scps"]
    assert [scp["name"] for scp in filtered] == ["unrelated"]
    assert filtered[0]["roles"] == [{"rule": "mage", "role": "unrelated"}]


def test_list_of_one_domain(lab, scpctl):
    assert scpctl("list", "-o", "json", "--domain", "corp.test", lab=lab).json["scps"] == []
    wrong = scpctl("list", "--domain", "emae.corp.test", lab=lab)
    assert wrong.returncode == 2
    assert "did you mean emea.corp.test?" in wrong.stderr


def test_list_needs_only_the_domain_asked_for(fresh_lab, scpctl):
    fresh_lab.stop("apac")
    assert scpctl("list", "--domain", "emea.corp.test", lab=fresh_lab).returncode == 0
    whole = scpctl("list", "-o", "json", lab=fresh_lab)
    assert whole.returncode == 4
    contract.check_error(whole.json)
    assert len(whole.json["scps"]) == 1  # what was read is shown all the same
    assert scpctl("list", "--partial", lab=fresh_lab).returncode == 0


def test_list_as_ldif(lab, scpctl):
    done = scpctl("list", "-o", "ldif", lab=lab)
    assert done.returncode == 0
    assert done.stdout.startswith("version: 1\n\ndn: ")
    assert "keywords: QmmEx\n" in done.stdout


def test_show(lab, scpctl):
    source = lab.document()["source"]
    by_dn = scpctl("show", source["dn"], "-o", "json", lab=lab)
    assert by_dn.returncode == 0
    contract.check_show(by_dn.json)
    assert by_dn.json["copies"] == [] and by_dn.json["source"] is None
    for name in (by_dn.json["guid"], by_dn.json["guid"].upper(), source["name"]):
        again = scpctl("show", name, "-o", "json", lab=lab)
        assert again.returncode == 0
        assert again.json == by_dn.json


@pytest.mark.parametrize(
    "name", ["nothing", "CN=nothing,DC=corp,DC=test", "00000000-0000-0000-0000-000000000000", "a*b(c)\\d"]
)
def test_show_nothing(lab, scpctl, name):
    done = scpctl("show", name, "-o", "json", lab=lab)
    assert done.returncode == 1
    contract.check_error(done.json, "not-found")


def test_show_of_a_name_that_two_have(lab, scpctl):
    lab.domain("corp").add_scp("twice", ["a"], ["x"])
    lab.domain("tree").add_scp("twice", ["b"], ["x"])
    done = scpctl("show", "twice", lab=lab)
    assert done.returncode == 2
    assert "DC=tree,DC=test" in done.stderr or "dc=tree,dc=test" in done.stderr.lower()


HOSTILE = "x\x1b[2J\x9b31m‮\u2028y"


def test_nothing_from_the_directory_steers_a_terminal(lab, scpctl):
    admin = lab.domain("corp")
    admin.add_scp("hostile", ["QmmEx", HOSTILE], [HOSTILE, "two\r\nlines"], vendor=HOSTILE)
    for arguments in (
        ["list", "--all"],
        ["show", "hostile"],
        ["list", "--all", "-o", "json"],
        ["show", "hostile", "-o", "json"],
        ["show", "hostile", "-o", "yaml"],
        ["show", "hostile", "-o", "ldif"],
    ):
        done = scpctl("--color", "never", *arguments, lab=lab)
        assert done.returncode == 0
        for bad in ("\x1b", "\x9b", "‮", "\u2028", "\r"):
            assert bad not in done.stdout, (arguments, bad)
    shown = scpctl("show", "hostile", "-o", "json", lab=lab).json
    assert HOSTILE in shown["bindings"]


def test_what_ldif_shows_can_be_read_again(lab, scpctl, scratch):
    done = scpctl("show", lab.document()["source"]["name"], "-o", "ldif", lab=lab)
    parsed = subprocess.run(
        ["python3", "-c", "import ldif,sys; p=ldif.LDIFRecordList(sys.stdin.buffer); p.parse(); print(len(p.all_records))"],
        input=done.stdout_bytes,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert parsed.stdout.strip() == b"1", parsed.stderr


@pytest.mark.parametrize("verb", [
    ("topology",), ("list", "--keyword", "QmmEx"), ("show", "CN=x,DC=corp,DC=test"),
    ("plan", "--keyword", "QmmEx", "--to", "corp.test"), ("diff", "--keyword", "QmmEx", "--to", "corp.test"),
    ("sync", "--yes", "--partial", "--keyword", "QmmEx", "--to", "corp.test"),
    ("create", "--domain", "corp.test", "--name", "x", "--keyword", "k", "--binding", "b"),
    ("explain", "--account", "svc-mage@corp.test", "--keyword", "QmmEx"),
], ids=lambda verb: verb[0])
@pytest.mark.parametrize("flag", ["--ca-file", "--password-file"])
def test_a_file_that_is_not_there_is_the_callers_mistake(lab, scpctl, scratch, verb, flag):
    """The same exit code for every verb, whatever else was or was not read."""
    flags = one_off(lab, "corp")
    flags[flags.index(flag) + 1] = str(scratch / "absent")
    done = scpctl(*flags, "-o", "json", *verb)
    assert done.returncode == 2, done
    assert str(scratch / "absent") in done.json["error"]["message"], done
