"""What stands in the documentation: blocks of code, quoted messages, and commands inside a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from scplab.runner import SOURCE_ROOT

DOCUMENTS = [SOURCE_ROOT / "README.md", *sorted((SOURCE_ROOT / "packaging" / "doc").glob("*.md"))]
LANGUAGES = {"sh", "powershell", "yaml", "text"}  # sh: run; powershell: for Windows; yaml: settings; text: to look at


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    language: str
    text: str


def blocks(path: Path) -> list[Block]:
    """The fenced ones; there are no others: a line that is indented like code is an error."""
    found: list[Block] = []
    language, start, body, indent = None, 0, [], ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fence = re.match(r"( *)```(\w*)$", line)
        if fence and language is None:
            indent, language, start, body = fence[1], fence[2], number, []
        elif fence:
            if language:
                found.append(Block(path.name, start, language, "\n".join(body) + "\n"))
            language = None
        elif language is not None:
            body.append(line.removeprefix(indent))
        else:
            assert not re.match(r" {4,}(\$ |sudo |scpctl |scpd |dsacls |systemctl |systemd-|apt|mkdir |install |cmake |kinit |packaging/|tests/)", line), \
                f"{path.name}:{number}: a command outside a block"
    assert language is None, f"{path.name}:{start}: the block does not end"
    return found


def commands(block: Block) -> list[str]:
    """One a command, over as many lines as it takes; without blank lines and comments."""
    joined = re.sub(r"\\\n\s*", "", block.text)
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def spans(path: Path) -> list[str]:
    """What stands between backticks within a line."""
    outside = re.sub(r"^ *```.*?^ *```$", "", path.read_text(), flags=re.S | re.M)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", outside)]


def _literals(text: str) -> list[str]:
    code = re.sub(r"^\s*#include.*$|//.*$", "", text, flags=re.M)
    code = re.sub(r'"\s*\n\s*"', "", code)
    found = re.findall(r'"((?:[^"\\\n]|\\.)*)"', code)
    return [one.replace(r"\"", '"').replace(r"\\", "\\").replace("{{", "\1").replace("}}", "\2") for one in found]


def messages() -> list[str]:
    """All texts of the programs, with … for what is put in."""
    found: list[str] = []
    for folder in ("libscp", "daemon", "scpctl"):
        for source in sorted((SOURCE_ROOT / folder).rglob("*.[ch]pp")):
            found += [re.sub(r"\{[^}]*\}", "…", one) for one in _literals(source.read_text())]
    return found


def reasons() -> dict[str, str]:
    """Of each reason the text that the programs give: cause, then remedy."""
    text = re.sub(r'"\s*\n\s*"', "", (SOURCE_ROOT / "libscp/plan/reason.cpp").read_text())
    rows = re.findall(r'SCP_REASON\(\s*\w+,\s*"([^"]+)",\s*"([^"]*)",\s*"([^"]*)"\)', text)
    return {name: f"{cause} {remedy}" for name, cause, remedy in rows}
