"""The options of the command line, and its help."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from . import __version__
from .cli_parser import SHELLS, Parser, PrintCompletion
from .cli_query import add_query
from .cli_theorems import add_theorems

LEVELS = ("patterns", "adjacency", "geometry", "judge")
METRICS = ("tangent", "last", "euler", "squared", "sparse")
COLORS = ("class", "gradient", "direction", "pattern", "active", "degree", "index", "none")
_SIGNED = ("--box", "--at", "--segment", "--start", "--window", "--point")
_MEMORY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)([KMGT]?)(?:i?B)?", re.IGNORECASE)

_FILES = {
    "NET": "a network: .npz, .nnet or .onnx",
    "NET|STORE": "a network: .npz, .nnet or .onnx; or a store of regions, a directory",
    "GRAPH|NET": "regions that `polyrelu regions -o` wrote, a store of them, or a network",
}

DESCRIPTION = """\
The exact linear regions of a ReLU network, and which of them touch.

NET is a network file (.npz, .nnet or .onnx); GRAPH is what `polyrelu regions -o` wrote.
"""
EXAMPLES = """\
examples:
  polyrelu info net.onnx                          what is in the file
  polyrelu regions net.onnx --box=-1,1            every region in the box [-1, 1]^n
  polyrelu regions net.onnx --space --count       how many in all of R^n, storing none
  polyrelu regions net.onnx --box=-1,1 -o g.npz   keep the regions and their graph
  polyrelu verify g.npz                           check them by independent code
  polyrelu plot net.onnx --axes=0,1 -o net.png    a picture of a plane of inputs
  polyrelu report net.onnx -o report.html         all of it on one page
  polyrelu query injective net.onnx --space       can it be inverted?
  polyrelu compare net.onnx -o recall.png         what does sampling find of them?
  polyrelu recover net.onnx -o found.npz          from its outputs alone
  polyrelu conformance --quick                    known numbers against those found here
  polyrelu theorems                               claims of papers against networks

exit codes:
  0  done, proved, verified   2  wrong usage or input
  1  refuted, a check failed  3  a limit or Ctrl-C stopped it: the result is incomplete
"""
WHERE = """\
Where the network is looked at. Default: the input box that the file gives, if it does.
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    made = Parser(
        prog="polyrelu",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--version", action="version", version=f"polyrelu {__version__}")
    made.add_argument(
        "--print-completion",
        action=PrintCompletion,
        choices=SHELLS,
        metavar="SHELL",
        help="print a script that completes commands in bash, zsh or tcsh",
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, text: str, file: str, first: Any = None) -> Any:
        one = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if first is not None:
            first(one)
        one.add_argument("file", metavar=file, type=Path, help=_FILES[file])
        one.add_argument("--json", action="store_true", help="print one JSON object on stdout")
        return one

    command("info", "say what is in a network file, or in a store of regions", "NET|STORE")
    _add_regions(command("regions", "enumerate every region", "NET"))
    _add_verify(command("verify", "check regions, by code independent of the engine", "GRAPH|NET"))
    _add_plot(command("plot", "draw the regions of a plane, of a line, or of space", "GRAPH|NET"))
    _add_query(command("query", "answer a question about a network", "NET", add_query))
    _add_compare(command("compare", "set methods of sampling beside all regions", "NET"))
    _add_report(command("report", "write all of it on one page, in HTML", "NET"))
    _add_recover(command("recover", "get a network back from its outputs alone", "NET"))
    _add_conformance(commands)
    theorems = add_theorems(commands)
    theorems.add_argument("--seed", type=_seed, default=0, help="of the instances (default: 0)")
    _add_quiet(theorems, "print nothing; the exit code tells")
    _add_limits(theorems)
    return made


def _add_report(parser: Any) -> None:
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
        type=_positive,
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
    group.add_argument("--seed", type=_seed, default=0, help="of what is checked (default: 0)")
    _add_quiet(parser, "print nothing; the exit code tells")
    _add_where(parser)
    _add_limits(parser)


def _add_recover(parser: Any) -> None:
    parser.add_argument("-o", "--save", metavar="FILE.npz", type=Path, help="keep the network")
    _add_quiet(parser, "print nothing; the exit code tells")
    group = parser.add_argument_group("where", "Default: the input box of the file, or anywhere.")
    group.add_argument(
        "--box", metavar="LO,HI", help="a box: LO,HI for all inputs, or LO:HI,LO:HI,..."
    )
    group.add_argument("--space", action="store_true", help="anywhere")
    group.add_argument(
        "--scale",
        type=_positive,
        metavar="S",
        help="without a box, how large inputs typically are (default: 1)",
    )
    group = parser.add_argument_group("search", "What was found before a limit is shown.")
    group.add_argument("--queries", type=_natural, metavar="N", help="stop at N inputs asked")
    group.add_argument("--seconds", type=_positive, metavar="S", help="stop after S seconds")
    group.add_argument(
        "--layers",
        type=_natural,
        default=4,
        metavar="N",
        help="hidden layers at most (default: %(default)s)",
    )
    group.add_argument("--seed", type=_seed, default=0, help="of the random inputs (default: 0)")
    group.add_argument(
        "--exact-seconds",
        type=_positive,
        metavar="S",
        help="on a box: time to compute the greatest difference from the model exactly "
        "(default: 10)",
    )


def _add_query(parser: Any) -> None:
    parser.add_argument("--check", action="store_true", help="check a proof again, exactly")
    group = parser.add_argument_group("data", "For questions about points and their labels.")
    group.add_argument("--data", metavar="FILE", help=".npz (arrays x, y) or .csv (label last)")
    group.add_argument(
        "--pairs",
        type=_natural,
        metavar="N",
        help="folding: pairs of points for each two classes (default: 20)",
    )
    group.add_argument("--seed", type=_seed, default=0, help="of what is drawn (default: 0)")
    group.add_argument(
        "--measures",
        metavar="NAMES",
        help="separability: separable, LS0, LS1, LS2, ball, directional (default: separable,LS1)",
    )
    group.add_argument(
        "--against",
        choices=("each", "rest"),
        help="separability: each class against each other one, or against the rest (default: "
        "each, of more than four classes rest)",
    )
    group.add_argument(
        "--metric",
        choices=METRICS,
        help="similarity: whose kernel -o draws (default: tangent)",
    )
    _add_quiet(parser, "print nothing; the exit code tells")
    _add_where(parser)
    _add_limits(parser)


def _add_compare(parser: Any) -> None:
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--methods",
        metavar="NAMES",
        help="uniform, gaussian, grid, lines, trajectories, bisection, walk, planes; with --data "
        "also data, jitter, mixup (default: all that fit the domain)",
    )
    group.add_argument(
        "--budget",
        type=_natural,
        metavar="N",
        help="forward passes of each (default: as many as take as long as enumerating, but 100,000 "
        "at least)",
    )
    group.add_argument(
        "--repeats", type=_natural, default=3, metavar="N", help="of each (default: %(default)s)"
    )
    group.add_argument("--seed", type=_seed, default=0, help="of the first (default: 0)")
    group.add_argument("--data", metavar="FILE", help=".npz (array x) or .csv, for three methods")
    group.add_argument(
        "-o", "--save", metavar="FILE", help="draw recall against budget: .png, .pdf or .svg"
    )
    _add_quiet(parser, "print nothing")
    _add_where(parser)
    _add_limits(parser)


