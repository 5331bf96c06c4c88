"""``polyrelu theorems``: claims of papers, checked."""

from __future__ import annotations

import argparse
import json
import runpy
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import PolyreluError
from .options import add_limits, add_quiet, seed
from .output import DONE, LIMIT, REFUTED, say, show
from .searching import limits_of
from .where import UsageError

if TYPE_CHECKING:
    from ..theorems import Claim, Report

HEADER = f"{'claim':38}{'verdict':20}{'instances':>10}{'seconds':>9}  source"


def add_theorems(commands: Any) -> None:
    """The command and its options."""
    text = "check claims of papers on networks, exactly"
    one = commands.add_parser("theorems", help=text, description=f"{text.capitalize()}.")
    one.set_defaults(json=False)
    one.add_argument("names", metavar="NAME", nargs="*", help="claims (default: all)")
    one.add_argument("--topic", metavar="TOPIC", help="those of a topic, such as injectivity")
    one.add_argument("--paper", metavar="TEXT", help="those of papers whose name contains TEXT")
    one.add_argument("--list", action="store_true", help="say what they claim; run nothing")
    one.add_argument(
        "--size",
        choices=("quick", "full"),
        default="quick",
        help="half a minute, or minutes: more and larger instances (default: %(default)s)",
    )
    one.add_argument(
        "--own",
        metavar="FILE.py",
        type=Path,
        help="claims of your own: a file that registers them, which is run; docs/theorems.md",
    )
    one.add_argument(
        "--json", dest="json_file", metavar="FILE", help="all evidence, as JSON; - for stdout"
    )
    one.add_argument(
        "--page",
        metavar="FILE.md",
        type=Path,
        help="write a table; into a page that has its two markers, between them",
    )
    one.add_argument("--seed", type=seed, default=0, help="of the instances (default: 0)")
    add_quiet(one, "print nothing; the exit code tells")
    add_limits(one)


def chosen_claims(args: argparse.Namespace) -> tuple[Claim, ...]:
    """Those that the options ask for.

    Raises:
        UsageError: the file of ``--own`` is not there, or does not run.
        ClaimError: nothing is called that.
    """
    from ..theorems import claims

    if args.own is not None:
        if not args.own.is_file():
            raise UsageError(f"--own: there is no file {str(args.own)!r}")
        try:
            runpy.run_path(str(args.own))
        except PolyreluError:
            raise
        except Exception as error:  # theirs, not ours
            raise UsageError(f"--own: {args.own}: {type(error).__name__}: {error}") from error
    return claims(*args.names, topic=args.topic, paper=args.paper)


def described(claim: Claim) -> list[str]:
    """For ``--list``."""
    wrap = textwrap.TextWrapper(96, initial_indent="    ", subsequent_indent="    ").wrap
    lines = [f"{claim.name}  [{claim.topic}]  {claim.source}", *wrap(claim.statement)]
    for hypothesis in claim.hypotheses:
        lines += wrap(f"if {hypothesis.text}")
    return lines + (wrap(f"FALSE as stated: {claim.refuted}") if claim.refuted else [])


def line(report: Report) -> list[str]:
    """Of the table, and below it what speaks against the claim or keeps it from being decided."""
    from ..theorems.claim import Verdict
    from ..theorems.page import brief

    verdict = report.verdict.value + ("" if report.expected else "!")
    if report.claim.refuted and report.verdict.against:
        verdict += ", known"
    applied = len(report.outcomes) - report.count(Verdict.DOES_NOT_APPLY)
    instances = f"{applied} of {len(report.outcomes)}"
    lines = [
        f"{report.claim.name:38}{verdict:20}{instances:>10}{report.seconds:9.2f}  "
        f"{report.claim.source}"
    ]
    if (worst := report.counterexample) is not None:
        lines.append(f"    {worst.instance}: {brief(worst)}")
    elif report.verdict in (Verdict.UNKNOWN, Verdict.DOES_NOT_APPLY):
        reasons = dict.fromkeys(o.reason for o in report.outcomes if o.reason)
        lines += [f"    {reason}" for reason in list(reasons)[:3]]
    return lines


def check_targets(args: argparse.Namespace) -> None:
    """Before the work, not after it.

    Raises:
        UsageError: a file that cannot be written.
    """
    targets = [("--page", args.page)]
    if args.json_file not in (None, "-"):
        targets.append(("--json", Path(args.json_file)))
    for option, path in targets:
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise UsageError(
                f"{option} must be a file in a folder that is there, not {str(path)!r}"
            )
    if args.list and args.page is not None:
        raise UsageError("--list runs nothing: leave out --page")


def written(args: argparse.Namespace, found: Sequence[Report] | Sequence[Claim]) -> list[str]:
    """The files that were asked for; what to say of them. (Of claims there is no page.)"""
    from ..theorems.page import BEGIN, insert, markdown

    said = []
    if args.page is not None:
        table = markdown(cast("Sequence[Report]", found))
        page = args.page.read_text(encoding="utf-8") if args.page.exists() else ""
        whole = insert(page, table) if BEGIN in page else f"# Claims\n\n{table}"
        args.page.write_text(whole, encoding="utf-8")
        said.append(f"page: {args.page}")
    if args.json_file not in (None, "-"):
        Path(args.json_file).write_text(as_json(found) + "\n", encoding="utf-8")
        said.append(f"json: {args.json_file}")
    return said


def as_json(found: Sequence[Report] | Sequence[Claim]) -> str:
    """Every number that was found."""
    return json.dumps({"command": "theorems", "claims": [one.to_dict() for one in found]}, indent=2)


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    args.json = args.json_file == "-"
    check_targets(args)
    chosen = chosen_claims(args)
    return _list(args, chosen) if args.list else _check(args, chosen)


def _list(args: argparse.Namespace, chosen: Sequence[Claim]) -> int:
    say(args, *(text for claim in chosen for text in described(claim)), *written(args, chosen))
    if args.json:
        show(as_json(chosen))
    return DONE


def _check(args: argparse.Namespace, chosen: Sequence[Claim]) -> int:
    from ..progress import Meter, on_terminal
    from ..theorems import Verdict, reports
    from ..theorems.page import summary

    meter = Meter("instances") if not args.quiet and on_terminal() else None
    found: list[Report] = []
    say(args, HEADER)
    for report in reports(chosen, seed=args.seed, size=args.size, limits=limits_of(args),
                          progress=meter or False):  # fmt: skip
        found.append(report)
        say(args, *line(report))
    say(args, summary(found), *written(args, found))
    if args.json:
        show(as_json(found))
    if not all(report.expected for report in found):
        return REFUTED
    unknown = len(found) < len(chosen) or any(r.verdict is Verdict.UNKNOWN for r in found)
    return LIMIT if unknown else DONE
