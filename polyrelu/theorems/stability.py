"""Claims on how stably a layer can be inverted, and on the bias that it can bear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product

import numpy as np

from ..activations import relu
from ..domain import Box
from ..errors import IncompleteError
from ..limits import Limits
from ..network import Layer, Network
from ..queries.bias import largest_uniform_bias, polytope_bias
from ..queries.construct import doubling_layer
from ..queries.injectivity import is_injective
from ..queries.singular import exceeds
from ..queries.stability import stability
from ..rational import ExactPoint, gram, identity_matrix, rank, rows_of
from ..region import Region
from .claim import Found, Hypothesis, Known, Source
from .injectivity import relu_layer, without_bias
from .registry import claim

TOPIC = "stability"
FREEMAN = "Freeman and Haider 2025"
Point = np.ndarray | ExactPoint
Pairs = tuple[Layer, np.ndarray]  # and points, shape (pairs, 2, n)
INJECTIVE = Hypothesis(
    "the layer is injective", lambda c, limits: bool(is_injective(c[0], limits=limits))
)


def _squares(layer: Layer, x: Point, y: Point) -> tuple[Fraction, Fraction]:
    """|F(x) - F(y)|^2 and |x - y|^2, exactly."""
    network = Network((layer,))
    ends = [network.exact(list(point))[0] for point in (x, y)]
    apart = [Fraction(a) - Fraction(b) for a, b in zip(x, y, strict=True)]
    moved = sum((a - b) ** 2 for a, b in zip(*ends, strict=True))
    return Fraction(moved), sum((v**2 for v in apart), Fraction(0))


def _pair_along(way: Sequence[Fraction], region: Region) -> tuple[ExactPoint, ExactPoint]:
    """Two points with the region's pattern, the second along ``way`` from the first."""
    start = region.exact_point()
    step = max(map(abs, start))
    while True:
        end = tuple(a + step * v for a, v in zip(start, way, strict=True))
        _, signs = region.graph.network.exact(end)
        if [int(s > 0) for s in signs] == region.pattern.tolist():
            return start, end
        step /= 2


def _layers_and_pairs(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Pairs]]:
    pairs = 400 if size == "full" else 60
    for m, n in ((8, 2), (12, 2), (20, 3)):
        for kind in ("Gaussian", "doubling"):
            layer = (
                relu_layer(rng.normal(size=(m, n)))
                if kind == "Gaussian"
                else doubling_layer(rng.normal(size=(n, n)), extra=rng.normal(size=(m - 2 * n, n)))
            )
            x = rng.normal(size=(pairs, n))
            others = np.where(np.arange(pairs)[:, None] % 2, -x, x + rng.normal(size=(pairs, n)))
            yield f"{kind} {m} x {n}, {pairs} pairs", (layer, np.stack([x, others], axis=1))


@claim(
    "lower-lipschitz-bounds",
    "|F(x) - F(y)| >= (sqrt(A) / 2) |x - y| for all x and y, A the least squared singular value of "
    "the active rows of a region.",
    source=Source(FREEMAN, known=Known.NOTE),
    topic=TOPIC,
    instances=_layers_and_pairs,
    hypotheses=[INJECTIVE],
)
def lower_lipschitz_bounds(case: Pairs, limits: Limits) -> Found:
    layer, pairs = case
    frame = stability(layer, limits=limits).frame_bound
    quotients = [moved / apart for moved, apart in (_squares(layer, x, y) for x, y in pairs)]
    holds = all(q >= Fraction(frame.high) / 4 for q in quotients)
    if not holds and all(q >= Fraction(frame.low) / 4 for q in quotients):
        raise IncompleteError(f"a pair lies within the bounds on A, {frame}")
    return holds, {"A": [frame.low, frame.high], "least found": float(min(quotients))}


@claim(
    "lower-lipschitz-of-the-region",
    "The best constant of kappa |x - y| <= |F(x) - F(y)| is at most sqrt(A): two points "
    "inside the region that attains A show it.",
    source=Source(FREEMAN, known=Known.NOTE),
    topic=TOPIC,
    instances=_layers_and_pairs,
    hypotheses=[INJECTIVE],
)
def lower_lipschitz_of_the_region(case: Pairs, limits: Limits) -> Found:
    layer, _ = case
    found = stability(layer, limits=limits)
    region, bounds = found.graph[found.weakest], found.frame_bound
    way = [Fraction(v) for v in np.linalg.svd(region.affine_map[0])[2][-1].tolist()]
    moved, apart = _squares(layer, *_pair_along(way, region))
    holds = moved / apart <= Fraction(bounds.high)
    if not (holds or _stretches_by_more(region, Fraction(bounds.high))):
        raise IncompleteError(f"the direction is rounded: no better one is between {bounds}")
    return holds, {"A": [bounds.low, bounds.high], "squared quotient": float(moved / apart)}


