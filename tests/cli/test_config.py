"""config check and config show."""

import yaml

import pytest

GOOD = """instance: prod
forests:
  - name: corp
    domain: corp.test
rules:
  - name: mage
    match: { keywords: [QmmEx] }
    accounts: ['CORP\\svc']
"""


def write(scratch, text, name="scpd.yaml"):
    path = scratch / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_good(scpctl, scratch):
    path = write(scratch, GOOD)
    assert scpctl("config", "check", config=path).returncode == 0
    document = scpctl("config", "check", "-o", "json", config=path).json
    assert document["schema"] == "scpd.config/1"
    assert document["ok"] is True and document["problems"] == []


@pytest.mark.parametrize(
    "name, text",
    [
        ("empty", ""),
        ("unknown key", GOOD + "ruels: []\n"),
        ("duplicate key", GOOD + "instance: b\n"),
        ("wrong type", GOOD.replace("[QmmEx]", "{a: 1}")),
        ("overflow", GOOD + "daemon: { resync: 99999999999999999999d }\n"),
        ("no port", GOOD + "metrics: { listen: \"127.0.0.1\" }\n"),
        ("deep", "a: " + "[" * 5000 + "]" * 5000),
        ("alias bomb", "a: &a [x, x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(24))),
        ("not YAML", "a: [\x01\n"),
        ("not UTF-8", b"instance: \xff\n"),
        ("NUL", b"instance: a\0b\n"),
    ],
)
def test_bad(scpctl, scratch, name, text):
    path = write(scratch, text)
    done = scpctl("config", "check", "-o", "json", config=path)
    assert done.returncode == 2, name
    assert done.json["ok"] is False
    for problem in done.json["problems"]:
        assert set(problem) == {"file", "line", "column", "key", "message"}
        assert problem["message"]
    shown = scpctl("config", "check", config=path)
    assert shown.returncode == 2
    assert f"{path}:" in shown.stdout
    assert scpctl("plan", config=path).returncode == 2


def test_all_problems_at_once(scpctl, scratch):
    path = write(scratch, GOOD + "ruels: []\nlimits: { changes: many }\n")
    problems = scpctl("config", "check", "-o", "json", config=path).json["problems"]
    assert [problem["line"] for problem in problems] == [9, 10]


@pytest.mark.parametrize("path", ["/nowhere/scpd.yaml", "/", "/dev/null"])
def test_unreadable(scpctl, path):
    assert scpctl("config", "check", config=path).returncode == 2


def test_show_is_yaml_that_loads_to_the_same(scpctl, scratch):
    path = write(scratch, GOOD)
    text = scpctl("config", "show", config=path)
    assert text.returncode == 0
    assert f"# {path}:1" in text.stdout and "# default" in text.stdout
    document = scpctl("config", "show", "-o", "json", config=path).json
    assert document["schema"] == "scpd.config-show/1"
    assert yaml.safe_load(text.stdout) == document["settings"]
    assert document["origins"]["instance"] == f"{path}:1"
    again = write(scratch, text.stdout, "again.yaml")
    assert scpctl("config", "check", config=again).returncode == 0


def test_yaml_is_the_same_document(scpctl, scratch):
    path = write(scratch, GOOD)
    as_yaml = scpctl("config", "show", "-o", "yaml", config=path).stdout
    assert yaml.safe_load(as_yaml) == scpctl("config", "show", "-o", "json", config=path).json


def test_the_environment_names_the_file(scpctl, scratch):
    path = write(scratch, GOOD)
    assert scpctl("config", "check", environment={"SCPD_CONFIG": str(path)}).returncode == 0
