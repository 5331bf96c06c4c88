"""``polyrelu recover``: a network from the outputs of the one in a file, judged by that one."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .cli_data import table_lines
from .cli_report import Report
from .cli_where import UsageError, whole_domain
from .errors import NetworkError

if TYPE_CHECKING:
    from .alignment import Alignment
    from .domain import Box, Domain
    from .network import Network
    from .progress import Progress
    from .recovery.result import RecoveredLayer, Recovery

DEFAULT_SECONDS = 10.0  # of the exact comparison
MOST_REGIONS = 5_000  # of both networks together, in the exact comparison


@dataclass(frozen=True)
class Comparison:
    """A recovered network beside the one that was asked.

    Attributes:
        alignment: neuron by neuron; None if the depths differ.
        greatest: the greatest difference of any output on the box, exact, a fraction "p/q" and
            rounded; None if it was not computed.
        remarks: what was not compared, and why.
    """

    alignment: Alignment | None
    greatest: tuple[str, float] | None
    remarks: tuple[str, ...]


def recovered(
    args: argparse.Namespace, network: Network, progress: bool | Progress
) -> tuple[Report, Recovery]:
    """What the outputs of a network tell, and how true that is."""
    from .recovery.recover import recover

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
    from .domain import Box

    if args.box is not None and args.space:
        raise UsageError("--box and --space do not go together")
    where = whole_domain(args, network)
    box = where if isinstance(where, Box) else None
    if box is not None and args.scale is not None:
        raise UsageError(f"--scale is for inputs without a box; here it is {box}")
    return box


def compare(model: Network, found: Network, box: Box | None, seconds: float) -> Comparison:
    """Neuron by neuron, and by the greatest difference on the box, as far as that is feasible."""
    from .alignment import align
    from .errors import IncompleteError

    alignment, greatest, remarks = None, None, []
    try:
        alignment = align(model, found)
    except NetworkError:
        remarks.append(
            f"neurons not compared: the model has {len(model.layers) - 1} hidden layers, "
            f"the recovered network {len(found.layers) - 1}"
        )
    if box is None:
        remarks.append("greatest difference not computed: that needs --box")
    else:
        try:
            greatest = greatest_difference(model, found, box, seconds)
        except IncompleteError as error:
            remarks.append(f"greatest difference not computed: {error}")
    return Comparison(alignment, greatest, tuple(remarks))


def greatest_difference(
    model: Network, found: Network, domain: Domain, seconds: float
) -> tuple[str, float]:
    """The greatest difference of any output on a bounded domain: exact, and rounded.

    The difference of two networks is affine on each region of both together, so it is attained at a
    vertex of one.

    Raises:
        IncompleteError: there are too many regions, or the time is up (for each output).
    """
    from .joint import joint_network
    from .limits import Limits
    from .queries.surjectivity import output_range

    difference = joint_network(model, found).difference
    limits = Limits(MOST_REGIONS, seconds)
    ranges = [output_range(difference, domain, output=k, limits=limits)
              for k in range(difference.output_dim)]  # fmt: skip
    ends = [end.value for r in ranges for end in (r.low, r.high)]
    greatest = max(abs(v) for v in ends if v is not None)
    return str(greatest), float(greatest)


def _report(
    args: argparse.Namespace, box: Box | None, found: Recovery, compared: Comparison | None
) -> Report:
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
        data |= _comparison_json(compared)
        lines += _comparison_lines(compared)
    return Report(data, lines, "limit" if found.network is None else "done")


def _row(k: int, layer: RecoveredLayer) -> dict[str, Any]:
    return {
        "layer": k, "neurons": len(layer), "open_signs": int((~layer.sign_known).sum()),
        "open_weights": int((~layer.weight_known).sum()),
        "residual": float(layer.residual.max(initial=0.0)),
        "witnesses": min(layer.witnesses.tolist(), default=0),
    }  # fmt: skip


def _comparison_json(compared: Comparison) -> dict[str, Any]:
    shown: dict[str, Any] = {"remarks": list(compared.remarks), "aligned": None,
                             "greatest_difference": None}  # fmt: skip
    if compared.alignment is not None:
        shown["aligned"] = [
            {"neurons": len(a.order), "matched": a.matched, "flipped": int(a.flipped.sum()),
             "extra": len(a.extra),
             "weight_error": float(a.weight_error[a.order >= 0].max(initial=0.0)),
             "bias_error": float(a.bias_error[a.order >= 0].max(initial=0.0))}
            for a in compared.alignment.layers
        ]  # fmt: skip
    if compared.greatest is not None:
        exact, rounded = compared.greatest
        shown["greatest_difference"] = {"exact": exact, "rounded": rounded}
    return shown


def _comparison_lines(compared: Comparison) -> list[str]:
    lines = []
    if compared.alignment is not None:
        lines += ["beside the model:", *(f"  {s}" for s in str(compared.alignment).splitlines())]
    if compared.greatest is not None:
        lines.append(f"  greatest difference on the box, over all its regions: "
                     f"{compared.greatest[1]:.3g}")  # fmt: skip
    return lines + [f"  {remark}" for remark in compared.remarks]
