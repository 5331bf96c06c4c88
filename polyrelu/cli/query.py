"""``polyrelu query``: a question, answered."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..wording import Wording, wording_of
from .boundary import MESHES, check_dimension, save_boundary
from .drawing import PICTURES, Shown, draw_answer
from .kept import ask_regions, check_question
from .options import add_limits, add_quiet, add_where, natural, seed
from .output import CODES, described, print_json, say
from .questions import ABOUT_DATA, NORMS, ONLY_FOR, QUESTIONS, WITH_NORM, ask
from .reading import holds_regions, kept_regions
from .searching import limits_of, with_progress
from .targets import check_target
from .where import UsageError, domain_of, point_of

if TYPE_CHECKING:
    from ..network import Network

METRICS = ("tangent", "last", "euler", "squared", "sparse")
CHECKED_PAIRS = 200  # of regions, by --check


def add_question(parser: argparse.ArgumentParser) -> None:
    """The question comes before the file."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = f"{parser.description}\n\nquestions:\n" + "\n".join(map(_line, QUESTIONS))
    parser.add_argument("question", choices=list(QUESTIONS), metavar="QUESTION",
                        help="one of those above")  # fmt: skip
    parser.add_argument("--point", metavar="X",
                        help="radius: the input, N numbers, or a file that holds them")  # fmt: skip
    parser.add_argument("--norm", choices=list(NORMS),
                        help="radius, lipschitz: of distances (default: 2)")  # fmt: skip
    parser.add_argument("-o", "--save", metavar="FILE",
                        help="draw it to .png, .svg or .pdf: boundary, and what --data is for; "
                        "boundary of three inputs: also a mesh, .ply, .obj or .stl, or a page to "
                        "turn it in, .html")  # fmt: skip


def _line(question: str) -> str:
    return textwrap.fill(f"  {question:<14}{QUESTIONS[question]}", 80, subsequent_indent=" " * 16)


def add_options(parser: Any) -> None:
    """Those of the command that come after the file."""
    parser.add_argument("--check", action="store_true", help="check a proof again, exactly")
    parser.add_argument(
        "--network",
        metavar="NET",
        type=Path,
        help="boundary of a store: the network of which `regions --decision` made the store",
    )
    parser.add_argument(
        "--output", metavar="K", type=seed, help="range: of output K alone (default: of each)"
    )
    group = parser.add_argument_group("data", "For questions about points and their labels.")
    group.add_argument("--data", metavar="FILE", help=".npz (arrays x, y) or .csv (label last)")
    group.add_argument(
        "--pairs",
        type=natural,
        metavar="N",
        help="folding: pairs of points for each two classes (default: 20)",
    )
    group.add_argument("--seed", type=seed, default=0, help="of what is drawn (default: 0)")
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
    add_quiet(parser, "print nothing; the exit code tells")
    add_where(parser)
    add_limits(parser)


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    _check_options(args)
    if holds_regions(args.file):
        return _about_regions(args)
    return _about_data(args) if args.question in ABOUT_DATA else _about_network(args)


def _check_options(args: argparse.Namespace) -> None:
    """Refuse options that the question does not take."""
    question = args.question
    if args.check and question != "injective":
        raise UsageError("--check is for proofs of `query injective`")
    if (args.point is not None) != (question == "radius"):
        raise UsageError("`query radius` needs --point=X, and nothing else takes it")
    if args.norm is not None and question not in WITH_NORM:
        raise UsageError(f"--norm is for `query {'` and `query '.join(WITH_NORM)}`")
    for option, only in ONLY_FOR.items():
        if getattr(args, option) is not None and question != only:
            raise UsageError(f"--{option} is for `query {only}`")
    if question in ABOUT_DATA:
        return
    if args.data is not None:
        raise UsageError(f"--data is for `query {'` and `query '.join(ABOUT_DATA)}`")
    if args.save is not None and question != "boundary":
        raise UsageError("-o (--save) is for `query boundary` and questions about --data")


def _about_regions(args: argparse.Namespace) -> int:
    check_question(args)
    held = kept_regions(args)
    found = with_progress(args, partial(ask_regions, args, held))
    return _written(args, found, held.network, repr(held.slice or held.domain))


def _about_network(args: argparse.Namespace) -> int:
    from ..io import load_network

    if args.network is not None:
        raise UsageError(f"--network is for a store of regions; {args.file} is a network")
    if args.save is not None:
        check_target(Path(args.save), (*PICTURES, *MESHES))
    network = load_network(args.file)
    where = domain_of(args, network)
    if args.save is not None:
        check_dimension(args.save, where.dim)
    point = None if args.point is None else point_of("--point", args.point, where.dim)
    task = partial(
        ask, args.question, network, where, limits_of(args), point, args.norm, args.output
    )
    return _written(args, with_progress(args, task), network, repr(where))


def _written(args: argparse.Namespace, found: Any, network: Network, where: str) -> int:
    """Print an answer, and draw it if it is to be saved; the exit code."""
    wording = found if isinstance(found, Wording) else wording_of(found)
    checked = _checked(found) if args.check else {}
    saved = {} if args.save is None else {"saved": args.save}
    if args.json:
        asked = {"command": "query", "question": args.question, "file": str(args.file),
                 "network": described(network), "domain": where}  # fmt: skip
        print_json(asked | wording.json | checked | saved)
    else:
        say(args, *wording.lines)
        if checked:
            say(args, f"  checked again: {checked['checked']:,} {checked['of']}")
    if saved:
        save_boundary(found, args.save)
        if not args.json:
            say(args, f"saved: {args.save}")
    return CODES[wording.outcome]


def _checked(answer: Any) -> dict[str, Any]:
    """What independent code says of a proof of injectivity; a refutation was checked when made."""
    from ..queries.network_injectivity import GraphCertificate
    from ..verify.injectivity import check_injectivity

    if not answer.proved:
        return {}
    checked = check_injectivity(answer, sample=CHECKED_PAIRS)
    if not isinstance(answer.certificate, GraphCertificate):
        return {"checked": checked, "of": "nodes, all of them"}
    n = len(answer.certificate)
    return {"checked": checked, "of": f"of {n * (n - 1) // 2:,} pairs of regions"}


def _about_data(args: argparse.Namespace) -> int:
    from .folding import folding
    from .separability import separability
    from .similarity import similarity

    answers: dict[str, Callable[..., Shown]] = {
        "folding": folding, "separability": separability, "similarity": similarity,
    }  # fmt: skip
    asked = {"command": "query", "question": args.question, "data": args.data}
    return draw_answer(args, answers[args.question], asked)
