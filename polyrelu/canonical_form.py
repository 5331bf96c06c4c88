"""One representative of all networks that permuting and scaling hidden neurons makes of one.

With ReLU(c z) = c ReLU(z) for c > 0, a hidden neuron's row may be scaled by any c > 0 if what
leaves it is divided by c; and the neurons of a layer have no order. These symmetries are all that a
generic network has (docs/comparison.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from .activations import PiecewiseLinear
from .errors import NetworkError
from .network import Network
from .rational import integer_row
from .rational_network import RationalLayer, RationalNetwork, Row, two_to
from .region import square_root


def canonical(network: Network, *, exact: bool = False) -> Network:
    """Hidden rows scaled to one size and sorted; what leaves the neurons is scaled back.

    Rows are sorted as tuples, layer by layer, neurons without weights last. Units that do not
    commute with scaling (bends elsewhere than 0) keep their rows' size; outputs are left as they
    are. A row without weights is scaled to the bias 1, -1 or 0. No neuron is dropped: for those
    that do nothing see :func:`polyrelu.identifiability`.

    Args:
        exact: False: weights of each row have Euclidean norm 1. All is worked out in rationals and
            each weight and bias is rounded once, so the function is the same up to float64's
            rounding of weights (relative error 2**-53 each). True: rows, with their bias, are
            the smallest integers over the power of two that brings the largest into [1/2, 1).
            The network is then *exactly* the same function (weights that no float64 holds are kept
            in several factors), and two networks that differ by permutations and positive scalings
            alone have the same ``canonical(...).hash``, as long as no layer has equal rows.

    Raises:
        NetworkError: numbers beyond the range of float64; for ``exact`` also a layer that divides
            by what makes denominators too large.
    """
    if not isinstance(network, Network):
        raise TypeError(f"network must be a polyrelu.Network, not {type(network).__name__}")
    layers = []
    incoming = [Fraction(1)] * network.input_dim
    order = list(range(network.input_dim))
    given = RationalNetwork.from_network(network).layers
    for layer in given[:-1]:
        rows = [_carried(row, incoming, order) for row in layer.rows]
        sizes = [
            _size(row, exact) if is_homogeneous(unit) else Fraction(1)
            for row, unit in zip(rows, layer.units, strict=True)
        ]
        rows = [tuple(v / size for v in row) for row, size in zip(rows, sizes, strict=True)]
        order = sorted(range(len(rows)), key=lambda i: _sort_key(rows[i], layer.units[i]))
        layers.append(RationalLayer(tuple(rows[i] for i in order),
                                    tuple(layer.units[i] for i in order)))  # fmt: skip
        incoming = sizes
    last = given[-1]
    rows = [_carried(row, incoming, order) for row in last.rows]
    made = RationalNetwork((*layers, RationalLayer(tuple(rows), last.units)))
    found = made.to_network() if exact else _finite(made.rounded, network)
    return Network(found.layers, network.input_box, network.notes)


def _finite(rounded: Any, network: Network) -> Network:
    try:
        found: Network = rounded()
    except NetworkError:
        raise NetworkError(f"scaled rows of {network!r} are beyond the range of float64") from None
    return found


def is_homogeneous(unit: PiecewiseLinear) -> bool:
    """Whether unit(c z) = c unit(z) for c > 0."""
    return unit.value == 0 and unit.breakpoints in ((), (0,))


def _carried(row: Row, incoming: Sequence[Fraction], order: Sequence[int]) -> Row:
    """A row over the layer before, scaled and in its new order."""
    return (*(row[i] * incoming[i] for i in order), row[-1])


def _size(row: Row, exact: bool) -> Fraction:
    """What to divide a row by."""
    if not any(row[:-1]):
        return abs(row[-1]) or Fraction(1)
    if not exact:
        return Fraction(square_root(sum((v * v for v in row[:-1]), Fraction(0))))
    whole = integer_row(row)
    at = next(i for i, v in enumerate(whole) if v)
    return row[at] / whole[at] * two_to(max(abs(v) for v in whole).bit_length())


def _sort_key(row: Row, unit: PiecewiseLinear) -> tuple[Any, ...]:
    return not any(row[:-1]), row, unit.breakpoints, unit.slopes, unit.value
