"""The same tree gives the same bits, wherever and by whomever it is built."""

import os
import subprocess
from pathlib import Path

from clean_root import run
from deb import SOURCE_ROOT


def built_at(package: Path) -> str:
    """The time that its build was given."""
    changelog = f"dpkg-deb --fsys-tarfile {package} | tar --extract --to-stdout ./usr/share/doc/scpd/changelog.gz | zcat"
    return run("sh", "-c", f"{changelog} | dpkg-parsechangelog --file - --show-field Timestamp").strip()


def test_a_second_build_elsewhere_gives_the_same_bits(package: Path, tmp_path: Path):
    """At another path, under another umask, locale, time zone and user name, without a compiler's cache."""
    elsewhere = tmp_path / "a-longer-path-than-the-other-one"
    elsewhere.mkdir()
    run("sh", "-c", 'git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | '
        'tar --create --files-from=- | tar --extract --directory "$0"', str(elsewhere), cwd=SOURCE_ROOT)
    run("git", "init", "--quiet", cwd=elsewhere)
    environment = os.environ | {
        "SOURCE_DATE_EPOCH": built_at(package),
        "CCACHE_DISABLE": "1",
        "LC_ALL": "C",
        "TZ": "Pacific/Kiritimati",
        "USER": "somebody",
    }
    made = tmp_path / "deb"
    subprocess.run(
        ["sh", "-c", 'umask 077 && exec packaging/deb "$0"', str(made)], cwd=elsewhere, env=environment, check=True
    )
    assert (made / package.name).read_bytes() == package.read_bytes()
