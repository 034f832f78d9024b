"""plan, diff, sync and create against the lab."""

import json
import signal
import subprocess

import pytest
import yaml

from scplab import scripted
from scplab.runner import program

from . import contract
from .test_arguments import on_a_terminal
from .test_reading import one_off

COPY = "CN=90e49231-3838-4e5e-b2e4-8813fbf59a11,CN=scpd,CN=System"


def planned(scpctl, lab, *more):
    done = scpctl("plan", "-o", "json", *more, lab=lab)
    contract.check_plan(done.json)
    return done


def test_the_main_job(fresh_lab, scpctl):
    assert fresh_lab.agent_search().found == 0
    before = planned(scpctl, fresh_lab)
    assert before.returncode == 1
    [change] = before.json["changes"]
    assert (change["op"], change["reason"], change["domain"]) == ("create", "missing", "corp.test")
    assert before.json["complete"] is True and before.json["changed"] is False

    done = scpctl("sync", "--yes", "-o", "json", lab=fresh_lab)
    assert done.returncode == 0, done
    contract.check_plan(done.json)
    assert done.json["changed"] is True
    assert [change["result"] for change in done.json["changes"]] == ["done"]
    assert fresh_lab.agent_search().found == 1

    after = planned(scpctl, fresh_lab)
    assert after.returncode == 0
    assert after.json["changes"] == [] and after.json["in_sync"] == 1
    assert scpctl("diff", lab=fresh_lab).returncode == 0
    assert scpctl("sync", "--yes", lab=fresh_lab).returncode == 0

    shown = scpctl("show", COPY + ",DC=corp,DC=test", "-o", "json", lab=fresh_lab).json
    contract.check_show(shown)
    assert shown["marker"]["instance"] == "lab" and shown["source"]["domain"] == "emea.corp.test"
    source = scpctl("show", fresh_lab.document()["source"]["dn"], "-o", "json", lab=fresh_lab).json
    assert [dn.lower() for dn in source["copies"]] == [(COPY + ",DC=corp,DC=test").lower()]
    roles = {scp["domain"]: scp["roles"][0]["role"] for scp in scpctl("list", "-o", "json", lab=fresh_lab).json["scps"]}
    assert roles == {"emea.corp.test": "source", "corp.test": "copy"}


def test_the_history_is_where_it_is_said_to_be(fresh_lab, scpctl, scratch):
    done = scpctl("--history", str(scratch / "h"), "sync", "--yes", lab=fresh_lab)
    assert done.returncode == 0
    assert [path for path in (scratch / "h").iterdir()]


def test_a_history_that_cannot_be_written_writes_nothing(fresh_lab, scpctl, scratch):
    (scratch / "file").write_text("")
    done = scpctl("--history", str(scratch / "file"), "sync", "--yes", "-o", "json", lab=fresh_lab)
    assert done.returncode == 5
    contract.check_error(done.json)
    assert fresh_lab.agent_search().found == 0


def test_an_edit_by_hand_is_shown_and_repaired(fresh_lab, scpctl):
    scpctl("sync", "--yes", lab=fresh_lab)
    fresh_lab.domain("corp").ldap.modify_s(
        COPY + ",DC=corp,DC=test", [(2, "serviceBindingInformation", [b"Port=666"])]
    )
    diff = scpctl("diff", lab=fresh_lab)
    assert diff.returncode == 1
    assert "\n-Port=666\n" in diff.stdout and "\n+Port=1433\n" in diff.stdout
    assert "@@ serviceBindingInformation @@" in diff.stdout
    contract.check_plan(scpctl("diff", "-o", "json", lab=fresh_lab).json)
    assert planned(scpctl, fresh_lab).json["changes"][0]["reason"] == "edited-by-hand"
    assert scpctl("sync", "--yes", lab=fresh_lab).returncode == 0
    assert planned(scpctl, fresh_lab).returncode == 0


def test_ldif_of_a_plan_does_what_sync_would(fresh_lab, scpctl):
    ldif = scpctl("plan", "-o", "ldif", lab=fresh_lab)
    assert ldif.returncode == 1
    dry = scpctl("sync", "--dry-run", "-o", "ldif", lab=fresh_lab)
    assert (dry.returncode, dry.stdout) == (1, ldif.stdout)
    assert fresh_lab.agent_search().found == 0
    server = fresh_lab.server("corp")
    subprocess.run(
        ["ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", server.ldapi],
        input=ldif.stdout,
        text=True,
        check=True,
        capture_output=True,
        env=fresh_lab.client_environment(),
    )
    assert planned(scpctl, fresh_lab).returncode == 0


