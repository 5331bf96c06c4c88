"""Networks with rational weights, and the :class:`Network` that is exactly the same function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np

from .activations import PiecewiseLinear
from .errors import NetworkError
from .network import Affine, Array, Layer, Network, quotient
from .rational import rows_of

Row = tuple[Fraction, ...]
BITS = 53  # of a float64's significand


@dataclass(frozen=True)
class RationalLayer:
    """An affine map and a unit for each of its outputs.

    Attributes:
        rows: for each output its weights, then its bias.
        units: one for each output.
    """

    rows: tuple[Row, ...]
    units: tuple[PiecewiseLinear, ...]

    @classmethod
    def from_layer(cls, layer: Layer) -> RationalLayer:
        *rows, bottom = rows_of(layer.integer_matrix)
        return cls(tuple(tuple(Fraction(v, bottom[-1]) for v in row) for row in rows), layer.units)

    def __call__(self, x: Sequence[Fraction]) -> Row:
        values = (
            sum((w * v for w, v in zip(row, x, strict=False) if w and v), row[-1])
            for row in self.rows
        )
        return tuple(unit.exact(z) for unit, z in zip(self.units, values, strict=True))


@dataclass(frozen=True)
class RationalNetwork:
    """A network whose weights are fractions.

    Attributes:
        layers: in order; the last is the output.
    """

    layers: tuple[RationalLayer, ...]

    @classmethod
    def from_network(cls, network: Network) -> RationalNetwork:
        return cls(tuple(map(RationalLayer.from_layer, network.layers)))

    @property
    def widths(self) -> tuple[int, ...]:
        """Input dimension and the number of outputs of every layer."""
        return (len(self.layers[0].rows[0]) - 1, *(len(layer.rows) for layer in self.layers))

    def __repr__(self) -> str:
        return f"RationalNetwork({'-'.join(map(str, self.widths))})"

    def __call__(self, x: Sequence[float | Fraction]) -> Row:
        """The output at a point, exactly."""
        values: Row = tuple(Fraction(v) for v in x)
        if len(values) != self.widths[0]:
            raise NetworkError(f"a point must have {self.widths[0]} coordinates, not {len(values)}")
        for layer in self.layers:
            values = layer(values)
        return values

    def rounded(self) -> Network:
        """Every weight and bias rounded once to float64: nearly the same function."""
        layers = []
        for layer in self.layers:
            table = np.array([[quotient(*v.as_integer_ratio()) for v in row] for row in layer.rows])
            layers.append(Layer([Affine(table[:, :-1], table[:, -1])], layer.units))
        return Network(tuple(layers))

    def to_network(self) -> Network:
        """A :class:`Network` of exactly the same function.

        Weights that float64 cannot hold become sums of some that it can: the layer then has a
        factor that repeats its inputs, and one with the parts of the weights. A denominator with
        an odd part becomes a divisor.

        Raises:
            NetworkError: a row's denominator has an odd part that float64 cannot hold (of a
                network whose layers divide), or a number is beyond its range.
        """
        return Network(tuple(Layer(_factors(layer.rows), layer.units) for layer in self.layers))


def _factors(rows: Sequence[Row]) -> list[Affine]:
    divisors = [_odd_part(lcm(*(v.denominator for v in row))) for row in rows]
    wide = max(d.bit_length() for d in divisors)
    if wide > BITS:
        raise NetworkError(
            f"a row's denominator has an odd part of {wide} bits, which no float64 divisor holds; "
            f"rounded() gives the network with each weight rounded"
        )
    parts = [[_parts(v * d) for v in row] for row, d in zip(rows, divisors, strict=True)]
    count = max(1, *(len(p) for row in parts for p in row))
    table = np.array([[[*p, *[0.0] * (count - len(p))] for p in row] for row in parts])
    divisor = None if set(divisors) == {1} else np.array(divisors, dtype=np.float64)
    if count == 1:
        return [Affine(table[:, :-1, 0], table[:, -1, 0], divisor)]
    n = len(rows[0])
    once = Affine(np.vstack([np.eye(n - 1), np.zeros((1, n - 1))]), np.eye(n)[-1])  # (x, 1)
    copies = Affine(np.vstack([np.eye(n)] * count), np.zeros(n * count))
    flat: Array = np.concatenate([table[:, :, k] for k in range(count)], axis=1)
    return [once, copies, Affine(flat, np.zeros(len(rows)), divisor)]


def _odd_part(n: int) -> int:
    return n // (n & -n)


def _parts(value: Fraction) -> list[float]:
    """Float64s whose sum is a fraction with a power of two below, at most 53 bits each."""
    sign, rest = (-1 if value < 0 else 1), abs(value.numerator)
    exponent = 1 - value.denominator.bit_length()
    parts = []
    while rest:
        trailing = (rest & -rest).bit_length() - 1
        rest, exponent = rest >> trailing, exponent + trailing
        digits = rest & ((1 << BITS) - 1)
        try:
            part = math.ldexp(sign * digits, exponent)
        except OverflowError:
            part = math.inf
        if not math.isfinite(part) or Fraction(part) != Fraction(sign * digits) * two_to(exponent):
            raise NetworkError("a weight is beyond the range of float64")
        parts.append(part)
        rest -= digits
    return parts or [0.0]


def two_to(exponent: int) -> Fraction:
    """2**exponent."""
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)
