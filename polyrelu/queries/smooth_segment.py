"""A network of smooth units along a segment: enclosures of its pre-activations as functions of t.

The first layer's are affine in t and exact. Behind it, Taylor models of third order in float64
balls enclose value and derivatives on many intervals at once; Arb gives single values to any
precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb, arb_mat, ctx

from ..balls import SLACK, Balls, product
from ..locate import UNIT
from ..network import Array
from ..smooth_network import SmoothNetwork
from .smooth_walls import Walls, to_ball

CHUNK = 2**15  # units times intervals that are looked at together


@dataclass(frozen=True, eq=False)
class Models:
    """Taylor models: on ``centre + half * s``, |s| <= 1, a function is
    ``value + slope s + bend s^2 + rest s^3`` with ``rest`` somewhere in its ball; its derivatives
    are that polynomial's, with other such ``rest``."""

    value: Balls
    slope: Balls
    bend: Balls
    rest: Balls

    @property
    def sign(self) -> npt.NDArray[np.int8]:
        """Of the function on the whole interval; 0 if that is not certain."""
        return self.value.widened(self.slope.size + self.bend.size + self.rest.size).sign

    @property
    def slopes(self) -> Balls:
        """All values of the first derivative."""
        return self.slope.widened(2 * self.bend.size + 3 * self.rest.size)

    @property
    def bends(self) -> Balls:
        """All values of half the second derivative."""
        return self.bend.widened(3 * self.rest.size)


