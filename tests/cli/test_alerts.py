"""The alert rules: valid, about metrics and reasons that scpd has, and firing when they should, by promtool."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from scplab.runner import SOURCE_ROOT

RULES = SOURCE_ROOT / "packaging" / "prometheus" / "scpd.rules.yaml"


def promtool(*arguments: object) -> subprocess.CompletedProcess:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def rules() -> list[dict]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_they_are_valid():
    assert f"{len(rules())} rules found" in promtool("check", "rules", RULES).stdout


def test_they_fire_when_they_should_and_else_not(scratch: Path):
    cases = scratch / "alerts.yaml"
    text = (Path(__file__).parent / "alerts_test.yaml").read_text()
    cases.write_text(text.replace("[RULES]", f"[{RULES}]"))
    promtool("test", "rules", cases)
    named = set(re.findall(r"Scpd\w+", text))
    assert named == {rule["alert"] for rule in rules()}, "each alert has its case"


def test_they_are_about_what_there_is():
    metrics = (SOURCE_ROOT / "daemon" / "metrics.cpp").read_text()
    reasons = (SOURCE_ROOT / "libscp" / "plan" / "reason.cpp").read_text()
    for rule in rules():
        assert rule["annotations"].keys() == {"summary", "description"}, rule
        assert rule["labels"]["severity"] in ("critical", "warning", "info"), rule
        for name in re.findall(r"scpd_\w+", rule["expr"]):
            assert f'"{name.removesuffix("_bucket")}"' in metrics, name
        for listed in re.findall(r'reason[!=]~"([^"]*)"', rule["expr"]):
            for reason in filter(None, listed.split("|")):
                assert f'"{reason}"' in reasons, reason