def _add_conformance(commands: Any) -> None:
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
    _add_quiet(one, "print nothing; the exit code tells")


def _add_regions(parser: Any) -> None:
    parser.add_argument("--count", action="store_true", help="count only; store nothing")
    parser.add_argument("-o", "--save", metavar="FILE.npz", type=Path, help="keep the graph")
    parser.add_argument(
        "--store",
        metavar="DIR",
        type=Path,
        help="keep the graph on disk, however large: a directory of Parquet files. What was "
        "stopped, or killed, goes on when the same command is given again",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        type=Path,
        help="with --count: record there what was counted, and go on from it",
    )
    parser.add_argument(
        "--workers",
        type=_natural,
        metavar="N",
        help="on how many cores to work (default: all)",
    )
    parser.add_argument(
        "--start",
        metavar="X",
        help="outward from a point, nearest regions first; with --limit-regions, of networks that "
        "have far too many: one number for all inputs, n numbers, or a file of them",
    )
    _add_quiet(parser, "print the number of regions and nothing else")
    _add_where(parser)
    _add_limits(parser)


def _add_verify(parser: Any) -> None:
    parser.add_argument(
        "--level",
        choices=LEVELS,
        default="geometry",
        help="how much to check, cheapest first (default: %(default)s); judge needs polyrelu[cdd]",
    )
    parser.add_argument(
        "--sample",
        type=_natural,
        metavar="N",
        help="check N regions, drawn at random, one by one (default: all; of a store 1000)",
    )
    parser.add_argument("--seed", type=_seed, default=0, help="of the sample (default: 0)")
    _add_quiet(parser, "print nothing; the exit code tells")
    _add_where(parser)
    _add_limits(parser)


def _add_where(parser: Any) -> None:
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


def _add_limits(parser: Any) -> None:
    group = parser.add_argument_group("limits", "What was found before a limit is kept.")
    group.add_argument("--limit-regions", type=_natural, metavar="N", help="stop at N regions")
    group.add_argument("--limit-seconds", type=_positive, metavar="S", help="stop after S seconds")
    group.add_argument(
        "--limit-memory",
        type=_memory,
        metavar="SIZE",
        help="of the regions found, for instance 500M or 2G",
    )


def _add_quiet(parser: Any, text: str) -> None:
    parser.add_argument("-q", "--quiet", action="store_true", help=text)


def _add_plot(parser: Any) -> None:
    group = parser.add_argument_group("picture")
    group.add_argument(
        "-o",
        "--save",
        metavar="FILE",
        type=Path,
        default=Path("regions.png"),
        help=".png, .pdf or .svg; of three inputs also .html, to turn it in (default: %(default)s)",
    )
    group.add_argument(
        "--color",
        choices=COLORS,
        default="class",
        help="what colours a region (default: %(default)s)",
    )
    group.add_argument("--output", type=int, metavar="K", help="gradient of output K only")
    group.add_argument("--no-walls", action="store_true", help="do not draw the walls")
    group.add_argument("--window", metavar="X0,X1,Y0,Y1", help="what part to show")
    group.add_argument("--dpi", type=_dpi, default=150, help="(default: %(default)s)")
    _add_quiet(parser, "print nothing")
    _add_where(parser)
    _add_limits(parser)


def _natural(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer, not {text!r}")
    return int(text)


def _dpi(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) < 10:
        raise argparse.ArgumentTypeError(f"must be from 10 to 9999, not {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise argparse.ArgumentTypeError(f"must be an integer of at least 0, not {text!r}")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, not {text!r}")
    return value


def _memory(text: str) -> int:
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
