"""The thresholds of a smooth network along a segment, sorted by what is known of them exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, ctx, fmpz, fmpz_mat

from ..network import Array, integers
from ..smooth_network import SmoothNetwork, same_zeros

Line = tuple[Fraction, Fraction]  # slope and constant


@dataclass(frozen=True)
class Wall:
    """Pre-activations that are multiples of each other, less the threshold.

    Attributes:
        layer, unit: the first of them.
        bits: all of them, as places in a pattern.
        turned: for each whether its sign is the opposite one.
    """

    layer: int
    unit: int
    bits: tuple[int, ...]
    turned: tuple[bool, ...]


class Walls:
    """All thresholds of a network on the segment from x to y, t from 0 to 1.

    Attributes:
        lines: the first layer's pre-activations as functions of t.
        constant: for each unit, as a place in a pattern, whose pre-activation is formally a known
            number on the whole segment: its bit.
        exact: for walls of the first layer with a rational zero: that, and the sign behind it.
        others: to be isolated.
    """

    def __init__(self, network: SmoothNetwork, x: Array, y: Array, at_minimum: bool) -> None:
        self.network, self.at_minimum = network, at_minimum
        self.lines = _lines(network, x, y)
        self.constant: dict[int, int] = {}
        self.exact: list[tuple[Wall, Fraction, int]] = []
        self.others: list[Wall] = []
        self._sort_units()

    def _sort_units(self) -> None:
        forms = self.network.forms(self.lines, (Fraction(0), Fraction(0)))
        bit = 0
        for layer, width in enumerate(self.network.widths):
            groups: dict[Any, list[tuple[int, int, bool]]] = {}
            for unit in range(width):
                form: Any = forms[layer][unit]
                known = self._known_sign(layer, form)
                if known is not None:
                    self.constant[bit] = int(known > 0)
                else:
                    key, turned = self._key(layer, form)
                    groups.setdefault(key, []).append((bit, unit, turned))
                bit += 1
            for members in groups.values():
                self._add_wall(layer, members)

    def _known_sign(self, layer: int, form: Any) -> int | None:
        """The sign of a constant, less the threshold."""
        if layer == 0:
            slope, value = form
            if slope:
                return None
        else:
            constant, terms = form
            if terms:
                return None
            value = self._exact_constant(layer, constant)
        if not self.at_minimum:
            return int(value > 0) - int(value < 0)
        return self._compared(value)

    def _exact_constant(self, layer: int, constant: int) -> Fraction:
        affine = self.network.hidden[layer]
        _, shift = integers(np.concatenate([affine.weight, affine.bias[:, None]], axis=1))
        return Fraction(constant, 2 << shift)

    def _compared(self, value: Fraction) -> int:
        """With the minimiser, which is transcendental, so that some precision tells."""
        bits = 64
        while True:
            with ctx.workprec(bits + 20):
                gap = to_ball(value) - self.network.unit.minimiser(bits)
                if not gap.contains(0):
                    return 1 if gap > 0 else -1
            bits *= 2

    def _key(self, layer: int, form: Any) -> tuple[Any, bool]:
        """What walls in common have in common; and whether the sign is turned."""
        if self.at_minimum:
            return form, False
        if layer == 0:
            return -form[1] / form[0], form[0] < 0
        constant, terms = form
        leading = constant or next(v for _, v in terms)
        return same_zeros(form), leading < 0

    def _add_wall(self, layer: int, members: list[tuple[int, int, bool]]) -> None:
        bits, units, turned = zip(*members, strict=True)
        wall = Wall(layer, units[0], bits, tuple(t != turned[0] for t in turned))
        if layer == 0 and not self.at_minimum:
            slope, value = self.lines[units[0]]
            self.exact.append((wall, -value / slope, 1 if slope > 0 else -1))
        else:
            self.others.append(wall)


def _lines(network: SmoothNetwork, x: Array, y: Array) -> list[Line]:
    """The first layer's pre-activations as functions of t."""
    matrix = network.layers[0].integer_matrix
    flat, shift = integers(np.stack([x, y], axis=1))
    columns = [*flat, 1 << shift, 1 << shift]
    table = (matrix * fmpz_mat(len(x) + 1, 2, columns)).table()
    scale = int(table[-1][0])
    ends = [(Fraction(int(a), scale), Fraction(int(b), scale)) for a, b in table[:-1]]
    return [(b - a, a) for a, b in ends]


def to_ball(value: Fraction) -> Any:
    return arb(fmpz(value.numerator)) / fmpz(value.denominator)
