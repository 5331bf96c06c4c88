"""Two networks side by side as one network, whose output is the difference of theirs.

Neurons that are the same in both, as functions, are there once: those with exactly the same row
over the same inputs and the same unit. So what two networks share at their start is not doubled,
nor is a network whose neurons were only permuted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from .activations import identity
from .network import Affine, Array, Layer, Network
from .rational import primitive, rows_of

Matching = tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True)
class Joint:
    """Two networks as one.

    Attributes:
        difference: the network whose output is that of the first minus that of the second.
        matching: for each layer (the shorter network is continued by identities) and unit of
            the second network, the unit of the first that is exactly the same function; or None.
    """

    difference: Network
    matching: Matching

    @property
    def same_outputs(self) -> bool:
        """Whether each output of the second network is matched by the same one of the first."""
        last = self.matching[-1]
        return last == tuple(range(len(last)))


def joint_network(first: Network, second: Network) -> Joint:
    """Both networks on the same inputs; they must have as many inputs, and as many outputs."""
    places = list(range(first.input_dim))
    at, of = (places, places), first.input_dim  # where the values of each stand, among how many
    layers, matching = [], []
    widths = first.output_dim, second.output_dim
    for a, b in zip_longest(first.layers, second.layers):
        a, b = (_pass_on(n) if x is None else x for x, n in zip((a, b), widths, strict=True))
        found = _matched(a, b, at, of)
        kept = [j for j, i in enumerate(found) if i is None]
        layers.append(_side_by_side(a, b, at, of, kept))
        of = a.out_features + len(kept)
        new = {j: a.out_features + k for k, j in enumerate(kept)}
        at = list(range(a.out_features)), [new[j] if i is None else i for j, i in enumerate(found)]
        matching.append(tuple(found))
    minus = np.zeros((first.output_dim, of))
    for i, (p, q) in enumerate(zip(*at, strict=True)):
        minus[i, p] += 1.0
        minus[i, q] -= 1.0
    layers.append(Layer([Affine(minus, np.zeros(len(minus)))], identity()))
    return Joint(Network(tuple(layers)), tuple(matching))


def _pass_on(width: int) -> Layer:
    return Layer([Affine(np.eye(width), np.zeros(width))], identity())


Places = tuple[Sequence[int], Sequence[int]]


def _matched(a: Layer, b: Layer, at: Places, of: int) -> list[int | None]:
    """For each unit of b one of a with the same row and unit, each used once."""
    if at[0] is not at[1] and not set(at[0]) & set(at[1]):
        return [None] * b.out_features
    unused: dict[object, list[int]] = {}
    for i, key in reversed(list(enumerate(_keys(a, at[0], of)))):
        unused.setdefault(key, []).append(i)
    return [found.pop() if (found := unused.get(key)) else None for key in _keys(b, at[1], of)]


def _keys(layer: Layer, at: Sequence[int], of: int) -> list[object]:
    """What tells units apart: the row over the joint values, exactly, and the unit."""
    *rows, bottom = rows_of(layer.integer_matrix)
    keys: list[object] = []
    for unit, row in zip(layer.units, rows, strict=True):
        spread = [0] * of
        for place, v in zip(at, row, strict=False):
            spread[place] += v
        keys.append((unit, *primitive([*spread, row[-1], bottom[-1]])))
    return keys


def _side_by_side(a: Layer, b: Layer, at: Places, of: int, kept: Sequence[int]) -> Layer:
    """All units of a and the kept ones of b, on the joint values."""
    upper, lower = list(a.factors), list(b.factors)
    units = [*a.units, *(b.units[j] for j in kept)]
    if not kept:
        return Layer([_spread(upper[0], at[0], of), *upper[1:]], units)
    for factors, layer in ((upper, a), (lower, b)):
        missing = max(len(upper), len(lower)) - len(factors)
        factors += _pass_on(layer.out_features).factors * missing
    lower[-1] = _rows(lower[-1], kept)
    factors = [_stacked(_spread(upper[0], at[0], of), _spread(lower[0], at[1], of))]
    for over, under in zip(upper[1:], lower[1:], strict=True):
        n, m = over.weight.shape[1], under.weight.shape[1]
        pair = _spread(over, range(n), n + m), _spread(under, range(n, n + m), n + m)
        factors.append(_stacked(*pair))
    return Layer(factors, units)


def _rows(factor: Affine, kept: Sequence[int]) -> Affine:
    chosen = list(kept)
    divisor = None if factor.divisor is None else factor.divisor[chosen]
    return Affine(factor.weight[chosen], factor.bias[chosen], divisor)


def _spread(factor: Affine, at: Sequence[int], of: int) -> Affine:
    """On a longer vector, of which ``at`` are the inputs (each at a place of its own)."""
    weight: Array = np.zeros((len(factor.weight), of))
    weight[:, list(at)] = factor.weight
    return Affine(weight, factor.bias, factor.divisor)


def _stacked(upper: Affine, lower: Affine) -> Affine:
    divisors = [f.divisor if f.divisor is not None else np.ones(len(f.bias))
                for f in (upper, lower)]  # fmt: skip
    plain = upper.divisor is None and lower.divisor is None
    return Affine(
        np.vstack([upper.weight, lower.weight]),
        np.concatenate([upper.bias, lower.bias]),
        None if plain else np.concatenate(divisors),
    )