def test_sync_dry_run_answers_as_plan(lab, scpctl):
    assert scpctl("sync", "--dry-run", "-o", "json", lab=lab).json == planned(scpctl, lab).json
    assert scpctl("sync", "--dry-run", lab=lab).returncode == 1


def test_sync_asks_on_a_terminal(fresh_lab, scpctl, scratch):
    command = [str(program("scpctl")), "-c", str(fresh_lab.scpd_yaml), "sync"]
    environment = scpctl.environment(fresh_lab)
    shown, code = on_a_terminal(command, environment, b"n\n", scratch)
    assert code == 3 and b"Write 1 change? [y/N]" in shown
    assert shown.count(b"+ create") == 1 and b"nothing was written: 1 to create" in shown
    assert fresh_lab.agent_search().found == 0
    shown, code = on_a_terminal(command, environment, b"y\n", scratch)
    assert code == 0, shown
    assert fresh_lab.agent_search().found == 1


def test_undo_asks_on_a_terminal(fresh_lab, scpctl, scratch):
    settings = yaml.safe_load(fresh_lab.scpd_yaml.read_text())
    scpctl("sync", "--yes", lab=fresh_lab)
    settings["rules"] = []  # else the copy would be made again, and undo refuses
    (scratch / "scpd.yaml").write_text(yaml.safe_dump(settings))
    [write] = scpctl("history", "-o", "json").json["writes"]
    contract.check_history(scpctl("history", "-o", "json").json)
    command = scpctl.command("undo", write["id"], lab=fresh_lab, config=scratch / "scpd.yaml")
    environment = scpctl.environment(fresh_lab)
    shown, code = on_a_terminal(command, environment, b"n\n", scratch)
    assert code == 3 and b"delete" in shown
    assert fresh_lab.agent_search().found == 1
    shown, code = on_a_terminal(command, environment, b"y\n", scratch)
    assert code == 0, shown
    assert fresh_lab.agent_search().found == 0


def test_sync_of_a_plan_that_was_looked_at(fresh_lab, scpctl, scratch):
    file = scratch / "looked-at.plan"
    assert scpctl("plan", "--out", str(file), lab=fresh_lab).returncode == 1
    assert json.loads(file.read_text())["schema"] == "scpd.plan/1"
    fresh_lab.domain("emea").ldap.modify_s(
        fresh_lab.document()["source"]["dn"], [(0, "serviceBindingInformation", [b"New=1"])]
    )
    changed = scpctl("sync", "--yes", "--plan", str(file), "-o", "json", lab=fresh_lab)
    assert changed.returncode == 3
    contract.check_plan(changed.json)
    contract.check_error(changed.json, "conflict")
    assert fresh_lab.agent_search().found == 0
    scpctl("plan", "--out", str(file), lab=fresh_lab)
    assert scpctl("sync", "--yes", "--plan", str(file), lab=fresh_lab).returncode == 0
    assert fresh_lab.agent_search().found == 1


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema": "scpd.list/1", "hash": "x"}', "\xff"])
def test_a_plan_file_that_is_none(lab, scpctl, scratch, content):
    file = scratch / "no.plan"
    file.write_text(content)
    assert scpctl("sync", "--yes", "--plan", str(file), lab=lab).returncode == 2


def test_limits_and_approval(fresh_lab, scpctl):
    settings = fresh_lab.settings()
    settings["limits"] = {"changes": 1}
    settings["rules"][0]["targets"]["domains"] = ["apac.corp.test"]
    config = fresh_lab.write_settings(settings)
    held = scpctl("sync", "--yes", "-o", "json", config=config)
    assert held.returncode == 3
    assert {one["reason"] for one in held.json["held"]} == {"limit-exceeded"}
    wrong = scpctl("sync", "--yes", "--approve", "sha256:" + "0" * 64, config=config)
    assert wrong.returncode == 3
    assert fresh_lab.agent_search().found == 0
    done = scpctl("sync", "--yes", "--approve", held.json["hash"], config=config)
    assert done.returncode == 0, done


def test_observe_holds_everything(fresh_lab, scpctl):
    settings = fresh_lab.settings()
    settings["rules"][0]["mode"] = "observe"
    config = fresh_lab.write_settings(settings)
    assert scpctl("plan", config=config).returncode == 1
    done = scpctl("sync", "--yes", "-o", "json", config=config)
    assert done.returncode == 3
    assert {one["reason"] for one in done.json["held"]} == {"mode-forbids"}
    assert done.json["changed"] is False


def test_a_write_that_is_refused(fresh_lab, scpctl):
    settings = fresh_lab.settings()
    settings["rules"][0]["targets"]["container"] = "CN=System"  # the account may not write there
    config = fresh_lab.write_settings(settings)
    done = scpctl("sync", "--yes", "-o", "json", config=config)
    assert done.returncode == 5, done
    contract.check_plan(done.json)
    assert [change["result"] for change in done.json["changes"]] == ["failed"]
    assert "no-rights" in {one["reason"] for one in done.json["held"]}
    text = scpctl("sync", "--yes", config=config)
    assert text.returncode == 5 and "1 failed" in text.stdout


def test_a_domain_that_is_down(fresh_lab, scpctl):
    fresh_lab.stop("apac")
    done = planned(scpctl, fresh_lab)
    assert done.returncode == 4
    assert done.json["complete"] is False
    contract.check_error(done.json, "unreachable")
    lost = {domain["domain"]: domain["error"] for domain in done.json["domains"] if not domain["complete"]}
    assert set(lost) == {"apac.corp.test"}
    assert planned(scpctl, fresh_lab, "--partial").returncode == 1
    assert scpctl("sync", "--yes", lab=fresh_lab).returncode == 4


def test_a_domain_that_no_rule_needs_may_be_down(fresh_lab, scpctl):
    settings = fresh_lab.settings()
    settings["rules"][0]["trust"] = {"domains": ["emea.corp.test"]}
    config = fresh_lab.write_settings(settings)
    fresh_lab.stop("apac")
    done = scpctl("plan", "-o", "json", config=config)
    assert done.returncode == 1, done
    assert done.json["complete"] is True


def test_a_truncated_read_is_no_absence(fresh_lab, scpctl):
    proxy = fresh_lab.proxy("emea")
    proxy.on("search-done", scripted.result(4))
    config = fresh_lab.write_settings(fresh_lab.settings(via={"emea": proxy.uri}))
    done = scpctl("sync", "--yes", "-o", "json", config=config)
    assert done.returncode == 4
    assert done.json["changed"] is False


def test_one_off_from_nothing_but_flags(fresh_lab, scpctl):
    flags = [*one_off(fresh_lab), "--keyword", "QmmEx", "--account", "CORP\\" + fresh_lab.document()["accounts"]["agent"]["sam"]]
    plan = scpctl("plan", "-o", "json", *flags)
    assert plan.returncode == 1, plan
    assert plan.json["instance"] == "cli"
    assert [change["rule"] for change in plan.json["changes"]] == ["cli"]
    assert scpctl("sync", "--yes", *flags).returncode == 0
    assert fresh_lab.agent_search().found == 1
    assert scpctl("plan", *flags).returncode == 0
    to = scpctl("plan", "-o", "json", *one_off(fresh_lab), "--keyword", "QmmEx", "--to", "tree.test")
    assert [c["domain"] for c in to.json["changes"]] == ["tree.test"]


def test_yaml_is_the_same_document(lab, scpctl):
    assert yaml.safe_load(scpctl("plan", "-o", "yaml", lab=lab).stdout) == planned(scpctl, lab).json


def test_interrupted(fresh_lab, scpctl, scratch):
    fresh_lab.pause("emea")  # accepts, and answers nothing
    process = subprocess.Popen(
        scpctl.command("-v", "plan", "-o", "json", lab=fresh_lab),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=scpctl.environment(fresh_lab),
        cwd=scratch,
    )
    try:
        assert process.stderr.readline()  # the first stage has begun
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        fresh_lab.resume("emea")
    assert process.returncode == 130
    assert json.loads(out)["schema"] == "scpd.plan/1"


# ---- create


def create(scpctl, lab, *more, name="made"):
    flags = ["--domain", "corp.test", "--name", name, "--keyword", "k1", "--keyword", "k2", "--binding", "b"]
    done = scpctl("create", "-o", "json", *flags, *more, lab=lab)
    return done


IN_SCPD = ("--container", "CN=scpd,CN=System")


