"""Claims on layers with independent Gaussian weights: how many of them are injective."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import comb
from typing import Any

import numpy as np

from ..arrangement import Arrangement
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer
from ..queries.injectivity import is_injective
from .claim import Found, Known, Source
from .common import all_regions
from .injectivity import PAPER, relu_layer
from .registry import claim
from .statistics import Estimate, at_least, at_most, mean, proportion

TOPIC = "injectivity"
Layers = tuple[list[Layer], Any]  # drawn alike, and what is claimed of them


def _drawn(rng: np.random.Generator, m: int, n: int, trials: int) -> list[Layer]:
    return [relu_layer(rng.normal(size=(m, n))) for _ in range(trials)]


def _share(layers: list[Layer], claimed: Any, limits: Limits) -> Estimate:
    injective = sum(bool(is_injective(layer, limits=limits)) for layer in layers)
    return proportion(injective, len(layers), claimed)


PLANE_LAW = {
    4: Fraction(0), 5: Fraction(1, 16), 6: Fraction(1, 4), 7: Fraction(29, 64), 8: Fraction(5, 8)
}  # fmt: skip


def _in_the_plane(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Layers]]:
    trials = 2000 if size == "full" else 200
    for m, law in PLANE_LAW.items():
        yield f"m = {m}, {trials} layers", (_drawn(rng, m, 2, trials), law)


@claim(
    "gaussian-layers-of-the-plane",
    "A Gaussian layer of m units on R^2, without bias, is injective with probability 0, 1/16, 1/4, "
    "29/64, 5/8 for m = 4, ..., 8.",
    source=Source("polyrelu", "all choices of sides of m lines", Known.DERIVED),
    topic=TOPIC,
    instances=_in_the_plane,
)
def gaussian_layers_of_the_plane(case: Layers, limits: Limits) -> Estimate:
    return _share(*case, limits)


def _sides(rng: np.random.Generator, size: str) -> Iterator[tuple[str, tuple[int, Fraction]]]:
    for m, law in PLANE_LAW.items():
        yield f"m = {m}", (m, law)


@claim(
    "law-of-the-plane",
    "Of the 2^m choices of sides of m lines in general position in the plane, all but 15/16, 3/4, "
    "35/64, 3/8 of them for m = 5, ..., 8 leave at least two of them active everywhere.",
    source=Source("polyrelu", "the law of gaussian-layers-of-the-plane", Known.DERIVED),
    topic=TOPIC,
    instances=_sides,
)
def law_of_the_plane(case: tuple[int, Fraction], limits: Limits) -> Found:
    m, law = case
    good = 0
    for choice in range(2**m):
        sides = [1 if choice >> i & 1 else -1 for i in range(m)]
        active = sum(s > 0 for s in sides)  # in the cell before the first line
        least = active
        for s in [*sides, *(-s for s in sides)]:  # once around: each line is crossed twice
            active -= s
            least = min(least, active)
        good += least >= 2
    found = Fraction(good, 2**m)
    return found == law, {"m": m, "share": found, "claimed": law}


def _on_the_line(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Layers]]:
    trials = 2000 if size == "full" else 300
    for m in (1, 2, 3, 5):
        yield f"m = {m}, {trials} layers", (_drawn(rng, m, 1, trials), 1 - Fraction(2, 2**m))


@claim(
    "gaussian-layers-of-the-line",
    "A Gaussian layer of m units on R, without bias, is injective with probability 1 - 2^(1 - m).",
    source=Source("polyrelu", "there must be weights of both signs", Known.DERIVED),
    topic=TOPIC,
    instances=_on_the_line,
)
def gaussian_layers_of_the_line(case: Layers, limits: Limits) -> Estimate:
    return _share(*case, limits)


def _wide_or_narrow(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Layers]]:
    trials = 200 if size == "full" else 40
    half = Fraction(1, 2)
    for n in (4, 6, 8) if size == "full" else (5,):
        yield f"n = {n}, m = 3n", (_drawn(rng, 3 * n, n, trials), at_most(half))
        yield f"n = {n}, m = 11n", (_drawn(rng, 11 * n, n, trials), at_least(half))


@claim(
    "gaussian-threshold",
    "With n inputs and c n units, n to infinity, the probability that a Gaussian layer is "
    "injective goes to 0 if c < 3.4 and to 1 if c > 10.5. (Here: below and above one half.)",
    source=Source(PAPER, known=Known.NOTE),
    topic=TOPIC,
    instances=_wide_or_narrow,
)
def gaussian_threshold(case: Layers, limits: Limits) -> Estimate:
    return _share(*case, limits)


# --- the Euler characteristic of the bad directions --------------------------------------------


def expected_euler_characteristic(m: int, n: int) -> Fraction:
    """Of the set of directions in which fewer than n of m Gaussian rows are active."""
    total = Fraction(0)
    for j in range(n):
        faces = comb(m, j) * 2 * sum(comb(m - j - 1, k) for k in range(n - j))
        few = Fraction(sum(comb(m - j, k) for k in range(n - j)), 2 ** (m - j))
        total += (-1) ** j * faces * few
    return total


def _frames(rng: np.random.Generator, size: str) -> Iterator[tuple[str, list[Arrangement]]]:
    trials = 1000 if size == "full" else 100
    for m in (5, 6, 8, 10):
        drawn = [Arrangement(rng.normal(size=(m, 2))) for _ in range(trials)]
        yield f"m = {m}, {trials} layers", drawn


def _bad_arcs(arrangement: Arrangement, limits: Limits) -> int:
    """How many arcs of directions of the plane have fewer than two active rows."""
    graph = all_regions(arrangement.network, limits)
    bad = graph.patterns.sum(axis=1) < 2
    edges = graph.edges().tolist()
    inside = sum(bool(bad[i] and bad[j]) and _few_between(graph, i, j) for i, j in edges)
    return int(bad.sum()) - inside


def _few_between(graph: RegionGraph, i: int, j: int) -> bool:
    """On the ray between two regions: rows that are active or vanish."""
    return bool((graph.pattern(i) | graph.pattern(j)).sum() < 2)


@claim(
    "expected-euler-characteristic",
    "The set of directions in which fewer than n rows of a Gaussian m x n matrix are active or 0 "
    "has expected Euler characteristic sum_{j < n} (-1)^j C(m, j) 2 sum_{k < n-j} C(m-j-1, k) "
    "P(Bin(m-j, 1/2) < n-j): in the plane 1.25, 0.9375, 0.4375, 0.1758 for m = 5, 6, 8, 10.",
    source=Source("polyrelu", known=Known.DERIVED),
    topic=TOPIC,
    instances=_frames,
)
def euler_characteristic(arrangements: list[Arrangement], limits: Limits) -> Estimate:
    predicted = expected_euler_characteristic(len(arrangements[0]), 2)
    return mean([_bad_arcs(a, limits) for a in arrangements], predicted)


# --- constants ---------------------------------------------------------------------------------

Curve = tuple[Callable[[Any], Any], str]  # of a ball, and the root that it is claimed to have


def _entropy(p: Any) -> Any:
    return -(p * p.log() + (1 - p) * (1 - p).log())


def _constants(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Curve]]:
    from flint import arb

    def active(c: Any) -> Any:
        """c Q(1 / sqrt c) - 1, Q the tail of the normal distribution."""
        return c * (1 / (2 * c).sqrt()).erfc() / 2 - 1

    def wendel(c: Any) -> Any:
        return c * _entropy(1 / c) + (c - 1) * (_entropy(1 / (c - 1)) - arb(2).log())

    def cells(c: Any) -> Any:
        return _entropy(1 / c) / arb(2).log() - arb(1) / 2

    yield "non-injective below", (active, "3.4028")
    yield "injective above, by subsets", (wendel, "10.3207")
    yield "injective above, by cells", (cells, "9.0886")


@claim(
    "gaussian-constants",
    "The bounds on the threshold are roots: 3.4028 of c Q(1/sqrt c) = 1; 10.3207 of c h(1/c) + "
    "(c-1)(h(1/(c-1)) - ln 2) = 0; 9.0886 of h(1/c) = (ln 2)/2, h the entropy.",
    source=Source("polyrelu", f"after {PAPER} (3.4 and 10.5) and Paleka 2021", Known.DERIVED),
    topic=TOPIC,
    instances=_constants,
)
def gaussian_constants(case: Curve, limits: Limits) -> Found:
    """By balls: the signs half a unit of the last digit to either side are certain."""
    from flint import arb, fmpq

    curve, root = case
    at, half = Fraction(root), Fraction(1, 20000)
    ends = [curve(arb(fmpq(c.numerator, c.denominator))) for c in (at - half, at + half)]
    opposite = bool((ends[0] < 0 and ends[1] > 0) or (ends[0] > 0 and ends[1] < 0))
    return opposite, {"root": root, "left": str(ends[0]), "right": str(ends[1])}