def _squared_map(region: Region) -> list[list[Fraction]]:
    """J' J of the region's linear map J."""
    return gram(list(zip(*region.exact_affine_map[0], strict=True)))


def _stretches_by_more(region: Region, square: Fraction) -> bool:
    """Is |F(x) - F(y)|^2 > square |x - y|^2 for all x, y in a region?"""
    found = _squared_map(region)
    return exceeds(found, identity_matrix(len(found)), square)


@claim(
    "condition-number",
    "The best constants of kappa_L |x - y| <= |F(x) - F(y)| <= kappa_U |x - y| on R^n have "
    "kappa_U / kappa_L >= sqrt 2, for every ReLU layer.",
    source=Source(FREEMAN, known=Known.NOTE),
    topic=TOPIC,
    instances=_layers_and_pairs,
    hypotheses=[Hypothesis("all units are ReLUs", lambda c, limits: set(c[0].units) == {relu()})],
)
def condition_number(case: Pairs, limits: Limits) -> Found:
    """One x shows it: F(x), F(-x) and F(0) bound both constants, without the bias, which far out
    has no say."""
    layer, pairs = case
    far = without_bias(layer)
    x, zero = pairs[0, 0], np.zeros(layer.in_features)
    upper = max(a / b for a, b in (_squares(far, end, zero) for end in (x, -x)))
    moved, apart = _squares(far, x, -x)
    lower = moved / apart
    evidence = {"kappa_U^2 at least": float(upper), "kappa_L^2 at most": float(lower)}
    return upper >= 2 * lower, evidence


def _identities(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Layer]]:
    for n in (1, 2, 3, *((4, 5) if size == "full" else ())):
        yield f"[I; -I], n = {n}", doubling_layer(np.eye(n))


@claim(
    "constants-of-doubling",
    "For [I; -I] A = 1, kappa_L = 1 / sqrt 2, kappa_U = 1: the least condition number, sqrt 2.",
    source=Source("polyrelu", known=Known.DERIVED),
    topic=TOPIC,
    instances=_identities,
)
def constants_of_doubling(layer: Layer, limits: Limits) -> Found:
    """kappa_L: attained by a point and its opposite; coordinate by coordinate it is not less. A and
    kappa_U: every region's map is an isometry, and the bounds on both agree with that."""
    found = stability(layer, limits=limits)
    n = layer.in_features
    grid = [np.array(p, dtype=float) for p in product((-1, 0, 1), repeat=min(n, 3))]
    grid = [np.pad(p, (0, n - len(p))) for p in grid]
    quotients = [a / b for a, b in (_squares(layer, x, y) for x, y in combinations(grid, 2))]
    opposite = _squares(layer, np.ones(n), -np.ones(n))
    isometric = all(_squared_map(region) == identity_matrix(n) for region in found.graph)
    bounded = 1.0 in found.frame_bound and 1.0 in found.upper
    holds = isometric and bounded and min(quotients) == opposite[0] / opposite[1] == Fraction(1, 2)
    return holds, {"A": found.frame_bound.high, "kappa_U": found.upper.high,
                   "kappa_L^2": min(quotients)}  # fmt: skip