def test_create(lab, scpctl):
    dry = create(scpctl, lab, *IN_SCPD, "--dry-run")
    assert dry.returncode == 0
    contract.check_write(dry.json)
    assert dry.json["changed"] is False and dry.json["writes"][0]["result"] is None
    assert lab.domain("corp").get("CN=made,CN=scpd,CN=System") is None

    done = create(scpctl, lab, *IN_SCPD, "--class", "C", "--attr", "vendor=V")
    assert done.returncode == 0, done
    contract.check_write(done.json)
    assert done.json["changed"] is True
    assert (done.json["writes"][0]["reason"], done.json["writes"][0]["result"]) == ("by-hand", "done")
    made = lab.domain("corp").get("CN=made,CN=scpd,CN=System")
    assert set(made["keywords"]) == {"k1", "k2"} and made["vendor"] == ["V"]
    assert "msDS-Settings" not in made

    again = create(scpctl, lab, *IN_SCPD, "--class", "C", "--attr", "vendor=V")
    assert again.returncode == 0
    assert again.json["changed"] is False and again.json["writes"] == []
    differs = create(scpctl, lab, *IN_SCPD, "--class", "D")
    assert differs.returncode == 3
    assert differs.json["changed"] is False


def test_create_says_what_an_unmarked_scp_is(lab, scpctl):
    flags = ["--domain", "corp.test", "--name", "told", "--keyword", "k", "--binding", "b", *IN_SCPD]
    done = scpctl("create", *flags, lab=lab)
    assert done.returncode == 0
    assert "no marker" in done.stderr and "source" in done.stderr and "native" in done.stderr


def test_create_where_it_may_not(lab, scpctl):
    done = create(scpctl, lab, name="forbidden")  # below CN=System
    assert done.returncode == 5
    assert done.json["writes"][0]["result"] == "failed"


def test_create_in_a_container_that_is_not_there(lab, scpctl):
    done = create(scpctl, lab, "--container", "CN=nowhere,CN=System")
    assert done.returncode == 3
    assert done.json["held"][0]["reason"] == "parent-missing"


def test_create_in_a_domain_that_is_not_there(lab, scpctl):
    assert scpctl("create", "--domain", "corp.tset", "--name", "x", "--keyword", "k", "--binding", "b", lab=lab).returncode == 2


def test_create_in_a_domain_that_is_down(fresh_lab, scpctl):
    fresh_lab.stop("corp")
    assert create(scpctl, fresh_lab).returncode == 4


@pytest.mark.parametrize(
    "name",
    ['a,b+c"d\\e<f>g;h=i', "#leading", " blanks ", "ü" * 64, "x" * 64, "*()\\", "‮override"],
)
def test_create_with_any_name(lab, scpctl, name):
    done = create(scpctl, lab, *IN_SCPD, name=name)
    assert done.returncode == 0, done
    shown = scpctl("show", done.json["writes"][0]["dn"], "-o", "json", lab=lab)
    assert shown.returncode == 0
    assert shown.json["name"].strip() == name.strip()


def test_create_from_unmarked_and_marked(fresh_lab, scpctl):
    source = fresh_lab.document()["source"]["dn"]
    unmarked = scpctl(
        *["create", "-o", "json", "--from", source, "--domain", "apac.corp.test", *IN_SCPD], lab=fresh_lab
    )
    assert unmarked.returncode == 0, unmarked
    made = fresh_lab.domain("apac").get(COPY)
    assert len(made["serviceBindingInformation"]) == 5 and "msDS-Settings" not in made

    arguments = ["create", "-o", "json", "--from", source, "--domain", "corp.test", "--rule", "mage"]
    dry = scpctl(*arguments, "--dry-run", lab=fresh_lab)
    assert dry.returncode == 0
    done = scpctl(*arguments, lab=fresh_lab)
    assert done.returncode == 0, done
    assert done.json["changed"] is True
    assert fresh_lab.agent_search().found == 1
    again = scpctl(*arguments, lab=fresh_lab)
    assert again.returncode == 0 and again.json["changed"] is False


def test_create_of_an_untrusted_source_is_refused(fresh_lab, scpctl):
    planted = fresh_lab.domain("emea").add_scp(
        "planted", ["77F6F69F-AD86-437c-B47E-9A2F161E7E61", "QmmEx"], ["evil"], container="CN=Policies,CN=System"
    )
    done = scpctl("create", "-o", "json", "--from", planted, "--domain", "corp.test", "--rule", "mage", lab=fresh_lab)
    assert done.returncode == 3
    assert done.json["held"][0]["reason"] == "untrusted-place"
    assert fresh_lab.agent_search("(cn=planted)").found == 0


def test_create_dry_run_as_ldif(lab, scpctl):
    flags = ["--domain", "corp.test", "--name", "ldif", "--keyword", "k", "--binding", "b", *IN_SCPD]
    done = scpctl("create", "--dry-run", "-o", "ldif", *flags, lab=lab)
    assert done.returncode == 0
    assert "changetype: add\nobjectClass: serviceConnectionPoint\n" in done.stdout
