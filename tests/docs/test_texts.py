"""The documentation against the code: quoted messages, reasons, verbs and options, settings, links, alerts."""

from __future__ import annotations

import re

import pytest
import yaml

from scplab.runner import SOURCE_ROOT

from .documents import DOCUMENTS, LANGUAGES, blocks, messages, reasons, spans

DOC = SOURCE_ROOT / "packaging" / "doc"
TROUBLES = (DOC / "TROUBLESHOOTING.md").read_text()
NOT_OURS = {"Waiting for agent settings: Not found: …": "the agent's own log"}


def sections(text: str) -> dict[str, str]:
    """What stands below each heading that is a code span."""
    parts = re.split(r"^### `(.+)`$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def test_every_reason_is_explained_in_the_words_of_the_programs():
    known = reasons()
    below = sections(TROUBLES[TROUBLES.index("\n## Reasons\n"):])
    assert set(below) == set(known)
    assert len(known) > 40
    for name, text in known.items():
        quoted = " ".join(line[2:] for line in below[name].splitlines() if line.startswith("> "))
        assert quoted == text, name


def test_every_quoted_message_is_one_that_the_programs_print():
    known = messages()
    quoted = sections(TROUBLES[:TROUBLES.index("\n## Reasons\n")])
    assert len(quoted) > 30
    for message in quoted:
        if message in NOT_OURS:
            continue
        parts = [part.strip() for part in message.split("…")]
        for part in (part for part in parts if re.search(r"\w{2}", part)):
            assert any(part in one for one in known), f"{message!r}: nothing prints {part!r}"
    assert set(NOT_OURS) <= set(quoted)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_blocks_and_links(path):
    for block in blocks(path):
        assert block.language in LANGUAGES, block
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_within_a_line_have_verbs_and_options_that_exist(path, scpctl):
    known: dict[str, str] = {}

    def help_of(*verb: str) -> str:
        if " ".join(verb) not in known:
            known[" ".join(verb)] = scpctl(*verb, "--help").stdout
        return known[" ".join(verb)]

    verbs = set(re.findall(r"^  ([a-z]+)\b", help_of(), re.M))
    for span in spans(path):
        words = span.split()
        if words[0] != "scpctl" or "VERB" in words:
            continue
        rest = [word for word in words[1:] if not word.startswith("-")]
        verb = next((word for word in rest if word in verbs), None)
        if verb is None:
            assert not rest, f"{path.name}: `{span}` has no verb of scpctl"
            continue
        text = help_of() + help_of(verb)
        for option in re.findall(r"(?<!\S)--?[a-z][\w-]*", span):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), f"{path.name}: `{span}`: no option {option}"


@pytest.mark.parametrize("block", [block for path in DOCUMENTS for block in blocks(path) if block.language == "yaml"],
                         ids=lambda block: f"{block.document}:{block.line}")
def test_settings_are_good(block, scpctl, scratch):
    """Whole ones by themselves; others, or a rule of them, as a drop-in over the README's."""
    whole = next(one.text for one in blocks(DOCUMENTS[0]) if one.text.startswith("instance:"))
    (scratch / "scpd.d").mkdir()
    (scratch / "scpd.yaml").write_text(block.text if block.text.startswith("instance:") else whole)
    if not block.text.startswith("instance:"):
        is_item = block.text.lstrip().startswith("- ")
        (scratch / "scpd.d" / "block.yaml").write_text(("rules:\n" if is_item else "") + block.text)
    done = scpctl("config", "check", config=scratch / "scpd.yaml")
    assert done.returncode == 0, done


def test_every_alert_says_what_to_do():
    operations = (DOC / "OPERATIONS.md").read_text()
    explained = sections(operations[operations.index("\n## Alerts\n"):])
    assert all(len(text.split()) > 10 for text in explained.values())
    rules = yaml.safe_load((SOURCE_ROOT / "packaging/prometheus/scpd.rules.yaml").read_text())
    assert set(explained) == {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
