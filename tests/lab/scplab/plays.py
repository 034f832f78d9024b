"""What ansible-playbook says, read by tests."""

from __future__ import annotations

import re


def changed(said: str) -> list[str]:
    """The tasks and handlers that changed something, each once, in their order."""
    name, found = "", []
    for line in said.splitlines():
        if heading := re.match(r"(?:TASK|RUNNING HANDLER) \[(?:\w+ : )?(.*?)\]", line):
            name = heading[1]
        elif line.startswith("changed:") and name not in found:
            found.append(name)
    return found
