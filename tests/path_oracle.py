"""The activation patterns along a segment, in rational arithmetic: slow, and nothing shared with
the package but the network's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from polyrelu import Network

Line = tuple[Fraction, Fraction]  # slope, constant


def pieces(
    network: Network, start: Sequence[Fraction], end: Sequence[Fraction]
) -> list[tuple[Fraction, Fraction, tuple[int, ...]]]:
    """(from, to, pattern) of every open piece of the segment, in order."""
    lines = [(b - a, a) for a, b in zip(start, end, strict=True)]
    found = [(Fraction(0), Fraction(1), lines, ())]
    for layer in network.layers:
        found = [part for piece in found for part in _layer(layer, *piece)]
    merged: list[tuple[Fraction, Fraction, tuple[int, ...]]] = []
    for left, right, _, bits in found:
        if merged and merged[-1][2] == bits:
            left = merged.pop()[0]
        merged.append((left, right, bits))
    return merged


def _layer(layer, left, right, lines, bits):
    for factor in layer.factors:
        divisor = [1.0] * len(factor.bias) if factor.divisor is None else factor.divisor
        lines = [_row(w, b, d, lines)
                 for w, b, d in zip(factor.weight, factor.bias, divisor, strict=True)]  # fmt: skip
    roots = {left, right}
    for unit, level in layer.thresholds:
        slope, constant = lines[unit]
        if slope:
            roots.add((level - constant) / slope)
    inside = sorted(t for t in roots if left <= t <= right)
    for a, b in pairwise(inside):
        middle = (a + b) / 2
        values = [slope * middle + constant for slope, constant in lines]
        more = tuple(int(values[unit] > level) for unit, level in layer.thresholds)
        yield (
            a,
            b,
            [_unit(u, line, v) for u, line, v in zip(layer.units, lines, values, strict=True)],
            bits + more,
        )


def _row(weights, bias, divisor, lines) -> Line:
    d = Fraction(float(divisor))
    slope = sum(
        (Fraction(float(w)) * a for w, (a, _) in zip(weights, lines, strict=True)), Fraction(0)
    )
    constant = sum(
        (Fraction(float(w)) * c for w, (_, c) in zip(weights, lines, strict=True)),
        Fraction(float(bias)),
    )
    return slope / d, constant / d


def _unit(unit, line: Line, at: Fraction) -> Line:
    """The unit's output along the line, on the linear piece that it is on at a value."""
    a, c = unit.pieces[sum(t < at for t in unit.breakpoints)]
    return a * line[0], a * line[1] + c
