"""``polyrelu recover``: a network from the outputs of the one in a file, judged by that one."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..wording import Wording
from .comparison import Comparison, compare, comparison_json, comparison_lines
from .options import add_quiet, natural, positive, seed
from .output import DONE, LIMIT, complain, described, print_json, say
from .reading import network_in
from .searching import with_progress
from .tables import table_lines
from .targets import check_apart, check_target
from .where import UsageError, whole_domain

if TYPE_CHECKING:
    from ..domain import Box
    from ..network import Network
    from ..progress import Progress
    from ..recovery.result import RecoveredLayer, Recovery

DEFAULT_SECONDS = 10.0  # of the exact comparison


def recovered(
    args: argparse.Namespace, network: Network, progress: bool | Progress
) -> tuple[Wording, Recovery]:
    """What the outputs of a network tell, and how true that is."""
    from ..recovery.recover import recover

    box = box_of(args, network)
    found = recover(
        network, network.input_dim, domain=box, scale=args.scale or 1.0, queries=args.queries,
        seconds=args.seconds, layers=args.layers, seed=args.seed, progress=progress,
    )  # fmt: skip
    seconds = args.exact_seconds or DEFAULT_SECONDS
    compared = None if found.network is None else compare(network, found.network, box, seconds)
    return _report(args, box, found, compared), found


def box_of(args: argparse.Namespace, network: Network) -> Box | None:
    """Where to ask: --box, the input box of the file, or anywhere.

    Raises:
        UsageError: options that do not go together.
    """
    from ..domain import Box

    if args.box is not None and args.space:
        raise UsageError("--box and --space do not go together")
    where = whole_domain(args, network)
    box = where if isinstance(where, Box) else None
    if box is not None and args.scale is not None:
        raise UsageError(f"--scale is for inputs without a box; here it is {box}")
    return box


def _report(
    args: argparse.Namespace, box: Box | None, found: Recovery, compared: Comparison | None
) -> Wording:
    rows = [_row(k, layer) for k, layer in enumerate(found.layers)]
    data: dict[str, Any] = {
        "domain": repr(box), "scale": args.scale or 1.0, "seed": args.seed,
        "verdict": found.verdict.name.lower(), "reasons": list(found.reasons),
        "widths": list(found.widths), "layers": rows, "queries": found.queries,
        "seconds": found.seconds, "noise": found.noise, "deviation": found.deviation,
        "checked": found.checked,
    }  # fmt: skip
    lines = [found.headline, *(f"  {reason}" for reason in found.reasons), *table_lines(rows)]
    if compared is not None:
        data |= comparison_json(compared)
        lines += comparison_lines(compared)
    return Wording(data, lines, "limit" if found.network is None else "done")


def _row(k: int, layer: RecoveredLayer) -> dict[str, Any]:
    return {
        "layer": k, "neurons": len(layer), "open_signs": int((~layer.sign_known).sum()),
        "open_weights": int((~layer.weight_known).sum()),
        "residual": float(layer.residual.max(initial=0.0)),
        "witnesses": min(layer.witnesses.tolist(), default=0),
    }  # fmt: skip


def add_options(parser: Any) -> None:
    """Of the command."""
    parser.add_argument("-o", "--save", metavar="FILE.npz", type=Path, help="keep the network")
    add_quiet(parser, "print nothing; the exit code tells")
    group = parser.add_argument_group("where", "Default: the input box of the file, or anywhere.")
    group.add_argument(
        "--box", metavar="LO,HI", help="a box: LO,HI for all inputs, or LO:HI,LO:HI,..."
    )
    group.add_argument("--space", action="store_true", help="anywhere")
    group.add_argument(
        "--scale",
        type=positive,
        metavar="S",
        help="without a box, how large inputs typically are (default: 1)",
    )
    group = parser.add_argument_group("search", "What was found before a limit is shown.")
    group.add_argument("--queries", type=natural, metavar="N", help="stop at N inputs asked")
    group.add_argument("--seconds", type=positive, metavar="S", help="stop after S seconds")
    group.add_argument(
        "--layers",
        type=natural,
        default=4,
        metavar="N",
        help="hidden layers at most (default: %(default)s)",
    )
    group.add_argument("--seed", type=seed, default=0, help="of the random inputs (default: 0)")
    group.add_argument(
        "--exact-seconds",
        type=positive,
        metavar="S",
        help="on a box: time to compute the greatest difference from the model exactly "
        "(default: 10)",
    )


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    from ..io import save_network

    if args.save is not None:
        check_target(args.save, (".npz",))
        check_apart(args)
    network = network_in(args)
    shown, found = with_progress(args, partial(recovered, args, network), "queries")
    saved = args.save is not None and found.network is not None
    if saved:
        save_network(found.network, args.save)
    if args.json:
        asked = {"command": "recover", "file": str(args.file), "network": described(network)}
        print_json(asked | shown.json | {"saved": str(args.save) if saved else None})
    else:
        say(args, *shown.lines, *([f"saved: {args.save}"] if saved else []))
    if args.save is not None and not saved:
        complain(f"nothing saved in {args.save}: there is no network yet")
    return DONE if shown.outcome == "done" else LIMIT
