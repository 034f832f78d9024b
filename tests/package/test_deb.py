"""The package as a file: what Debian's own checks say, and what is in it."""

import re
import subprocess
from pathlib import Path

import pytest

from clean_root import field, run


def test_lintian_finds_nothing(package: Path):
    """Warnings and information too."""
    done = subprocess.run(
        ["lintian", "--allow-root", "--display-info", "--fail-on", "error,warning,info", str(package)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_an_operator_edits_is_a_conffile(package: Path):
    conffiles = run("dpkg-deb", "--info", str(package), "conffiles").split()
    listed = [line.split()[-1] for line in run("dpkg-deb", "--contents", str(package)).splitlines()]
    in_etc = [name.removeprefix(".") for name in listed if name.startswith("./etc/") and not name.endswith("/")]
    assert sorted(conffiles) == sorted(in_etc)
    assert "/etc/default/scpd" in conffiles


def test_no_settings_come_with_it_that_would_start_it(package: Path):
    assert "/etc/scpd/scpd.yaml" not in run("dpkg-deb", "--contents", str(package))


@pytest.mark.parametrize(
    "path",
    [
        "/usr/bin/scpctl",
        "/usr/sbin/scpd",
        "/lib/systemd/system/scpd.service",
        "/usr/lib/sysusers.d/scpd.conf",
        "/usr/lib/tmpfiles.d/scpd.conf",
        "/etc/scpd/scpd.d/",
        "/usr/share/doc/scpd/examples/scpd.yaml",
    ],
)
def test_it_holds(package: Path, path: str):
    assert f" .{path}\n" in run("dpkg-deb", "--contents", str(package))


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    run("dpkg-deb", "--extract", str(package), str(folder))
    return folder


@pytest.mark.parametrize("program", ["usr/bin/scpctl", "usr/sbin/scpd"])
def test_programs_are_hardened(unpacked: Path, program: str):
    told = run("readelf", "--wide", "--file-header", "--program-headers", "--dynamic", str(unpacked / program))
    symbols = run("readelf", "--wide", "--dyn-syms", str(unpacked / program))
    assert "Position-Independent Executable" in told
    assert re.search(r"FLAGS.*BIND_NOW", told) and "GNU_RELRO" in told
    assert re.search(r"GNU_STACK +\S+ \S+ \S+ \S+ \S+ RW ", told), "the stack may be executed"
    assert "__stack_chk_fail" in symbols, "no stack protector"
    assert re.search(r"__(memcpy|read|snprintf|vsnprintf|memmove|strcpy|realpath|fread|recv|poll)_chk", symbols), \
        "nothing is fortified"
    assert "RPATH" not in told and "RUNPATH" not in told


@pytest.mark.parametrize("program", ["usr/bin/scpctl", "usr/sbin/scpd"])
def test_no_path_of_the_machine_that_built_it_is_inside(unpacked: Path, package: Path, program: str):
    for path in {str(package.parent), str(Path.home()) + "/.c"}:
        assert path.encode() not in (unpacked / program).read_bytes()


def test_it_depends_on_no_compiler_and_no_development_package(package: Path):
    assert not re.search(r"-dev\b|\bg\+\+|\bcmake\b", field(package, "Depends"))
