"""``polyrelu verify``: regions, checked by code independent of the engine."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import partial
from typing import Any

from .options import add_limits, add_quiet, add_where, natural, seed
from .output import DONE, LIMIT, REFUTED, print_json, say, state_of
from .reading import regions_in
from .searching import with_progress

LEVELS = ("patterns", "adjacency", "geometry", "judge")


def add_options(parser: Any) -> None:
    """Of the command."""
    parser.add_argument(
        "--level",
        choices=LEVELS,
        default="geometry",
        help="how much to check, cheapest first (default: %(default)s); judge needs polyrelu[cdd]",
    )
    parser.add_argument(
        "--sample",
        type=natural,
        metavar="N",
        help="check N regions, drawn at random, one by one (default: all; of a store 1000)",
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the sample (default: 0)")
    add_quiet(parser, "print nothing; the exit code tells")
    add_where(parser)
    add_limits(parser)


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    graph = regions_in(args)
    sample = {} if args.sample is None else {"sample": args.sample}
    task = partial(graph.verify, args.level, seed=args.seed, **sample)
    report = with_progress(args, task)
    if args.json:
        found = {"complete": graph.complete, "stopped_by": graph.stopped_by, "ok": report.ok}
        print_json({"command": "verify", "file": str(args.file), **found, **asdict(report)})
    else:
        say(
            args,
            f"{len(graph):,} regions ({state_of(graph.complete, graph.stopped_by)})",
            str(report),
        )
    if not report.ok:
        return REFUTED
    return DONE if graph.complete else LIMIT
