"""Values that challenge the greatest so far, one after the other: the maximum by ReLUs.

Of values m, y, ... the first layer makes (m, relu(y - m), ...), the next one from that the same of
m + relu(y - m) and the rest, and so on. Each has one threshold, a *match*. The engine knows such
layers again, as their forms are differences of the first one's (:func:`first_match`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .activations import PiecewiseLinear, identity, relu
from .network import Affine, Array, Layer

PASSED_ON, WON_BY = identity(), relu()


def first_challenge(values: Array) -> tuple[Affine, tuple[PiecewiseLinear, ...]]:
    """The affine map and the units of the first match, between the first two of the ``values``:
    a row for each, two at least."""
    return Affine(_difference(values), np.zeros(len(values))), _units(len(values))


def next_challenge(left: int) -> Layer:
    """The match after one between the first two of ``left`` values."""
    return Layer([Affine(_next_weight(left), np.zeros(left - 1))], _units(left - 1))


def first_match(layers: Sequence[Layer]) -> int:
    """The number, from 1 on, of the first of the last layers that are matches: it has one
    threshold, and each later one is the :func:`next_challenge`. One past the last if the last has
    more thresholds.
    """
    if not layers or len(layers[-1].thresholds) != 1:
        return len(layers) + 1
    number = len(layers)
    for before, layer in reversed(list(pairwise(layers))):
        if not _follows(before, layer):
            break
        number -= 1
    return number


def _difference(values: Array) -> Array:
    return np.array([values[0], values[1] - values[0], *values[2:]])


def _next_weight(left: int) -> Array:
    values = np.eye(left)[1:]
    values[0, 0] = 1.0
    return _difference(values)


def _units(n: int) -> tuple[PiecewiseLinear, ...]:
    return (PASSED_ON, WON_BY, *[PASSED_ON] * (n - 2))


def _follows(before: Layer, layer: Layer) -> bool:
    left = before.out_features
    return (
        left > 2
        and layer.out_features == left - 1
        and layer.is_exact
        and before.units == _units(left)
        and layer.units == _units(left - 1)
        and not layer.bias.any()
        and np.array_equal(layer.weight, _next_weight(left))
    )
