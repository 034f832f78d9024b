"""Install, upgrade, remove and purge, in a Debian that has never seen scpd and in which nothing runs."""

import shutil
from pathlib import Path

import pytest

from clean_root import Chroot
from deb import contents, with_version


@pytest.fixture
def clean(root: Path):
    with Chroot(root) as one:
        yield one


def install(clean: Chroot, package: Path) -> str:
    shutil.copy(package, clean.root / "tmp")
    return clean.run("dpkg", "--install", f"/tmp/{package.name}")


def test_installed_it_works_and_says_what_to_do_next(clean: Chroot, package: Path):
    told = install(clean, package)
    assert "systemctl start scpd" in told and "/etc/scpd/scpd.yaml" in told
    assert clean.run("scpctl", "--version").startswith("scpctl ")
    assert clean.run("scpd", "--version").startswith("scpd ")
    assert clean.run("stat", "--format=%U:%G %a", "/var/lib/scpd") == "scpd:scpd 700\n"
    assert clean.run("systemctl", "is-enabled", "scpd") == "enabled\n"
    clean.run("dpkg", "--verify", "scpd")


def test_the_unit_is_sound_where_it_is_installed(clean: Chroot, package: Path):
    install(clean, package)
    clean.run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", "scpd.service")


def test_no_hint_where_there_are_settings(clean: Chroot, package: Path):
    (clean.root / "etc/scpd").mkdir()
    (clean.root / "etc/scpd/scpd.yaml").write_text("instance: prod\n")
    assert "no settings" not in install(clean, package)


def test_an_upgrade_keeps_what_an_operator_has_edited(clean: Chroot, package: Path, tmp_path: Path):
    install(clean, package)
    kept = {"etc/default/scpd": "KRB5_TRACE=/dev/stderr\n", "etc/scpd/scpd.yaml": "instance: mine\n",
            "etc/scpd/scpd.d/10-mine.yaml": "log: { level: debug }\n", "var/lib/scpd/state.json": "{}\n"}
    for path, text in kept.items():
        (clean.root / path).write_text(text)

    def newer(tree: Path) -> None:
        with open(tree / "etc/default/scpd", "a") as file:
            file.write("# Something new.\n")

    upgrade = with_version(package, "99", tmp_path, newer)
    shutil.copy(upgrade, clean.root / "tmp")
    clean.run("dpkg", "--force-confold", "--install", f"/tmp/{upgrade.name}")
    assert {path: (clean.root / path).read_text() for path in kept} == kept
    assert "Something new" in (clean.root / "etc/default/scpd.dpkg-dist").read_text()
    assert clean.run("dpkg-query", "--show", "--showformat=${Version}", "scpd") == "99"


def test_removed_it_leaves_settings_and_history(clean: Chroot, package: Path):
    install(clean, package)
    (clean.root / "etc/scpd/scpd.yaml").write_text("instance: mine\n")
    (clean.root / "var/lib/scpd/history").mkdir()
    clean.run("dpkg", "--remove", "scpd")
    assert not (clean.root / "usr/sbin/scpd").exists()
    assert (clean.root / "etc/scpd/scpd.yaml").exists() and (clean.root / "var/lib/scpd/history").exists()
    install(clean, package)
    assert (clean.root / "etc/scpd/scpd.yaml").read_text() == "instance: mine\n"


def test_purged_it_leaves_nothing(clean: Chroot, package: Path):
    before = contents(clean.run)
    install(clean, package)
    assert contents(clean.run) != before
    (clean.root / "etc/scpd/scpd.yaml").write_text("instance: mine\n")
    (clean.root / "etc/scpd/scpd.d/10-mine.yaml").write_text("")
    (clean.root / "var/lib/scpd/history").mkdir()
    clean.run("dpkg", "--purge", "scpd")
    assert contents(clean.run) == before
    clean.run("dpkg", "--audit")
