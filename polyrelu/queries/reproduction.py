"""Is a network the function of an unlabelled complex? Decided on every part, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..activations import identity, relu
from ..linear_complex import AffineMap, Complex
from ..rational import dot, integer_row
from ..rational_network import RationalLayer, RationalNetwork, Row

Form = list[Fraction]


def relu_network(hidden: Sequence[Sequence[Row]], top: Sequence[Row]) -> RationalNetwork:
    """ReLU layers with these rows, and an affine output."""
    layers = [RationalLayer(tuple(rows), (relu(),) * len(rows)) for rows in hidden]
    return RationalNetwork((*layers, RationalLayer(tuple(top), (identity(),) * len(top))))


def reproduces(network: RationalNetwork, complex_: Complex) -> bool:
    """Whether a ReLU network is affine on every part and has the right map there.

    If no hidden neuron is positive at one vertex or direction of a part and negative at another,
    each is on one side, so the network is affine on the part; its map is then composed.
    """
    return all(
        _map_on(network, part.generators) == complex_.maps[part.cell] for part in complex_.parts
    )


def _map_on(network: RationalNetwork, generators: Sequence[Sequence[int]]) -> AffineMap | None:
    """The affine map on the hull of generators; None if a neuron changes sign among them."""
    dim = network.widths[0]
    values: list[Form] = [[Fraction(int(i == j)) for j in range(dim + 1)] for i in range(dim)]
    *hidden, last = network.layers
    for layer in hidden:
        values = [_composed(row, values) for row in layer.rows]
        for i, form in enumerate(values):
            whole = integer_row(form)
            heights = [dot(whole, g) for g in generators]
            if min(heights) < 0 < max(heights):
                return None
            if max(heights) <= 0:
                values[i] = [Fraction(0)] * (dim + 1)
    return tuple(tuple(_composed(row, values)) for row in last.rows)


def _composed(row: Sequence[Fraction], values: Sequence[Form]) -> Form:
    total = [Fraction(0)] * len(values[0])
    total[-1] = row[-1]
    for w, form in zip(row, values, strict=False):
        if w and any(form):
            total = [a + w * v for a, v in zip(total, form, strict=True)]
    return total
