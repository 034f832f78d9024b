"""The lab as a command: `tests/lab/forest`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from . import plugin, settings
from .lab import MARK, Lab
from .process import LabError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="forest", description="An AD-shaped forest out of OpenLDAP servers."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, help: str, function) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=help, description=help)
        sub.set_defaults(function=function)
        return sub

    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--kerberos", action="store_true", help="with a KDC, so that the servers take GSSAPI"
    )
    options.add_argument(
        "--no-plugin", action="store_true", help="servers without objectGUID and USNs"
    )
    options.add_argument("--no-gc", action="store_true", help="without a global catalog")
    options.add_argument(
        "--seed-scps", type=int, default=0, metavar="N", help="N unrelated SCPs in each domain"
    )
    options.add_argument(
        "--claim-ad", action="store_true", help="the RootDSE shows AD's capability OIDs"
    )
    options.add_argument(
        "--svc-unlimited", action="store_true", help="no limit of 1000 for the service account"
    )

    options.add_argument(
        "--second-dc",
        action="append",
        default=[],
        metavar="DOMAIN",
        help="a second domain controller for DOMAIN; may be given for several",
    )

    up = verbs.add_parser(
        "up", parents=[options], help="bring a lab up in DIR and print its description (JSON)"
    )
    up.set_defaults(function=_up)
    up.add_argument("dir", metavar="DIR")
    run = verbs.add_parser(
        "run", parents=[options], help="bring a lab up, run CMD with LAB_… set, bring it down"
    )
    run.set_defaults(function=_run)
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD")
    verb("down", "end a lab and remove its directory", _down).add_argument("dir", metavar="DIR")
    verb("env", "print export lines for a shell", _env).add_argument("dir", metavar="DIR")
    verb("show", "print the description again", _show).add_argument("dir", metavar="DIR")
    for name, help in (
        ("stop", "end the server of one domain, or gc"),
        ("start", "start it again"),
        ("pause", "freeze it"),
        ("resume", "let it go on"),
    ):
        sub = verb(name, help, _fault)
        sub.add_argument("dir", metavar="DIR")
        sub.add_argument("domain", metavar="DOMAIN")
    verb("clean-cache", "remove what the lab keeps between runs", _clean_cache)
    return parser


def _lab(arguments: argparse.Namespace, directory: str | None, detach: bool) -> Lab:
    return Lab(
        directory,
        kerberos=arguments.kerberos,
        plugin=False if arguments.no_plugin else None,
        gc=not arguments.no_gc,
        seed_scps=arguments.seed_scps,
        claim_ad=arguments.claim_ad,
        svc_unlimited=arguments.svc_unlimited,
        second_dcs=arguments.second_dc,
        detach=detach,
    )


def _up(arguments: argparse.Namespace) -> int:
    lab = _lab(arguments, arguments.dir, detach=True).up()
    print(json.dumps(lab.document(), indent=2))
    return 0


def _run(arguments: argparse.Namespace) -> int:
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise LabError("run: which command?")
    with _lab(arguments, None, detach=False) as lab:
        try:
            return subprocess.run(command, env=os.environ | settings.environment(lab)).returncode
        except OSError as error:
            raise LabError(f"run: {command[0]}: {error.strerror}") from None


def _down(arguments: argparse.Namespace) -> int:
    directory = Path(arguments.dir).absolute()
    if not directory.exists():
        return 0
    Lab.attach(directory).down()
    return 0


def _env(arguments: argparse.Namespace) -> int:
    print(settings.exports(Lab.attach(arguments.dir)), end="")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    print((Path(arguments.dir) / MARK).read_text(), end="")
    return 0


def _fault(arguments: argparse.Namespace) -> int:
    getattr(Lab.attach(arguments.dir), arguments.verb)(arguments.domain)
    return 0


def _clean_cache(_arguments: argparse.Namespace) -> int:
    shutil.rmtree(plugin.cache_directory())
    return 0


def main() -> int:
    # So that a TERM takes the same way out as Ctrl-C: through down().
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = _parser().parse_args()
    try:
        return arguments.function(arguments)
    except (LabError, KeyError, OSError) as error:
        print(f"forest: {error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
