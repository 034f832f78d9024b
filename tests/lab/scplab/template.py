"""Filled databases, made once by slapadd, then copied: they hold no address, any lab can use them."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import content, forest, plugin, slapdconf
from .content import Entry, Stamper
from .forest import CONFIGURATION, DOMAINS, ROOT
from .process import LabError
from .slapdconf import BIND_ONLY, SCHEMA_FILE, Paths


def find_program(name: str) -> str:
    """Of a program that an ordinary user's PATH may lack."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")
    if not found:
        raise LabError(
            f"{name} is not installed (Debian: slapd; for Kerberos krb5-kdc krb5-admin-server)"
        )
    return found


class Template:
    def __init__(self, directory: Path):
        self._directory = directory

    def restore(self, paths: Paths, content_of: str) -> None:
        """Puts a server's databases back to what they were when filled. The server must not run.

        content_of  a domain's key, or gc
        """
        for old in paths.home.glob("db-*"):
            shutil.rmtree(old)
        for source in (self._directory / content_of).glob("db-*"):
            shutil.copytree(source, paths.home / source.name)
        if paths.name == "gc":
            paths.database("all").mkdir()
        else:
            shutil.copyfile(self._directory / "usn", paths.usn)


def prepare(shaped: bool, seed_scps: int, second_dcs: Iterable[str] = ()) -> Template:
    """The cached template for these options, made if need be."""
    sources = [Path(module.__file__) for module in (forest, content, slapdconf)] + [
        Path(__file__),
        SCHEMA_FILE,
    ]
    digest = hashlib.sha256(repr((ROOT.dns, shaped, seed_scps, *second_dcs)).encode())
    for source in sources:
        digest.update(source.read_bytes())
    digest.update(Path(find_program("slapadd")).read_bytes()[:4096])
    cache = plugin.cache_directory()
    target = cache / f"template-{digest.hexdigest()[:16]}"
    if not target.exists():
        work = Path(tempfile.mkdtemp(dir=cache))
        try:
            _fill(work, shaped, seed_scps, second_dcs)
            work.rename(target)
        except OSError:  # another lab was first
            if not target.exists():
                raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
        _forget_old(cache)
    os.utime(target)
    return Template(target)


def _forget_old(cache: Path) -> None:
    """Removes templates that nobody has used for a week: each change of the lab makes new ones."""
    for old in cache.glob("template-*"):
        if old.stat().st_mtime < time.time() - 7 * 86400:
            shutil.rmtree(old, ignore_errors=True)


def _fill(work: Path, shaped: bool, seed_scps: int, second_dcs: Iterable[str]) -> None:
    jobs: list[tuple[Path, str, int, str]] = []  # (database directory, suffix, server id, LDIF)
    partial = {name.lower() for name in content.PARTIAL_ATTRIBUTES}
    highest_usn = 0
    for domain in DOMAINS:
        make = Stamper(domain.number, shaped)
        entries = list(content.domain_entries(domain, make, seed_scps))
        highest_usn = max(highest_usn, make.usn)
        jobs.append((work / domain.key / "db-domain", domain.nc, domain.number, _ldif(entries)))
        not_referrals = [entry for entry in entries if "ref" not in entry.attributes]
        jobs.append(
            (
                work / "gc" / f"db-{domain.key}",
                domain.nc,
                domain.number,
                _ldif(not_referrals, partial),
            )
        )
    make = Stamper(ROOT.number, shaped)
    configuration = work / ROOT.key / "db-configuration"
    accounts = work / "accounts"
    jobs.append(
        (
            configuration,
            CONFIGURATION,
            ROOT.number,
            _ldif(content.configuration_entries(make, second_dcs)),
        )
    )
    jobs.append((accounts, BIND_ONLY, ROOT.number, _ldif(content.bind_only_entries(make))))
    for directory, *_ in jobs:
        directory.mkdir(parents=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(lambda job: _slapadd(*job), jobs))
    for domain in DOMAINS[1:]:
        shutil.copytree(configuration, work / domain.key / "db-configuration")
        shutil.copytree(accounts, work / domain.key / "db-accounts")
    shutil.copytree(configuration, work / "gc" / "db-configuration")
    shutil.rmtree(accounts)
    (work / "usn").write_bytes(struct.pack("=Q", max(highest_usn, make.usn)))


def _ldif(entries: Iterable[Entry], only: set[str] | None = None) -> str:
    return "".join(entry.ldif(only) for entry in entries)


def _slapadd(directory: Path, suffix: str, server_id: int, ldif: str) -> None:
    conf = directory.with_name(directory.name + ".conf")
    conf.write_text(slapdconf.loader(suffix, directory))
    command = [
        find_program("slapadd"),
        "-q",
        "-w",
        "-S",
        str(server_id),
        "-f",
        str(conf),
        "-b",
        suffix,
    ]
    done = subprocess.run(command, input=ldif, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"slapadd of {suffix} failed:\n{done.stderr}")
    conf.unlink()
    (directory / "lock.mdb").unlink()
    _trim(directory / "data.mdb")


def _trim(path: Path) -> None:
    """Cuts an LMDB file after its last used page, so that copying it takes no gigabyte.

    The two meta pages are as in mdb.c of LMDB 0.9, data format 1: a page header of 16 bytes, magic,
    version, address, map size, two database records of 48 bytes (the first one's first field is the
    page size), last page, transaction. The meta page with the newer transaction counts.
    """
    with open(path, "r+b") as file:
        metas = []
        page_size = os.sysconf("SC_PAGESIZE")
        for offset in (0, page_size):
            file.seek(offset + 16)
            magic, version = struct.unpack("=II", file.read(8))
            file.seek(offset + 136)
            last_page, transaction = struct.unpack("=QQ", file.read(16))
            if (magic, version) != (0xBEEFC0DE, 1):
                raise LabError(f"{path}: not a database that this lab knows how to trim")
            metas.append((transaction, last_page))
        file.truncate((max(metas)[1] + 1) * page_size)