# --- bias --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """Rows of one length, and what bias they are claimed to bear.

    Attributes:
        square: alpha |alpha| of the rows scaled to length 1.
        error: how far off that may be, as the rows are rounded: alpha moves by no more than they.
    """

    rows: np.ndarray
    on: str
    square: Fraction
    error: Fraction


def solids() -> dict[str, np.ndarray]:
    """Vertices of Platonic solids; those of the icosahedron are rounded."""
    golden = (1 + 5**0.5) / 2
    cyclic = [
        p for a, b in product((-1, 1), (-golden, golden)) for p in ((0, a, b), (a, b, 0), (b, 0, a))
    ]
    return {
        "tetrahedron": np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float),
        "octahedron": np.vstack([np.eye(3), -np.eye(3)]),
        "icosahedron": np.array(cyclic, float),
    }


BIASES = {
    ("icosahedron", "sphere"): Fraction(1, 5), ("icosahedron", "ball"): Fraction(0),
    ("octahedron", "sphere"): Fraction(0), ("octahedron", "ball"): Fraction(0),
    ("tetrahedron", "sphere"): Fraction(-1, 3), ("tetrahedron", "ball"): Fraction(-1, 3),
}  # fmt: skip


def _platonic(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Frame]]:
    rows = solids()
    for (name, on), square in BIASES.items():
        error = Fraction(1, 2**50) if name == "icosahedron" else Fraction(0)
        yield f"{name} on the {on}", Frame(rows[name], on, square, error)


@claim(
    "biases-of-platonic-solids",
    "The largest alpha such that ReLU(W x - alpha) keeps a spanning set active on the sphere is "
    "1/sqrt 5 for the icosahedron's vertices, 0 for the octahedron's, -1/sqrt 3 for the "
    "tetrahedron's; on the ball 0, 0, -1/sqrt 3.",
    source=Source("polyrelu", "after Haider, Ehler, Balazs 2023", Known.DERIVED),
    topic=TOPIC,
    instances=_platonic,
)
def biases_of_solids(frame: Frame, limits: Limits) -> Found:
    square = largest_uniform_bias(frame.rows, frame.on).square
    assert square is not None
    found = square / sum(Fraction(v) ** 2 for v in frame.rows[0].tolist())
    evidence = {"alpha |alpha|": float(found), "predicted": frame.square}
    return abs(found - frame.square) <= frame.error, evidence


Points = tuple[Layer, list[list[float]]]


def _point_sets(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Points]]:
    crossing = relu_layer(np.array([[1.0], [-1.0]]), np.array([0.0, -1.0]))
    yield "W = (1, -1), b = (0, -1), K = {0, -1}", (crossing, [[0.0], [-1.0]])
    doubled = doubling_layer(rng.normal(size=(2, 2)))
    yield "a layer that is injective on the plane", (doubled, rng.normal(size=(6, 2)).tolist())


def _is_rectifying(case: Points, limits: Limits) -> bool:
    """At each point the rows with w . x + b >= 0 span the space."""
    layer, points = case
    rows = rows_of(layer.integer_matrix)[:-1]
    signs = [Network((layer,)).exact(point)[1] for point in points]
    return all(
        rank([row[:-1] for row, sign in zip(rows, at, strict=True) if sign >= 0])
        == layer.in_features
        for at in signs
    )


@claim(
    "rectifying-sets",
    "If at every point of a set K, convex or not, the rows with w . x + b >= 0 span the space, "
    "then ReLU(W x + b) is injective on K.",
    source=Source("polyrelu", "without 'convex' in Haider, Balazs, Ehler", Known.DERIVED),
    topic=TOPIC,
    instances=_point_sets,
    hypotheses=[Hypothesis("at each point of K the rows with w . x + b >= 0 span", _is_rectifying)],
    refuted="K = {0, -1}, W = (1, -1), b = (0, -1): one row is active at each point, or just 0, "
    "and both go to (0, 0). On a convex K of full dimension it holds (injectivity-by-ranks).",
)
def rectifying_sets(case: Points, limits: Limits) -> Found:
    layer, points = case
    images = [Network((layer,)).exact(point)[0] for point in points]
    return len(set(images)) == len(images), {"points": len(points), "images": len(set(images))}


def _frames(rng: np.random.Generator, size: str) -> Iterator[tuple[str, np.ndarray]]:
    yield from solids().items()
    for trial in range(8 if size == "full" else 2):
        basis = rng.normal(size=(3, 3))
        yield f"trial {trial}", np.vstack([basis, -basis, rng.normal(size=(2, 3))])


@claim(
    "polytope-bias-is-injective",
    "With the biases of polytope bias estimation ReLU(W x - alpha) is injective on the unit ball "
    "(checked on the cube inscribed in it).",
    source=Source("Haider, Ehler, Balazs 2023", known=Known.NOTE),
    topic=TOPIC,
    instances=_frames,
)
def polytope_bias_is_injective(rows: np.ndarray, limits: Limits) -> Found:
    alpha, n = polytope_bias(rows, "ball").alpha, rows.shape[1]
    side = np.nextafter(n**-0.5, 0)
    answer = is_injective(relu_layer(rows, -alpha), Box(-side, side, dim=n), limits=limits)
    return bool(answer), {"alpha": alpha}
