"""A recovered network beside the one that was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import IncompleteError, NetworkError

if TYPE_CHECKING:
    from ..alignment import Alignment
    from ..domain import Box, Domain
    from ..network import Network

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


def compare(model: Network, found: Network, box: Box | None, seconds: float) -> Comparison:
    """Neuron by neuron, and by the greatest difference on the box, as far as that is feasible."""
    from ..alignment import align

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
    from ..joint import joint_network
    from ..limits import Limits
    from ..queries.surjectivity import output_range

    difference = joint_network(model, found).difference
    limits = Limits(MOST_REGIONS, seconds)
    ranges = [output_range(difference, domain, output=k, limits=limits)
              for k in range(difference.output_dim)]  # fmt: skip
    ends = [end.value for r in ranges for end in (r.low, r.high)]
    greatest = max(abs(v) for v in ends if v is not None)
    return str(greatest), float(greatest)


def comparison_json(compared: Comparison) -> dict[str, Any]:
    """For programs."""
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


def comparison_lines(compared: Comparison) -> list[str]:
    """For people."""
    lines = []
    if compared.alignment is not None:
        lines += ["beside the model:", *(f"  {s}" for s in str(compared.alignment).splitlines())]
    if compared.greatest is not None:
        lines.append(f"  greatest difference on the box, over all its regions: "
                     f"{compared.greatest[1]:.3g}")  # fmt: skip
    return lines + [f"  {remark}" for remark in compared.remarks]
