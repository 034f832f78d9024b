"""The man pages as built: clean for man's own formatters, and with all that the program knows."""

import json
import os
import re
import subprocess

import pytest

from scplab.runner import build_directory, program

from . import contract
from .test_arguments import VERBS

PAGES = ["scpctl.1", "scpd.8", "scpd.yaml.5"]


def page(name):
    return build_directory() / "packaging" / "man" / name


def formatted(name):
    """As a reader sees it, on one long line a paragraph, with the dashes that one can type."""
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(page(name))], capture_output=True, text=True,
                          env=os.environ | {"MANWIDTH": "2000", "MAN_KEEP_FORMATTING": "", "LANG": "C.UTF-8", "PAGER": "cat"})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", PAGES)
def test_is_clean(name):
    assert len(formatted(name)) > 1500
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(page(name))], capture_output=True, text=True)
    # A page of a program has no date of its own.
    told = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert told == []
    assert not re.search(r"@[A-Z_]+@", page(name).read_text())


def test_every_verb_with_its_options_and_schema(scpctl):
    text = formatted("scpctl.1")
    for verb in VERBS:
        assert re.search(rf"^ +{verb}\b", text, re.MULTILINE), verb
        told = scpctl(*verb.split(), "--help").stdout
        for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", told)):
            assert option in text, f"{verb} {option}"
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", scpctl("--help").stdout)):
        assert option in text, option


def test_every_reason_and_exit_status():
    text = formatted("scpctl.1")
    for reason in contract.REASONS:
        assert re.search(rf"^ {{7}}{reason}( |$)", text, re.MULTILINE), reason
    statuses = text[text.index("\nEXIT STATUS\n") : text.index("\nREASONS\n")]
    assert re.findall(r"^ +(\d+)\b", statuses, re.MULTILINE) == ["2", "4", "5", "3", "6", "1", "0", "130", "70"]


def test_every_message_of_the_catalogue():
    text = formatted("scpd.8")
    catalogue = (build_directory().parent.parent / "packaging" / "scpd.catalog").read_text()
    subjects = re.findall(r"^-- (\w{32})\nSubject: (.+)$", catalogue, re.MULTILINE)
    assert len(subjects) > 30
    for message_id, subject in subjects:
        assert re.search(rf"^ {{7}}{re.escape(subject)}$", text, re.MULTILINE), subject
        assert f"MESSAGE_ID={message_id}" in text


def test_every_setting_with_its_default(scpctl):
    schema = json.loads(scpctl("config", "schema").stdout)
    text = formatted("scpd.yaml.5")
    told = 0

    def look(node, path):
        nonlocal told
        for way in [node, *node.get("anyOf", [])]:
            for name, member in way.get("properties", {}).items():
                key = f"{path}.{name}".lstrip(".")
                entry = re.search(rf"^ +{re.escape(key)}\n? +\((.*)\)$", text, re.MULTILINE)
                assert entry, key
                told += 1
                if isinstance(member.get("default"), (str, int)):
                    assert f"default: {json.dumps(member['default']).strip(chr(34))}".lower() in entry[1].replace('"', "").lower(), key
                look(member, key)
            if isinstance(way.get("items"), dict):
                look(way["items"], path + "[]")
            if isinstance(way.get("additionalProperties"), dict):
                look(way["additionalProperties"], path + ".*")

    look(schema, "")
    assert told > 60


def test_every_option_of_the_daemon():
    told = subprocess.run([str(program("scpd")), "--help"], capture_output=True, text=True).stdout
    text = formatted("scpd.8")
    options = set(re.findall(r"--[a-z]+", told))
    assert options > {"--config", "--history"}
    for option in options:
        assert option in text, option
