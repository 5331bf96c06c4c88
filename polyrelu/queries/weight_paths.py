"""Paths of weights from the inputs to the outputs: their norm, and how many are independent."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..errors import NetworkError
from ..network import Layer, Network
from ..rational import rows_of
from .where import as_network

Mask = npt.NDArray[np.bool_]


def path_norm(what: Layer | Network, power: int = 1, biases: bool = False) -> Fraction:
    """The sum over all paths from an input to an output of abs(product of their weights)^power:
    1' |W_L| ... |W_1| 1 for power 1, exactly.

    It does not change when a ReLU's incoming weights (and bias) are multiplied by a positive number
    and its outgoing ones divided by it. With slopes of units of at most 1 in size, power 1 bounds
    the sum of the sizes of all entries of the Jacobian. For power 2 this is the square of what
    some call the path norm.

    Args:
        power: 1 or 2.
        biases: also count the paths that begin at a bias.

    Raises:
        NetworkError: another power.

    The cost is that of one exact forward pass. Neyshabur, Tomioka, Srebro 2015.
    """
    if isinstance(power, bool) or power not in (1, 2):
        raise NetworkError(f"power must be 1 or 2, not {power!r}")
    network = as_network(what)
    sums = [Fraction(1)] * network.input_dim
    for layer in network.layers:
        *rows, bottom = rows_of(layer.integer_matrix)
        scale = bottom[-1] ** power
        start = [*sums, Fraction(int(biases))]
        sums = [
            sum((abs(w) ** power * h for w, h in zip(row, start, strict=True)), Fraction(0)) / scale
            for row in rows
        ]
    return sum(sums, Fraction(0))


def path_rank(what: Layer | Network | Sequence[int]) -> int:
    """How many paths from inputs to outputs are independent: the rank of the 0/1 matrix that says
    which edge is on which path, edges - hidden units.

    Only edges on a path of weights that are not 0 count, and the units on such paths: where no
    weight is 0, all. Paths span the flows from inputs to outputs, and each hidden unit takes one
    dimension from those. Biases are not edges.

    Args:
        what: a network, or widths from the inputs to the outputs, with all edges.

    Raises:
        NetworkError: widths that are not two or more positive integers.
    """
    masks = _nonzero(what) if isinstance(what, Layer | Network) else _full(what)
    from_input: list[Mask] = [np.ones(masks[0].shape[1], dtype=bool)]
    for mask in masks:
        from_input.append(np.any(mask & from_input[-1], axis=1))
    to_output: list[Mask] = [np.ones(len(masks[-1]), dtype=bool)]
    for mask in reversed(masks):
        to_output.append(np.any(mask & to_output[-1][:, None], axis=0))
    to_output.reverse()
    edges = sum(
        int((mask & to_output[k + 1][:, None] & from_input[k]).sum())
        for k, mask in enumerate(masks)
    )
    hidden = zip(from_input[1:-1], to_output[1:-1], strict=True)
    return edges - sum(int((reached & reaching).sum()) for reached, reaching in hidden)


def _nonzero(what: Layer | Network) -> list[Mask]:
    return [
        np.array([[w != 0 for w in row[:-1]] for row in rows_of(layer.integer_matrix)[:-1]])
        for layer in as_network(what).layers
    ]


def _full(widths: Sequence[int]) -> list[Mask]:
    try:
        sizes = list(widths)
    except TypeError:
        sizes = []
    positive = all(isinstance(n, int | np.integer) and int(n) > 0 for n in sizes)
    if len(sizes) < 2 or not positive:
        raise NetworkError(f"widths must be two or more positive integers, not {widths!r}")
    return [np.ones((n, m), dtype=bool) for m, n in pairwise(sizes)]
