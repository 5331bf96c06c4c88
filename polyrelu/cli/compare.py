"""``polyrelu compare``: sampling beside the truth."""

from __future__ import annotations

import argparse
from math import isfinite
from typing import TYPE_CHECKING, Any

from ..wording import Wording
from .data import labelled
from .drawing import Shown, draw_answer, plot
from .options import add_limits, add_quiet, add_where, natural, seed
from .tables import table_lines
from .where import domain_of

if TYPE_CHECKING:
    from ..limits import Limits
    from ..network import Network
    from ..sampling.study import Study


def comparison(args: argparse.Namespace, network: Network, limits: Limits, progress: Any) -> Shown:
    """The methods asked for, on the network and domain asked for. Each step shows progress of its
    own, of what it counts."""
    from ..sampling.study import study

    data = None if args.data is None else labelled(args.data, network).inputs
    methods = None if args.methods is None else args.methods.split(",")
    found = study(network, domain_of(args, network), methods=methods, budget=args.budget,
                  repeats=args.repeats, seed=args.seed, data=data, limits=limits,
                  progress=bool(progress))  # fmt: skip
    return Shown(_report(found), lambda ax: plot().plot_recall(found, ax=ax))


def _report(found: Study) -> Wording:
    cost, rows = found.cost, found.rows()
    data = {
        "regions": cost.regions,
        "stopped_by": found.stopped_by,
        "exact": vars(cost),
        "rows": rows,
        "least_share_of_volume": None if found.volumes is None else found.volumes.least,
        "methods": {name: [_run(c) for c in runs] for name, runs in found.comparisons.items()},
        "estimators": {
            name: {e.name: vars(e) | {"bias": e.bias} for e in found.errors(name).values()}
            for name in found.comparisons
        },
    }
    lines = [
        f"{cost.regions:,} regions; enumerating them takes {cost.seconds:.3g} s, as long as "
        f"{cost.passes:,} forward passes",
        *table_lines([_shown(row) for row in rows]),
        "  false: patterns of no region; volume: the share that the regions found have; chao1: an "
        "estimate of their number",
    ]
    if found.volumes is not None:
        lines.append(f"  the smallest region has {found.volumes.least:.3g} of the volume")
    if found.stopped_by is not None:
        lines.append(f"  samples are shorter than the budget: stopped by {found.stopped_by}")
    return Wording(_without_nan(data), lines, "done" if found.stopped_by is None else "limit")


def _without_nan(value: Any) -> Any:
    """None for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: _without_nan(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _run(c: Any) -> dict[str, Any]:
    volume = c.coverage and {"low": c.coverage.low, "high": c.coverage.high,
                             "exact": c.coverage.exact}  # fmt: skip
    return {
        "seed": c.sample.seed, "passes": c.sample.passes, "seconds": c.sample.seconds,
        "stopped_by": c.sample.stopped_by, "found": c.found, "recall": c.recall,
        "false_patterns": c.false_patterns, "false_points": c.false_points, "causes": c.causes,
        "volume": volume, "estimates": {k: r.estimate for k, r in c.estimates.items()},
    }  # fmt: skip


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """As text: counts in full, shares in per cent."""
    return {name: _text(name, value) for name, value in row.items()}


def _text(name: str, value: Any) -> str:
    if value is None or value != value:
        return "-"
    if name in ("recall", "volume"):
        return f"{100 * value:.4g} %"
    if name == "seconds":
        return f"{value:.3g}"
    if isinstance(value, str):
        return value
    return f"{value:.3g}" if abs(value) >= 1e9 else f"{value:,.0f}"


def add_options(parser: Any) -> None:
    """Of the command."""
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--methods",
        metavar="NAMES",
        help="uniform, gaussian, grid, lines, trajectories, bisection, walk, planes; with --data "
        "also data, jitter, mixup (default: all that fit the domain)",
    )
    group.add_argument(
        "--budget",
        type=natural,
        metavar="N",
        help="forward passes of each (default: as many as take as long as enumerating, but 100,000 "
        "at least)",
    )
    group.add_argument(
        "--repeats", type=natural, default=3, metavar="N", help="of each (default: %(default)s)"
    )
    group.add_argument("--seed", type=seed, default=0, help="of the first (default: 0)")
    group.add_argument("--data", metavar="FILE", help=".npz (array x) or .csv, for three methods")
    group.add_argument(
        "-o", "--save", metavar="FILE", help="draw recall against budget: .png, .pdf or .svg"
    )
    add_quiet(parser, "print nothing")
    add_where(parser)
    add_limits(parser)


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    asked = {"command": "compare", "budget": args.budget, "seed": args.seed, "data": args.data}
    return draw_answer(args, comparison, asked)
