"""How far is it to the nearest input at which the decision changes?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from ..activations import exact
from ..answer import Status
from ..domain import Domain, Slice
from ..errors import DomainError, NetworkError
from ..exact_program import NORMS, length
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network
from ..notebook import InNotebook
from ..progress import Progress, reporter
from ..rational import ExactPoint, dot_point
from .robust_certificate import RobustnessCertificate
from .robust_search import Outcome, Question, Search
from .singular import down, root_down, root_up, up
from .where import resolve, why_stopped


@dataclass(frozen=True)
class RobustRadius(InNotebook):
    """How far it is from a point to the nearest one at which its decision is not the only best.

    Attributes:
        status: PROVED; or UNKNOWN: a limit was reached.
        reason: one sentence.
        norm: 1, 2 or inf.
        label: the decision at x (of one output: 1 above the level, 0 below).
        radius: the distance, rounded down; infinite if the decision is the same everywhere. If
            UNKNOWN: a distance within which it certainly does not change.
        upper: the distance, rounded up; if UNKNOWN: that of ``point``.
        exact: the distance, in the norms 1 and inf; None if it is infinite or UNKNOWN.
        exact_squared: its square, in every norm; likewise.
        point: the nearest point at which the decision changes, exactly; if UNKNOWN the nearest one
            found; or None. In the norms 1 and inf others may be as near.
        rival: a decision that is as good there (the first one if several are).
        regions_visited: how many regions were looked at.
        certificate: of a proof: :func:`polyrelu.verify.check_robustness`.
        stats: what it took.
    """

    status: Status
    reason: str
    norm: float
    label: int
    radius: float
    upper: float
    exact: Fraction | None
    exact_squared: Fraction | None
    point: ExactPoint | None
    rival: int | None
    regions_visited: int
    certificate: RobustnessCertificate | None = None
    stats: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        bounds = f"[{self.radius!r}, {self.upper!r}]"
        return (
            f"RobustRadius({self.status.name}: {bounds} in the norm {self.norm}, rival "
            f"{self.rival}, {self.regions_visited} regions visited)"
        )


def robust_radius(
    network: Layer | Network | RegionGraph,
    x: Sequence[float | Fraction],
    domain: Domain | Slice | None = None,
    *,
    norm: float = 2,
    label: int | None = None,
    level: float | Fraction = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> RobustRadius:
    """The exact distance from x to the nearest point of the domain where its decision changes.

    With several outputs the decision is the greatest one, and it changes where another output is
    as great. With one output it is whether that is above the level, and it changes where the output
    is equal to the level. Regions are visited outward from x, and only those that are nearer than
    the radius; then no others are enumerated.

    Args:
        network: or a region graph, whose network and domain are meant then (its regions are not
            needed).
        x: shape (dim,), floats or fractions, a point of the domain (of a slice: its coordinates),
            on walls or not.
        domain: default the network's input box, else R^n. Points outside of it do not count.
        norm: 1, 2 or ``numpy.inf``, in the domain's coordinates.
        label: what the decision at x should be. If it is another one the radius is 0.
        level: of a network with one output.
        limits: ``regions`` bounds the regions visited. The answer is UNKNOWN then, with bounds.
        progress: as of :func:`polyrelu.regions`; counts regions visited.

    Raises:
        DomainError: x has the wrong shape, is not finite, or lies outside of the domain; the domain
            does not fit.
        NetworkError: there is no such label; a level for several outputs.
        ValueError: an unknown norm.

    The cost is that of the regions nearer than the radius, times the thresholds whose walls are: an
    exact quadratic or linear program each, 0.2 to 1 ms in few dimensions. It can be exponential in
    the number of thresholds. Method and proof: docs/robustness.md.
    """
    norm = checked_norm(norm)
    net, where = _place(network, domain)
    point = checked_point(where, x)
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits must be a polyrelu.Limits, not {limits!r}")
    if net.output_dim == 1:
        decision, rivals = _sides(net, point, exact_level(level), label)
    else:
        if level != 0:
            raise NetworkError(f"a level is for one output, but there are {net.output_dim}")
        decision, rivals = _classes(net, point, label)
    wanted = decision if label is None else int(label)
    question = RobustnessCertificate(
        net, where, point, norm, exact_level(level), wanted, None, None, ()
    )
    if not rivals:
        return _at_once(question, decision)
    search = Search(Question(net, where, point, norm, rivals), limits or Limits(),
                    reporter(progress))  # fmt: skip
    return _answer(question, search.run(), search.scale)


def checked_norm(norm: float) -> float:
    """1, 2 or inf, as a plain number."""
    if isinstance(norm, bool | str) or norm not in NORMS:
        raise ValueError(f"norm must be 1, 2 or numpy.inf, not {norm!r}")
    return math.inf if math.isinf(norm) else int(norm)


def checked_point(domain: Domain, x: Sequence[float | Fraction]) -> ExactPoint:
    """A point of a domain as fractions."""
    try:
        values = np.asarray(x, dtype=object)
        point = tuple(exact(v) for v in values.ravel().tolist())
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainError(f"x must be finite real numbers ({error})") from None
    if values.shape != (domain.dim,):
        raise DomainError(f"x must have shape ({domain.dim},), not {values.shape}")
    for k, g in enumerate(domain.inequalities()):
        if dot_point(g, point) < 0:
            raise DomainError(f"x is outside of the domain: it violates inequality {k}")
    return point


def _place(
    what: Layer | Network | RegionGraph, domain: Domain | Slice | None
) -> tuple[Network, Domain]:
    if isinstance(what, RegionGraph):
        if domain is not None:
            raise DomainError("a region graph has its domain already")
        return what.network, what.domain
    return resolve(what, domain)


def exact_level(level: float | Fraction) -> Fraction:
    try:
        return exact(level)
    except (TypeError, ValueError, OverflowError) as error:
        raise NetworkError(f"level must be a finite number ({error})") from None


Rivals = dict[int, tuple[Fraction, ...]]


def _sides(
    network: Network, x: ExactPoint, level: Fraction, label: int | None
) -> tuple[int, Rivals]:
    """Above the level (1) or not (0); no rivals if x is on it, or not where it should be."""
    if label not in (None, 0, 1):
        raise NetworkError(f"with one output label must be 0 (below) or 1 (above), not {label!r}")
    (value,), _ = network.exact(x)
    decision = int(value > level)
    if value == level or label not in (None, decision):
        return decision, {}
    sign = Fraction(-1 if decision else 1)
    return decision, {1 - decision: (sign, -sign * level)}


def _classes(network: Network, x: ExactPoint, label: int | None) -> tuple[int, Rivals]:
    """The class of x; no rivals if another is as good, or it is not what it should be."""
    n = network.output_dim
    if label is not None and (not isinstance(label, int | np.integer) or not 0 <= label < n):
        raise NetworkError(f"label must be one of the classes 0, ..., {n - 1}, not {label!r}")
    values, _ = network.exact(x)
    best = max(values)
    decision = values.index(best)
    if values.count(best) > 1 or label not in (None, decision):
        return decision, {}
    rivals = {}
    for j in range(n):
        if j != decision:
            weights = [Fraction(int(i == j) - int(i == decision)) for i in range(n)]
            rivals[j] = (*weights, Fraction(0))
    return decision, rivals


def rivals_at(network: Network, point: ExactPoint, label: int, level: Fraction) -> list[int]:
    """The decisions that are as good as the label at a point, or better, exactly."""
    values, _ = network.exact(point)
    if len(values) == 1:
        beaten = values[0] <= level if label else values[0] >= level
        return [1 - label] if beaten else []
    return [j for j, v in enumerate(values) if j != label and v >= values[label]]


def _at_once(question: RobustnessCertificate, found: int) -> RobustRadius:
    """The radius 0."""
    x, zero, label = question.x, Fraction(0), question.label
    rivals = rivals_at(question.network, x, label, question.level)
    if found == label:
        reason, rival = "at x two decisions are equally good", rivals[0]
    else:
        reason, rival = f"the decision at x is {found}, not {label}", found
    proof = replace(question, distance=zero, point=x)
    return RobustRadius(Status.PROVED, reason, question.norm, label, 0.0, 0.0,
                        zero if question.norm != 2 else None, zero, x, rival, 0, proof)  # fmt: skip


def _answer(question: RobustnessCertificate, found: Outcome, scale: int) -> RobustRadius:
    """From the search's coordinates to the domain's."""
    norm, distance, square, point = question.norm, None, None, None
    upper, rival = math.inf, None
    if found.best is not None:
        pairs = zip(question.x, found.best.point, strict=True)
        point = tuple(x + u / scale for x, u in pairs)
        distance = length([u / scale for u in found.best.point], norm)
        square = distance if norm == 2 else distance * distance
        upper = root_up(square) if norm == 2 else up(distance)
        rival = rivals_at(question.network, point, question.label, question.level)[0]
    stats = {"seconds": found.seconds, "programs": found.programs}
    visited = len(found.parts)
    if found.stopped_by is not None:
        low = found.low if math.isinf(found.low) else down(Fraction(found.low) / scale)
        reason = why_stopped(found.stopped_by, f"{visited} regions")
        return RobustRadius(Status.UNKNOWN, reason, norm, question.label, low, upper, None, None,
                            point, rival, visited, None, stats)  # fmt: skip
    proof = replace(question, distance=distance, point=point, parts=tuple(found.parts))
    if distance is None or square is None:
        reason = f"the decision is the same everywhere: all {visited} regions were visited"
        radius = math.inf
    else:
        reason = f"no other decision is nearer, in {visited} regions"
        radius = root_down(square) if norm == 2 else down(distance)
    own = distance if norm != 2 else None
    return RobustRadius(Status.PROVED, reason, norm, question.label, radius, upper, own, square,
                        point, rival, visited, proof, stats)  # fmt: skip
