"""What the lab needs of this machine."""

import os
import pwd
import shutil
from pathlib import Path

PACKAGES = (
    "samba samba-ad-dc samba-ad-provision samba-dsdb-modules krb5-user dnsutils dnsmasq-base iproute2 "
    "ldap-utils libsasl2-modules-gssapi-mit openssl gcc libc6-dev faketime python3-ldap python3-pytest"
)
PROGRAMS = (
    "samba samba-tool samba_spnupdate unshare nsenter ip mount openssl tar gzip "
    "kinit dig dnsmasq gcc ldapsearch faketime"
).split()
FILES = ("/usr/share/samba/setup/provision.ldif", "/usr/lib/python3/dist-packages/samba/provision")


def why_not() -> str:
    """Why the lab cannot run here; empty if it can."""
    if os.geteuid() != 0:
        return "the Samba lab needs root (network namespaces, mounts, ports below 1024)"
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    missing += [path for path in FILES if not Path(path).exists()]
    if missing:
        return f"the Samba lab needs {', '.join(missing)}: apt-get install {PACKAGES}"
    return ""


def default_cache() -> Path:
    # root's own home, not $HOME: under sudo that is the user's, who wants no files of root there
    base = os.environ.get("XDG_CACHE_HOME") or Path(pwd.getpwuid(os.geteuid()).pw_dir, ".cache")
    return Path(base, "scpd-lab")
