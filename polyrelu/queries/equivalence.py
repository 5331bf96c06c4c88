"""Are two networks the same function on a domain? Exactly, by the regions of both together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from flint import fmpz_mat

from ..answer import Answer, Status
from ..domain import Domain, Slice, Space
from ..enumeration import regions
from ..errors import DomainError, NetworkError
from ..graph import RegionGraph
from ..joint import Matching, joint_network
from ..limits import Limits
from ..network import FieldsOnly, Layer, Network
from ..progress import Progress
from ..rational import (
    ExactPoint,
    IntegerRow,
    dot,
    dot_point,
    integer_row,
    margin,
    primitive,
    rows_of,
)
from ..region import region_forms
from .values import CHUNK, homogeneous_values
from .where import as_network, resolve, stopped, why_stopped
from .witness import Difference

FEW_REGIONS = 1000  # looked at first: networks that differ seldom do so on few regions
RANDOM_POINTS = 64


@dataclass(frozen=True, eq=False, repr=False)
class EquivalenceCertificate(FieldsOnly):
    """Why two networks are the same function on a domain.

    Attributes:
        first, second: the networks (for a slice: restricted to it); ``domain``: where.
        matching: for each layer and unit of the second network the unit of the first that is the
            same function, or None. If all outputs are matched this is the proof.
        graph: else the regions of both networks together, on each of which both are affine and
            the same.
    """

    first: Network
    second: Network
    domain: Domain
    matching: Matching
    graph: RegionGraph | None = field(default=None)

    def __repr__(self) -> str:
        by = "matched units" if self.graph is None else f"{len(self.graph)} regions"
        return f"EquivalenceCertificate({by})"


def equivalent(
    first: Layer | Network,
    second: Layer | Network,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Answer:
    """Are two networks exactly the same function on a domain, as functions over the rationals?

    Rounding of float64 evaluation plays no part: weights that differ in the last bit are other
    functions, unless the difference cancels.

    Args:
        domain: default the input box that they share, or R^n if neither has one.

    Returns:
        PROVED with a certificate (:func:`polyrelu.verify.check_equivalence` checks it),
        REFUTED with a :class:`Difference` as witness: a rational point and both outputs there; or
        UNKNOWN, if a limit was reached first.

    Both run side by side as one network, in which neurons that are exactly the same in both are
    there once (:mod:`polyrelu.joint`). If that leaves no difference, no region is looked at. Else
    the outputs are compared at some points, in integers, and on the joint network's regions. The
    difference of the outputs is continuous, and affine on each region: if it is 0 on one region it
    is 0 on the facet to each neighbour, and on the neighbour too iff it is 0 at one point inside.
    So one exact value per region decides. The cost is that of enumerating the regions of both
    networks together, and some 20 us per region.

    Raises:
        NetworkError: they do not have as many inputs, or as many outputs.
        DomainError: the domain is empty or does not fit; or none is given and their input boxes
            differ.
    """
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits must be a polyrelu.Limits, not {limits!r}")
    pair = as_network(first), as_network(second)
    for name in ("input_dim", "output_dim"):
        here, there = (getattr(network, name) for network in pair)
        if here != there:
            what = f"{name.removesuffix('_dim')}s"
            raise NetworkError(f"both networks must have as many {what}, not {here} and {there}")
    domain = _shared_box(*pair) if domain is None else domain
    joint = joint_network(*pair)
    network, where = resolve(joint.difference, domain)
    one, other = (resolve(each, domain)[0] for each in pair)
    comparison = _Comparison(one, other, network, where)
    where.chart()  # an empty domain has no answer
    if joint.same_outputs:
        certificate = EquivalenceCertificate(one, other, where, joint.matching)
        reason = "they have the same neurons, in some order, and the same outputs of these"
        return Answer(Status.PROVED, reason, certificate=certificate, stats={"regions": 0})
    witness = comparison.at(_some_points(where))
    if witness is not None:
        return _refuted(witness, {"regions": 0})
    return _decide(comparison, joint.matching, limits or Limits(), progress)


def _shared_box(first: Network, second: Network) -> Domain:
    boxes = [network.input_box for network in (first, second)]
    given = [box for box in boxes if box is not None]
    if len({(tuple(box.low), tuple(box.high)) for box in given}) > 1:
        raise DomainError(f"the networks have different input boxes, {boxes[0]} and {boxes[1]}; "
                          f"give a domain")  # fmt: skip
    return given[0] if given else Space(first.input_dim)


def _refuted(witness: Difference, stats: dict[str, object]) -> Answer:
    return Answer(Status.REFUTED, "at some point the outputs differ", witness=witness, stats=stats)


@dataclass(frozen=True)
class _Comparison:
    """Two networks, and the one that computes their difference on a domain."""

    first: Network
    second: Network
    difference: Network
    domain: Domain

    def at(self, points: list[ExactPoint]) -> Difference | None:
        """The first of some points at which the outputs differ."""
        columns = [integer_row([*x, Fraction(1)]) for x in points]
        values = homogeneous_values(self.difference, columns)
        return next((self.witness(x) for x, y in zip(points, values, strict=True) if any(y[:-1])),
                    None)  # fmt: skip

    def witness(self, x: ExactPoint) -> Difference:
        """What both networks give, without the joint one."""
        found = Difference(x, self.first.exact(x)[0], self.second.exact(x)[0])
        assert found.first != found.second, "the outputs differ at the point of a refutation"
        return found

    def within(self, graph: RegionGraph, index: int) -> Difference | None:
        """Some point of a region where the outputs differ, if they do and not at its witness."""
        matrix = graph.domain.chart().matrix
        form = region_forms(self.difference, graph.pattern(index))[-1]
        slopes = [row[:-1] for row in rows_of(form * matrix)[:-1]]
        slope = next((row for row in slopes if any(row)), None)
        if slope is None:
            return None
        upwards = [dot(row[:-1], slope) for row in rows_of(matrix)[:-1]]
        x = graph.exact_point(index)
        steps = [
            dot_point(g, x) / -fall
            for g in graph[index].inequality_rows
            if (fall := Fraction(dot(g[:-1], upwards))) < 0
        ]
        step = min(steps, default=Fraction(2)) / 2
        return self.witness(tuple(a + step * v for a, v in zip(x, upwards, strict=True)))


def _decide(
    comparison: _Comparison, matching: Matching, limits: Limits, progress: bool | Progress
) -> Answer:
    """On a few regions, then on all."""
    began = time.perf_counter()
    few = min(FEW_REGIONS, limits.regions or FEW_REGIONS)
    answer = Answer(Status.UNKNOWN, "nothing was looked at")
    for bounds in (replace(limits, regions=few), limits):
        left = bounds.after(time.perf_counter() - began)
        graph = regions(comparison.difference, comparison.domain, limits=left, progress=progress)
        answer = _on_regions(comparison, matching, graph, limits, began)
        if graph.stopped_by != "regions" or answer.refuted or few == limits.regions:
            break
    return replace(answer, stats={"regions": len(graph), "seconds": time.perf_counter() - began})


def _on_regions(
    comparison: _Comparison, matching: Matching, graph: RegionGraph, limits: Limits, began: float
) -> Answer:
    for done, points in _witnesses(graph):
        witness = comparison.at(points)
        if witness is not None:
            return _refuted(witness, {})
        # Of an enumeration that a limit has stopped, what was found is still looked at.
        by = limits.reached(0, time.perf_counter() - began, 0, None) if graph.complete else None
        if by is not None and done < len(graph):
            return Answer(Status.UNKNOWN, why_stopped(by, f"a look at {done} regions"))
    if len(graph):
        witness = comparison.within(graph, 0)
        if witness is not None:
            return _refuted(witness, {})
    if not graph.complete:
        return Answer(Status.UNKNOWN, stopped(graph))
    certificate = EquivalenceCertificate(
        comparison.first, comparison.second, comparison.domain, matching, graph
    )
    reason = "on every region of both together their maps are the same"
    return Answer(Status.PROVED, reason, certificate=certificate)


def _witnesses(graph: RegionGraph) -> Iterator[tuple[int, list[ExactPoint]]]:
    """Points inside all regions, some at a time, and how many regions that makes."""
    for start in range(0, len(graph), CHUNK):
        end = min(start + CHUNK, len(graph))
        yield end, [graph.exact_point(i) for i in range(start, end)]


def _some_points(domain: Domain) -> list[ExactPoint]:
    """A point inside, and others on rays from it: what differs nearly everywhere differs there."""
    chart = domain.chart()
    start = _inside(chart.constraints, chart.dim)
    rng = np.random.default_rng(0)
    directions = rng.integers(-99, 100, size=(RANDOM_POINTS, chart.dim)).tolist()
    local = [start]
    if chart.dim and chart.constraints:
        rows = fmpz_mat([list(g[:-1]) for g in chart.constraints])
        falls = (rows * fmpz_mat(directions).transpose()).transpose().table()
        heights = [dot_point(g, start) for g in chart.constraints]
    else:
        falls, heights = [[] for _ in directions], []
    for direction, fall in zip(directions, falls, strict=True):
        ends = [h / -int(f) for h, f in zip(heights, fall, strict=True) if f < 0]
        share = Fraction(int(rng.integers(1, 64)), 64)
        step = share * min(ends, default=Fraction(2) ** int(rng.integers(-8, 9)))
        local.append(tuple(y + step * v for y, v in zip(start, direction, strict=True)))
    return [_placed(rows_of(chart.matrix), y) for y in local]


def _inside(constraints: tuple[tuple[int, ...], ...], dim: int) -> ExactPoint:
    """An interior point of a chart's constraints."""
    if all(g[-1] > 0 for g in constraints):
        return (Fraction(0),) * dim
    return margin([list(g) for g in constraints]).point


def _placed(matrix: list[IntegerRow], y: ExactPoint) -> ExactPoint:
    """A point of the domain from its coordinates in the chart."""
    column = integer_row([*y, Fraction(1)])
    *x, scale = primitive([dot(row, column) for row in matrix])
    return tuple(Fraction(v, scale) for v in x)