class SmoothSegment:
    """The pre-activations on the segment from x to y, t from 0 to 1, less the threshold.

    Attributes:
        sorted: which thresholds there are.
        walls: those that are not known exactly; what the methods call ``index`` counts them.
        rational_zeros: all zeros of the first layer's rows.
    """

    def __init__(
        self, network: SmoothNetwork, x: Array, y: Array, at_minimum: bool, bits: int
    ) -> None:
        self.network, self.at_minimum, self.bits = network, at_minimum, bits
        self.sorted = Walls(network, x, y, at_minimum)
        self.walls = self.sorted.others
        self.lines = self.sorted.lines
        self.rational_zeros = {-start / slope for slope, start in self.lines if slope}
        self.level = network.unit.minimiser(bits) if at_minimum else arb(0)
        middle = float(self.level.mid())
        self._float_level = Balls(
            np.full((1, 1), middle),
            np.full((1, 1), SLACK * (2 * UNIT * abs(middle) + float(self.level.rad()))),
        )
        self._slope, self._start = (Balls.of([line[k] for line in self.lines]) for k in (0, 1))
        self._matrices = list(_ball_matrices(network))
        self._at: dict[tuple[Fraction, int], list[list[Any]]] = {}
        self._zero: dict[Fraction, list[list[Any]]] = {}

    # -- enclosures on intervals -----------------------------------------------------------------

    def chunk(self) -> int:
        """How many intervals to look at together."""
        return max(1, CHUNK // max(len(affine.bias) for affine in self.network.hidden))

    def models(self, centre: Array, half: Array) -> Models:
        """Of all walls on intervals of shape (k,): shape (walls, k)."""
        rows = np.array([(wall.layer, wall.unit) for wall in self.walls]).reshape(-1, 2)
        parts = []
        with np.errstate(all="ignore"):
            for layer, jets in enumerate(self._jets(centre, half)):
                parts.append(jets[rows[rows[:, 0] == layer, 1]])
            found = Balls(*(np.concatenate([getattr(p, a) for p in parts]) for a in ("mid", "rad")))
            value = found[:, 0]
            if self.at_minimum:
                value = value - self._float_level
            return Models(value, found[:, 1], found[:, 2], found[:, 3])

    def _jets(self, centre: Array, half: Array) -> Iterator[Balls]:
        """For each hidden layer the models' coefficients: shape (rows, 4, k)."""
        slope, start = self._slope[:, None], self._start[:, None]
        exactly = np.zeros_like(centre)
        nothing = Balls(np.zeros((len(self.lines), len(centre))), np.zeros((1, 1)))
        jets = _stack([slope * Balls(centre, exactly) + start, slope * Balls(half, exactly),
                       nothing, nothing])  # fmt: skip
        yield jets
        for affine in self.network.hidden[1:]:
            jets = product(affine.weight, self._activated(jets))
            shifted = jets[:, 0] + Balls(affine.bias[:, None], np.zeros((1, 1)))
            jets = _stack([shifted, jets[:, 1], jets[:, 2], jets[:, 3]])
            yield jets

    def _activated(self, z: Balls) -> Balls:
        unit = self.network.unit
        if unit.is_gated:
            half = len(z.mid) // 2
            return _times(self._composed(z[:half]), z[half:])
        if unit.beta == 1:
            return self._composed(z)
        return self._composed(z.scaled(unit.beta)).divided(unit.beta)

    def _composed(self, z: Balls) -> Balls:
        """The activation's model by the chain rule: at the centre up to the second order, over the
        whole interval in the third."""
        over = _over(z)
        here, there = self.network.unit.coefficients(z.mid[:, 0], z.rad[:, 0], over[0].rad)
        slope = here[1] * z[:, 1]
        bend = here[1] * z[:, 2] + here[2] * (z[:, 1] * z[:, 1])
        mixed = (there[2] * (over[1] * over[2])).scaled(2.0)
        rest = there[1] * over[3] + mixed + there[3] * (over[1] * (over[1] * over[1]))
        return _stack([here[0], slope, bend, rest])

    # -- single points ---------------------------------------------------------------------------

    def sign(self, index: int, t: Fraction) -> int:
        """Of wall ``index`` at t: 1, -1; 0 if the precision does not tell."""
        wall, bits = self.walls[index], 64
        while bits < 2 * self.bits:
            value = self._values(t, bits)[wall.layer][wall.unit]
            with ctx.workprec(bits + 20):
                value = value - self.network.unit.minimiser(bits) if self.at_minimum else value
            if not value.contains(0):
                return 1 if value > 0 else -1
            bits *= 2
        return 0

    def vanishes(self, index: int, t: Fraction) -> bool:
        """Whether wall ``index`` is formally 0 at t (False: it may be 0 nevertheless)."""
        if self.at_minimum:
            return False
        if t not in self._zero:
            first = [slope * t + start for slope, start in self.lines]
            self._zero[t] = self.network.forms(first, Fraction(0))
        wall = self.walls[index]
        form = self._zero[t][wall.layer][wall.unit]
        return bool(form == (0, ()))

    def _values(self, t: Fraction, bits: int) -> list[list[Any]]:
        """Balls around all pre-activations, layer by layer."""
        key = (t, bits)
        if key not in self._at:
            with ctx.workprec(bits):
                z = [to_ball(slope * t + start) for slope, start in self.lines]
                found = [z]
                for weight, bias in self._matrices:
                    h = self._activated_balls(z)
                    z = (weight * arb_mat(len(h), 1, h) + bias).entries()
                    found.append(z)
            self._at[key] = found
        return self._at[key]

    def _activated_balls(self, z: list[Any]) -> list[Any]:
        unit = self.network.unit
        if unit.is_gated:
            half = len(z) // 2
            return [unit.value(g) * v for g, v in zip(z[:half], z[half:], strict=True)]
        return [unit.value(v) for v in z]


def _ball_matrices(network: SmoothNetwork) -> Iterator[tuple[Any, Any]]:
    for affine in network.hidden[1:]:
        m, n = affine.weight.shape
        yield (
            arb_mat(m, n, [arb(v) for v in affine.weight.ravel().tolist()]),
            arb_mat(m, 1, [arb(v) for v in affine.bias.tolist()]),
        )


def _stack(parts: Sequence[Balls]) -> Balls:
    shape = np.broadcast_shapes(*(p.mid.shape for p in parts))
    mid, rad = (
        np.stack([np.broadcast_to(getattr(p, name), shape) for p in parts], axis=1)
        for name in ("mid", "rad")
    )
    return Balls(mid, rad)


def _over(z: Balls) -> list[Balls]:
    """Taylor coefficients at any point of the interval, from those at its centre."""
    slope, bend, rest = (z[:, k].size for k in (1, 2, 3))
    return [
        z[:, 0].widened((slope + bend + rest) * SLACK),
        z[:, 1].widened((2 * bend + 3 * rest) * SLACK),
        z[:, 2].widened(3 * rest * SLACK),
        z[:, 3],
    ]


def _times(a: Balls, b: Balls) -> Balls:
    """The product of two functions: Leibniz' rule."""
    first, second = _over(a), _over(b)
    value = a[:, 0] * b[:, 0]
    slope = a[:, 0] * b[:, 1] + a[:, 1] * b[:, 0]
    bend = a[:, 0] * b[:, 2] + a[:, 1] * b[:, 1] + a[:, 2] * b[:, 0]
    rest = first[0] * second[3] + first[1] * second[2] + first[2] * second[1] + first[3] * second[0]
    return _stack([value, slope, bend, rest])
