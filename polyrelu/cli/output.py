"""What the command line writes, and its exit codes. Data on stdout, all else on stderr."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..network import Network

DONE, REFUTED, USAGE, LIMIT = 0, 1, 2, 3
BUG, INTERRUPTED = 70, 130
CODES = {"done": DONE, "refuted": REFUTED, "limit": LIMIT}  # of the outcomes of answers


def say(args: argparse.Namespace, *lines: str) -> None:
    """Text for people: on stdout, or on stderr if stdout is for JSON."""
    stream = sys.stderr if args.json else sys.stdout
    if stream is not None and not getattr(args, "quiet", False):
        print(*lines, sep="\n", file=stream)


def show(*lines: str) -> None:
    """What was asked for, on stdout."""
    print(*lines, sep="\n")


def print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def described(network: Network) -> dict[str, Any]:
    """A network, in JSON."""
    box = network.input_box
    return {
        "widths": list(network.widths),
        "thresholds": len(network.thresholds),
        "hash": network.hash,
        "input_box": None if box is None else [box.low.tolist(), box.high.tolist()],
        "notes": list(network.notes),
    }


def state_of(complete: bool, stopped_by: str | None) -> str:
    reason = "Ctrl-C" if stopped_by == "interrupt" else f"the limit on {stopped_by}"
    return "all of them" if complete else f"INCOMPLETE: stopped by {reason}"


def counted_lines(data: dict[str, Any]) -> list[str]:
    """What a graph or a store counts, for people."""
    lines = [
        f"  {data['walls']:,} walls between them, {data['domain_facets']:,} facets on the "
        f"boundary of the domain",
        f"  neighbours: {data['average_degree']:.2f} on average, from "
        f"{data['least_degree']} to {data['greatest_degree']}",
        f"  unbounded regions: {data['unbounded_regions']:,}",
    ]
    if data["unexplored_facets"]:
        lines.append(f"  facets behind which nobody looked: {data['unexplored_facets']:,}")
    return lines


def complain(text: str) -> None:
    """On stderr, if somebody listens there: the exit code must be right all the same."""
    if sys.stderr is not None:  # print would take None for stdout
        with suppress(OSError, ValueError):
            print(f"polyrelu: {text}", file=sys.stderr)
            sys.stderr.flush()
