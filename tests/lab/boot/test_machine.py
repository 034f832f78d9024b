"""The machine itself: nothing of it outlives the process that uses it."""

import subprocess
import sys
from pathlib import Path

from scplab.process import wait_until

HERE = Path(__file__).resolve().parent
USER = """
import sys
from pathlib import Path
from machine import Machine
machine = Machine(Path(sys.argv[1]), [])
print(machine.name, flush=True)
sys.stdin.read()
"""


def left(name: str) -> list[str]:
    """Processes and cgroups of a machine."""
    cgroups = [str(found) for found in Path("/sys/fs/cgroup").glob(f"**/{name}")]
    return cgroups + subprocess.run(["pgrep", "--full", name], capture_output=True, text=True).stdout.split()


def test_nothing_is_left_of_it_when_its_user_is_killed(root: Path):
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
    )
    name = user.stdout.readline().strip()
    assert left(name), "it was to be there before"
    user.kill()
    user.wait()
    wait_until(lambda: not left(name), 20, "the machine to be gone")
    assert name not in Path("/proc/self/mountinfo").read_text()
