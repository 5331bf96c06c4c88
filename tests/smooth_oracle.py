"""Smooth networks at single points, in ball arithmetic of 300 bits: slow, and shares nothing."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from flint import arb, ctx

BITS = 300


def activation(name: str, beta: float, x: Any) -> Any:
    """At a ball or a power series."""
    beta = arb(beta)
    if name == "gelu":
        return x * (1 + (x / arb(2).sqrt()).erf()) / 2
    if name == "tanh":
        return 1 - 2 / (1 + (2 * x).exp())
    if name == "sigmoid":
        return 1 / (1 + (-x).exp())
    if name == "softplus":
        return (1 + (beta * x).exp()).log() / beta
    return x / (1 + (-beta * x).exp())


def ball(value: float | Fraction) -> arb:
    return arb(Fraction(value).numerator) / Fraction(value).denominator


def pre_activations(network, x: Sequence[Any]) -> list[Any]:
    """Of all units (with swiglu: of all gates) at a point: rationals, or power series."""
    name, beta = network.unit.name, network.unit.beta
    with ctx.workprec(BITS):
        h = [ball(v) if isinstance(v, int | float | Fraction) else v for v in x]
        found = []
        for affine in network.hidden:
            table = zip(affine.weight.tolist(), affine.bias.tolist(), strict=True)
            z = [sum((arb(w) * v for w, v in zip(row, h, strict=True)), arb(b)) for row, b in table]
            if name == "swiglu":
                half = len(z) // 2
                z, values = z[:half], z[half:]
                h = [activation(name, 1, g) * v for g, v in zip(z, values, strict=True)]
            else:
                h = [activation(name, beta, v) for v in z]
            found += z
        return found


def signs(network, x: Sequence[Fraction], level: arb | int = 0) -> list[int]:
    """1, -1, or 0 where the precision does not tell (as at an exact zero)."""
    with ctx.workprec(BITS):
        gaps = [z - level for z in pre_activations(network, x)]
        return [1 if g > 0 else -1 if g < 0 else 0 for g in gaps]


def point(path, t: Fraction) -> list[Fraction]:
    """On a polygonal path at parameter t; segment k is [k, k + 1]."""
    k = min(int(t), len(path) - 2)
    return [Fraction(a) + (t - k) * (Fraction(b) - Fraction(a))
            for a, b in zip(path[k], path[k + 1], strict=True)]  # fmt: skip
