"""Options that several commands have, and how their values are read."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

_SIGNED = ("--box", "--at", "--segment", "--start", "--window", "--point")
_MEMORY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)([KMGT]?)(?:i?B)?", re.IGNORECASE)

WHERE = """\
Where the network is looked at. Default: the input box that the file gives, if it does.
"""


def add_quiet(parser: Any, text: str) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help=text)


def add_where(parser: Any) -> None:
    group = parser.add_argument_group("where", WHERE)
    group.add_argument(
        "--box", metavar="LO,HI", help="a box: LO,HI for all coordinates, or LO:HI,LO:HI,..."
    )
    group.add_argument("--space", action="store_true", help="all of R^n, without a box")
    group.add_argument(
        "--axes",
        metavar="I,J",
        help="a slice: inputs I, J (from 0) vary in the box, the others are held",
    )
    group.add_argument(
        "--at",
        metavar="X",
        help="with --axes: where the others are held; one number, n numbers, or "
        "a file of them (default: the middle of the box)",
    )
    group.add_argument(
        "--slice",
        metavar="POINTS",
        type=Path,
        help="a slice: the triangle of 3 points in a file (.npy, or text with a "
        "point in each line), the segment of 2; with --box or --space, the part "
        "of their plane or line that lies there",
    )
    group.add_argument(
        "--segment",
        metavar="P:Q",
        help="a slice: the segment from P to Q, n numbers each, or one for all",
    )


def add_limits(parser: Any) -> None:
    group = parser.add_argument_group("limits", "What was found before a limit is kept.")
    group.add_argument("--limit-regions", type=natural, metavar="N", help="stop at N regions")
    group.add_argument("--limit-seconds", type=positive, metavar="S", help="stop after S seconds")
    group.add_argument(
        "--limit-memory",
        type=memory,
        metavar="SIZE",
        help="of the regions found, for instance 500M or 2G",
    )


def natural(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer, not {text!r}")
    return int(text)


def dpi(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) < 10:
        raise argparse.ArgumentTypeError(f"must be from 10 to 9999, not {text!r}")
    return int(text)


def seed(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"must be an integer of at least 0, not {text!r}")
    return int(text)


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, not {text!r}")
    return value


def memory(text: str) -> int:
    found = _MEMORY.fullmatch(text)
    size = 0
    if found:
        size = int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))
    if size < 1:
        raise argparse.ArgumentTypeError(f"must be a size like 500M or 2G, not {text!r}")
    return size


def with_signed_values(argv: list[str]) -> list[str]:
    """``--box -1,1`` as ``--box=-1,1``: argparse takes "-1,1" for an option."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] in _SIGNED and re.match(r"-[0-9.]", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined
