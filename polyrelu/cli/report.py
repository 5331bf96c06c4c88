"""``polyrelu report``: all of it on one page."""

from __future__ import annotations

import argparse
import shlex
from functools import partial
from pathlib import Path
from typing import Any

from .options import add_limits, add_quiet, add_where, positive, seed
from .output import DONE, LIMIT, complain, print_json, say
from .reading import network_in
from .searching import limits_of, with_progress
from .targets import check_target
from .where import UsageError, domain_of, numbers


def add_options(parser: Any) -> None:
    """Of the command."""
    group = parser.add_argument_group("report")
    group.add_argument(
        "-o",
        "--save",
        metavar="FILE.html",
        type=Path,
        default=Path("report.html"),
        help="(default: %(default)s)",
    )
    group.add_argument(
        "--seconds",
        type=positive,
        default=60.0,
        metavar="S",
        help="for all of it; sections share them (default: 60)",
    )
    group.add_argument(
        "--plane",
        metavar="I,J",
        help="of more than two inputs: which two the pictures show (default: 0,1)",
    )
    group.add_argument("--title", help="of the page (default: the network's widths)")
    group.add_argument("--seed", type=seed, default=0, help="of what is checked (default: 0)")
    add_quiet(parser, "print nothing; the exit code tells")
    add_where(parser)
    add_limits(parser)


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    from ..reporting import report

    check_target(args.save, (".html",))
    network = network_in(args)
    axes = None if args.plane is None else numbers("--plane", args.plane, (2,))
    if axes is not None and not all(v.is_integer() for v in axes):
        raise UsageError(f"--plane must be two input numbers, not {args.plane!r}")
    task = partial(
        report, network, domain_of(args, network), args.save, seconds=args.seconds, seed=args.seed,
        limits=limits_of(args), plane=None if axes is None else (int(axes[0]), int(axes[1])),
        title=args.title, command=shlex.join(["polyrelu", *args.typed]),
    )  # fmt: skip
    found = with_progress(args, task)
    if args.json:
        print_json({"command": "report", "file": str(args.file), "saved": str(args.save),
                     **found.summary()})  # fmt: skip
    else:
        say(args, *found.lines(), f"report: {args.save}")
    if found.interrupted:
        complain(f"INCOMPLETE: stopped by Ctrl-C; {args.save} has what was found before")
    return DONE if found.complete and not found.interrupted else LIMIT
