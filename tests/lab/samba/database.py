"""A DC's database as SYSTEM, from any DC's namespaces: the lab's folders are seen from all."""

import contextlib
from pathlib import Path

from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB

from topology import Dc


def settings(out: Path, dc: Dc) -> LoadParm:
    lp = LoadParm()
    lp.load(str(out / dc.name / "etc/smb.conf"))
    return lp


def open_database(out: Path, dc: Dc) -> SamDB:
    """flags=0: otherwise no partition's file can be made."""
    url = str(out / dc.name / "lib/private/sam.ldb")
    return SamDB(url=url, session_info=system_session(), lp=settings(out, dc), flags=0)


@contextlib.contextmanager
def transaction(sam: SamDB):
    sam.transaction_start()
    try:
        yield
    except BaseException:
        sam.transaction_cancel()
        raise
    sam.transaction_commit()
