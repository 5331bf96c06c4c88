"""Claims on measures of linear separability."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from ..errors import IncompleteError
from ..limits import Limits
from ..rational import inner
from ..separability.ball import ball_degree
from ..separability.directional import directional_separability
from ..separability.linear import is_linearly_separable
from ..separability.ls0 import ls0
from ..separability.ls1 import ls1
from ..separability.measure import SeparabilityMeasure
from .claim import Found, Hypothesis, Known, Source
from .registry import claim

TOPIC = "separability"
PAPER = "MD-LSM, arXiv 2307.13962"
Points = list[list[Fraction]]
Sets = tuple[Points, Points]
Vector = tuple[Fraction, Fraction]


def _fractions(points: np.ndarray) -> Points:
    return [[Fraction(v) for v in row] for row in np.asarray(points, dtype=float).tolist()]


def _value(measure: SeparabilityMeasure) -> Fraction:
    if measure.exact is None:
        raise IncompleteError(f"{measure.name} is known to be in {measure.bounds} only")
    return measure.exact


def _differences(sets: Sets) -> list[list[Fraction]]:
    a, b = sets
    return [[u - v for u, v in zip(x, y, strict=True)] for x in a for y in b]


XOR: Sets = (_fractions(np.array([[0, 0], [1, 1]])), _fractions(np.array([[0, 1], [1, 0]])))


def _plane_sets(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Sets]]:
    yield "XOR", XOR
    for trial in range(12 if size == "full" else 4):
        for gap in (0.0, 1.5, 4.0):
            a, b = rng.normal(size=(5, 2)), rng.normal(size=(4, 2))
            a[:, 0] += gap
            yield f"Gaussian, gap {gap:g}, trial {trial}", (_fractions(a), _fractions(b))
        small = rng.integers(-2, 3, size=(7, 2))
        yield f"integers, trial {trial}", (_fractions(small[:4]), _fractions(small[4:]))


def _critical(sets: Sets) -> list[Vector]:
    """Directions along which some difference vanishes, of both senses."""
    return [w for x, y in _differences(sets) if x or y for w in ((-y, x), (y, -x))]


def _rank_score(sets: Sets, w: Vector) -> Fraction:
    """The area under the ROC curve of the scorer w; ties count as lost (Mann and Whitney)."""
    high, low = ([inner(w, x) for x in points] for points in sets)
    return Fraction(sum(s > t for s in high for t in low), len(high) * len(low))


@claim(
    "ls0-is-the-best-auc",
    "LS0 is the greatest area under the ROC curve of a linear scorer.",
    source=Source(PAPER, "the measure; the identity is polyrelu's", Known.DERIVED),
    topic=TOPIC,
    instances=_plane_sets,
)
def ls0_is_the_best_auc(sets: Sets, limits: Limits) -> Found:
    """Between two critical directions no score changes, and their sum lies there."""
    critical = _critical(sets)
    between = {(u[0] + v[0], u[1] + v[1]) for u in critical for v in critical}
    best = max((_rank_score(sets, w) for w in between), default=Fraction(0))
    found = _value(ls0(*sets, limits=limits))
    return found == best, {"LS0": found, "best AUC": best}


@claim(
    "ls1-is-a-maximum-over-vertices",
    "LS1 = max <w, s> / sum |<w, m>|, s = sum m over all differences m: in the plane the best w is "
    "orthogonal to some m.",
    source=Source(PAPER, "the measure, reconstructed", Known.MEMORY),
    topic=TOPIC,
    instances=_plane_sets,
)
def ls1_over_vertices(sets: Sets, limits: Limits) -> Found:
    differences = _differences(sets)
    s = [sum(column) for column in zip(*differences, strict=True)]
    best = Fraction(0)
    for w in _critical(sets):
        total = sum(abs(inner(w, m)) for m in differences)
        best = max(best, inner(w, s) / total if total else Fraction(0))
    found = _value(ls1(*sets, limits=limits))
    return found == best, {"LS1": found, "over vertices": best}


Moved = tuple[Sets, list[list[Fraction]]]  # and the rows of a linear map


def _moved_sets(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Moved]]:
    for name, sets in _plane_sets(rng, size):
        matrix = rng.integers(-3, 4, size=(2, 2))
        matrix[0, 0] += 7 * (matrix[0, 0] * matrix[1, 1] == matrix[0, 1] * matrix[1, 0])
        yield name, (sets, _fractions(matrix))


def _is_invertible(case: Moved, limits: Limits) -> bool:
    (a, b), (c, d) = case[1]
    return a * d != b * c


@claim(
    "separability-is-affinely-invariant",
    "LS0, LS1 and the directional measure do not change if both sets are moved by one invertible "
    "affine map.",
    source=Source(PAPER, "the measures; invariance is polyrelu's", Known.DERIVED),
    topic=TOPIC,
    instances=_moved_sets,
    hypotheses=[Hypothesis("the map is invertible", _is_invertible)],
)
def separability_is_invariant(case: Moved, limits: Limits) -> Found:
    sets, matrix = case
    moved = [[[inner(row, x) + 1 for row in matrix] for x in points] for points in sets]
    values = [
        [_value(measure(*of, limits=limits)) for measure in (ls0, ls1, directional_separability)]
        for of in (sets, moved)
    ]
    return values[0] == values[1], {"before": values[0], "after": values[1]}


@claim(
    "ball-degree-tells-separability",
    "The smallest ball that holds all m / |m| has a radius below 1 iff the sets are linearly "
    "separable.",
    source=Source("Zhong and Lyu 2024", known=Known.CODE),
    topic=TOPIC,
    instances=_plane_sets,
)
def ball_tells_separability(sets: Sets, limits: Limits) -> Found:
    """Judged by LS0, which is 1 iff some open half space has all differences."""
    degree, separable = ball_degree(*sets, limits=limits), _value(ls0(*sets, limits=limits)) == 1
    if degree.low <= 0 < degree.high:
        raise IncompleteError(f"the degree is known to be in {degree.bounds} only")
    holds = (degree.low > 0) == separable
    return holds, {"1 - radius": [degree.low, degree.high], "separable": separable}


@claim(
    "directional-measure-at-its-ends",
    "The directional measure is 0 iff the sets are linearly separable, and 1 iff the second lies "
    "in the hull of the first.",
    source=Source("arXiv 2606.08721", known=Known.NOTE),
    topic=TOPIC,
    instances=_plane_sets,
)
def directional_at_its_ends(sets: Sets, limits: Limits) -> Found:
    a, b = sets
    found = _value(directional_separability(a, b, limits=limits))
    separable = bool(is_linearly_separable(a, b))
    inside = not any(is_linearly_separable(a, [point]) for point in b)
    holds = (found == 0) == separable and (found == 1) == inside
    return holds, {"measure": found, "separable": separable, "inside": inside}


Known1 = tuple[Sets, Fraction, Fraction]


def _known_values(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Known1]]:
    yield "XOR", (XOR, Fraction(1, 2), Fraction(0))


@claim(
    "separability-of-xor",
    "XOR has LS0 = 1/2 and LS1 = 0.",
    source=Source("polyrelu", "both means are the same", Known.DERIVED),
    topic=TOPIC,
    instances=_known_values,
)
def separability_of_xor(case: Known1, limits: Limits) -> Found:
    sets, first, second = case
    found = _value(ls0(*sets, limits=limits)), _value(ls1(*sets, limits=limits))
    return found == (first, second), {"LS0": found[0], "LS1": found[1]}


# --- after a layer -----------------------------------------------------------------------------

Layered = tuple[Sets, Callable[[list[Fraction]], list[Fraction]]]


def _relu(x: list[Fraction]) -> list[Fraction]:
    return [max(v, Fraction(0)) for v in x]


def _doubled(x: list[Fraction]) -> list[Fraction]:
    return _relu(x) + _relu([-v for v in x])


def _after(case: Layered) -> Sets:
    sets, layer = case
    a, b = ([layer(x) for x in points] for points in sets)
    return a, b


def _through_doubling(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Layered]]:
    for name, (a, b) in _plane_sets(rng, size):
        yield name, ((a[:3], b[:3]), _doubled)


@claim(
    "doubling-keeps-separability",
    "x -> (ReLU(x), ReLU(-x)) does not lower LS0 or LS1, as x is a linear image of it.",
    source=Source("polyrelu", known=Known.DERIVED),
    topic=TOPIC,
    instances=_through_doubling,
)
def doubling_keeps_separability(case: Layered, limits: Limits) -> Found:
    before = [_value(measure(*case[0], limits=limits)) for measure in (ls0, ls1)]
    after = [_value(measure(*_after(case), limits=limits)) for measure in (ls0, ls1)]
    holds = all(a <= b for a, b in zip(before, after, strict=True))
    return holds, {"before": before, "after": after}


def _through_relu(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Layered]]:
    yield "a = -1, b = -2", ((_fractions(np.array([[-1]])), _fractions(np.array([[-2]]))), _relu)
    for name, sets in _plane_sets(rng, size):
        yield name, (sets, _relu)


@claim(
    "relu-keeps-separability",
    "A ReLU layer does not lower LS0.",
    source=Source("polyrelu", "a reading of 'later layers are more separable'", Known.DERIVED),
    topic=TOPIC,
    instances=_through_relu,
    refuted="The sets {-1} and {-2} of the line are separable, LS0 = 1, and both become {0}. It "
    "holds if the input is a linear image of the output (doubling-keeps-separability).",
)
def relu_keeps_separability(case: Layered, limits: Limits) -> Found:
    before, after = (_value(ls0(*sets, limits=limits)) for sets in (case[0], _after(case)))
    return before <= after, {"before": before, "after": after}


def _touching(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Sets]]:
    pair = np.array([[0, 0], [1, 0]]), np.array([[1, 0], [2, 1]])
    yield "two segments with a common end", (_fractions(pair[0]), _fractions(pair[1]))
    yield from _plane_sets(rng, size)


@claim(
    "ls1-tells-separability",
    "LS1 = 1 iff the sets are linearly separable.",
    source=Source(PAPER, "as one reads the measure", Known.MEMORY),
    topic=TOPIC,
    instances=_touching,
    refuted="The segments from (0, 0) to (1, 0) and from (1, 0) to (2, 1) share a point, and LS1 = "
    "1: weak separation is enough.",
)
def ls1_tells_separability(sets: Sets, limits: Limits) -> Found:
    found, separable = _value(ls1(*sets, limits=limits)), bool(is_linearly_separable(*sets))
    return (found == 1) == separable, {"LS1": found, "separable": separable}
