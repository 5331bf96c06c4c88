"""``polyrelu conformance``: known numbers beside those found here."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .options import add_quiet
from .output import DONE, REFUTED, print_json, say


def add_conformance(commands: Any) -> None:
    text = "enumerate arrangements and networks whose numbers are known, and compare"
    one = commands.add_parser("conformance", help=text, description=f"{text.capitalize()}.")
    one.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    one.add_argument("--quick", action="store_true", help="without those of over 12,000 cells")
    one.add_argument(
        "--export",
        metavar="FOLDER",
        type=Path,
        help="do not run: write the instances there as JSON files, to try other tools on",
    )
    add_quiet(one, "print nothing; the exit code tells")


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    from .. import conformance as suite

    if args.export is not None:
        count = suite.export(args.export, args.quick)
        say(args, f"{count} instances written to {args.export}")
        return DONE
    if not args.json:
        say(args, suite.Outcome.HEADER)
    outcomes = []
    for instance in suite.instances(args.quick):
        outcomes.append(suite.run(instance))
        if not args.json:
            say(args, str(outcomes[-1]))
    wrong = sum(bool(outcome.wrong) for outcome in outcomes)
    say(args, f"{len(outcomes) - wrong} of {len(outcomes)} conform")
    if args.json:
        print_json({"command": "conformance", "instances": [o.to_json() for o in outcomes]})
    return REFUTED if wrong else DONE
