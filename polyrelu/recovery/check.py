"""Is it piecewise affine at all, and does the network agree with the oracle everywhere?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Array
from .lifted import Rows
from .oracle import SAFETY, Oracle
from .places import Places
from .polish import forward

_AGREES = 8 * SAFETY  # rounding in two networks whose weights differ in the last digits
_POINTS = 1000  # of each kind
_PROBES = 40
_HALVINGS = 24


def evidence_against(oracle: Oracle, places: Places, rng: np.random.Generator) -> str | None:
    """Why the oracle is not piecewise affine; None if nothing says so.

    At random points steps are halved until three samples are in line within the noise. A piecewise
    affine function gets there at once, from a bend of any size; of a smooth one the bend falls by 4
    each time, and a jump never falls.
    """
    starts = places.points(_PROBES, rng)
    ways = rng.normal(size=starts.shape)
    ways *= places.scale / np.linalg.norm(ways, axis=1)[:, None]
    sizes = 0.25 * 0.5 ** np.arange(_HALVINGS)
    at = (
        starts[:, None, None]
        + sizes[:, None, None] * np.array([-1.0, 0.0, 1.0])[:, None] * (ways[:, None, None])
    )
    inside = places.holds(at).all(axis=(1, 2))
    at = at[inside]
    values = oracle(at.reshape(-1, places.dim)).reshape(*at.shape[:3], -1)
    bend = np.abs(values[:, :, 0] + values[:, :, 2] - 2 * values[:, :, 1]).max(axis=2)
    floor = 4 * SAFETY * oracle.noise(starts[inside])[:, None]
    bent = bend > floor
    both = bent[:, :-1] & bent[:, 1:]
    ratio = np.divide(bend[:, :-1], bend[:, 1:], out=np.zeros_like(bend[:, 1:]), where=both)
    quarters = np.count_nonzero(both & (np.abs(ratio - 4) < 0.6), axis=1)
    smooth = np.count_nonzero(quarters >= 3)
    if smooth > len(at) / 3:
        return (
            f"this is not piecewise affine: at {smooth} of {len(at)} random points it curves "
            "smoothly, however closely one looks"
        )
    return None


@dataclass(frozen=True)
class Agreement:
    """Of a network and the oracle on fresh inputs.

    Attributes:
        deviation: the greatest.
        points, values: the inputs and the oracle's outputs.
        reason: why they do not agree, or None.
    """

    deviation: float
    points: Array
    values: Array
    reason: str | None


def checked(
    oracle: Oracle, places: Places, layers: tuple[Rows, ...], rng: np.random.Generator
) -> Agreement:
    """Compare on typical inputs, along long segments, and on both sides of every wall."""
    typical = places.points(_POINTS, rng)
    low, high = places.segments(_POINTS, rng)
    along = low + rng.uniform(size=(_POINTS, 1)) * (high - low)
    x = np.concatenate([typical, along, _at_walls(places, layers, rng)])
    y = oracle(x)
    off = np.abs(forward(layers, x)[-1] - y).max(axis=1)
    allowed = _AGREES * oracle.noise(x)
    worst = int(np.argmax(off - allowed))
    reason = None
    if off[worst] > allowed[worst]:
        reason = (
            f"the recovered network differs from the oracle by up to {off.max():.1e} on fresh "
            f"inputs, which the noise ({oracle.typical_noise:.1e}) does not explain"
        )
    return Agreement(float(off.max()), x, y, reason)


def _at_walls(places: Places, layers: tuple[Rows, ...], rng: np.random.Generator) -> Array:
    """Points close to walls of the network, on both sides, found along segments by halving."""
    low, high = places.points(_POINTS // 2, rng), places.points(_POINTS // 2, rng)
    pattern = _pattern(layers, low)
    for _ in range(20):
        middle = (low + high) / 2
        same = np.all(_pattern(layers, middle) == pattern, axis=1)[:, None]
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.concatenate([low, high])


def _pattern(layers: tuple[Rows, ...], x: Array) -> Array:
    hidden = [h > 0 for h in forward(layers, x)[1:-1]]
    return np.concatenate([np.zeros((len(x), 1), dtype=bool), *hidden], axis=1)
