"""Re-checking a region graph with code that shares nothing with the engine that made it.

The engine splits cells in float64 behind error bounds; here all arithmetic is rational, forms
are composed anew from patterns, and vertices come from a double description of our own, or at
the last level from cddlib. Levels are cumulative, in rising cost (2-8-8 to 3-25x5):

``patterns`` (0.3-5 ms a region)
    The point of each region lies in the relative interior of the domain and has exactly the
    region's pattern, by a rational forward pass. A pre-activation may be 0 there only if its
    form is identically 0 on the region. No two regions have the same pattern.
``adjacency`` (microseconds a region)
    "Touches" is symmetric, names a pair once, and joins different patterns; the threshold
    of a facet changes its bit there. A complete graph has no unexplored facet and is connected,
    as the domain is convex.
``geometry`` (2-30 ms a region)
    The listed facets bound the region, no more and no less: each is (d-1)-dimensional, and the
    vertices and rays that they have satisfy every threshold and the domain. Each facet lies in
    the closure of its neighbour, whose wall there is the same hyperplane seen from behind. With
    all regions of a complete graph also their union: volumes add up to the domain's, and the
    Euler characteristic of the complex (by compact supports) is the domain's.
``judge`` (0.05-1.5 s a region; needs ``polyrelu[cdd]``)
    ``cdd.gmp`` gets all thresholds and the domain: what exact LP finds irredundant must be the
    facets, its vertices and rays those of :class:`~polyrelu.region.Region`; one exact step
    through each facet lands in the neighbour, by a rational forward pass.

If every region passes ``geometry``, no region is missing: whoever leaves one through a facet
is in another, and the domain is connected even without its faces of codimension 2.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import factorial, gcd, lcm, prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat

from .errors import MissingExtraError, PolyreluError
from .network import Network

if TYPE_CHECKING:
    from .graph import RegionGraph

LEVELS = ("patterns", "adjacency", "geometry", "judge")
SHOWN_FAILURES = 10
EXACT_SUM_REGIONS = 500  # beyond, volumes are summed in fixed point, rounded down
VOLUME_BITS = 1024
VOLUME_DIM, EULER_DIM, EULER_REGIONS = 6, 4, 50_000

Row = list[int]
Progress = Callable[[int, float], None]
Ints = npt.NDArray[np.int64]


class VerificationError(PolyreluError, AssertionError):
    """A region graph did not pass; the message is the table of :class:`Verification`."""


@dataclass(frozen=True)
class Failure:
    """What is wrong, in a sentence, and with which region (None: with the whole)."""

    region: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.region is None else f"region {self.region}: {self.message}"


@dataclass(frozen=True)
class Check:
    """One line of a verification.

    Attributes:
        level, name, claim: what was checked.
        checked: how many things (regions, facets, ...) were looked at.
        failed: how many failures there were; ``failures`` holds the first of them.
        note: how it was done, or why it was not.
    """

    level: str
    name: str
    claim: str
    checked: int
    failed: int
    failures: tuple[Failure, ...]
    note: str

    @property
    def ok(self) -> bool:
        return self.failed == 0

    def __str__(self) -> str:
        state = "FAIL" if self.failed else "ok" if self.checked else "-"
        note = f" ({self.note})" if self.note else ""
        line = f"{state:<5}{self.level:<10} {self.name:<12}{self.checked:>9,}  {self.claim}{note}"
        more = self.failed - len(self.failures)
        rest = [f"and {more:,} more"] if more else []
        return "\n".join([line, *(f"       {f}" for f in [*self.failures, *rest])])


@dataclass(frozen=True)
class Verification:
    """The outcome of :func:`verify`: true iff no check failed.

    Attributes:
        level: up to which level.
        regions: how many regions the graph has; ``sample``: how many were looked at one by one.
        seconds: what it took.
        checks: one for each claim.
    """

    level: str
    regions: int
    sample: int
    seconds: float
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def failures(self) -> tuple[Failure, ...]:
        return tuple(f for check in self.checks for f in check.failures)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        which = "all" if self.sample == self.regions else f"{self.sample:,} of"
        title = (
            f"{'passed' if self.ok else 'FAILED'}: level {self.level}, {which} "
            f"{self.regions:,} regions, {self.seconds:.1f} s"
        )
        return "\n".join([title, *map(str, self.checks)])

    def raise_if_failed(self) -> None:
        """Raises:
        VerificationError: a check failed.
        """
        if not self.ok:
            raise VerificationError(str(self))


@dataclass
class _Tally:
    """A check while it runs."""

    level: str
    name: str
    claim: str
    checked: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    note: str = ""

    def fail(self, region: int | None, message: str) -> None:
        self.failed += 1
        if len(self.failures) < SHOWN_FAILURES:
            self.failures.append(Failure(region, message))

    def fail_each(self, regions: Iterable[int], message: Callable[[int], str]) -> None:
        for k, i in enumerate(regions):
            self.fail(int(i), message(k))

    def done(self) -> Check:
        return Check(self.level, self.name, self.claim, self.checked, self.failed,
                     tuple(self.failures), self.note)  # fmt: skip


def verify(
    graph: RegionGraph,
    level: str = "geometry",
    *,
    sample: int | None = None,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Verification:
    """Re-check a region graph; see :mod:`polyrelu.verify` for the levels.

    Args:
        level: "patterns", "adjacency", "geometry" or "judge"; each includes those before it.
        sample: look at so many regions one by one, drawn at random by ``seed``, not at all.
            Distinctness of patterns and adjacency are always checked of all.
        progress: True writes to stderr if it is a terminal; or a function that is called with
            the number of regions checked (summed over levels) and the seconds.

    An incomplete graph is verified for what it holds. A wrong graph gives failures, not
    exceptions.

    Raises:
        ValueError: there is no such level, or ``sample`` is negative.
        MissingExtraError: level "judge" without pycddlib.
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, not {level!r}")
    if sample is not None and sample < 0:
        raise ValueError(f"sample must be None or a number of regions, not {sample}")
    depth = LEVELS.index(level)
    cdd = _import_cdd() if level == "judge" else None
    began = time.perf_counter()
    columns = _check_columns(graph)
    checks, chosen = [columns], range(0)
    if columns.ok:
        run = _Run(graph, _choose(len(graph), sample, seed), _reporter(progress))
        chosen = run.chosen
        checks += _check_patterns(run)
        checks += _check_adjacency(run) if depth >= 1 else []
        checks += _check_geometry(run) if depth >= 2 else []
        checks += _check_by_judge(run, cdd) if depth >= 3 else []
        run.close()
    seconds = time.perf_counter() - began
    return Verification(level, len(graph), len(chosen), seconds, tuple(checks))


def _choose(n: int, sample: int | None, seed: int) -> Any:
    if sample is None or sample >= n:
        return range(n)
    return np.sort(np.random.default_rng(seed).choice(n, sample, replace=False)).tolist()


def _reporter(progress: bool | Progress) -> Progress | None:
    if callable(progress):
        return progress
    if progress and sys.stderr.isatty():
        from .progress import Meter

        return Meter()
    return None


# -- exact forms, composed anew ------------------------------------------------------------------


def _primitive(row: Sequence[int]) -> Row:
    common = gcd(*row)
    return [v // common for v in row] if common > 1 else list(row)


def _reduced(row: Sequence[Any]) -> Row:
    """:func:`_primitive` of flint integers."""
    return _primitive([int(v) for v in row])


def _over_common(values: Sequence[Fraction]) -> Row:
    """A positive integer multiple."""
    scale = lcm(*(v.denominator for v in values))
    return [v.numerator * (scale // v.denominator) for v in values]


def _combined(a: int, row: Sequence[int], b: int, other: Sequence[int]) -> Row:
    if b:
        return [a * v + b * w for v, w in zip(row, other, strict=True)]
    return list(row) if a == 1 else [a * v for v in row]


def _dot(row: Sequence[Any], column: Sequence[Any]) -> Any:
    return sum(a * b for a, b in zip(row, column, strict=True))


def _pivots(rows: fmpz_mat) -> list[int]:
    reduced, _, rank = rows.rref()
    table = reduced.table()
    return [next(j for j, v in enumerate(table[r]) if v != 0) for r in range(rank)]


class _Forms:
    """The threshold forms of a network on the regions of patterns, in given coordinates.

    ``start`` takes homogeneous coordinates to homogeneous inputs, up to a positive factor. The
    row of a threshold is oriented by the pattern's bit: positive inside the region.
    """

    def __init__(self, network: Network, start: fmpz_mat) -> None:
        self.start, self.layers = start, []
        depth = max((layer + 1 for layer, _, _ in network.thresholds), default=0)
        for layer in network.layers[:depth]:
            pieces = [[unit.piece(k) for k in range(len(unit.slopes))] for unit in layer.units]
            scale = lcm(*(v.denominator for unit in pieces for piece in unit for v in piece))
            scaled = [[(int(a * scale), int(c * scale)) for a, c in unit] for unit in pieces]
            bends = [unit.breakpoints for unit in layer.units]
            self.layers.append((layer.integer_matrix, bends, scaled, scale))

    def rows(self, bits: Row) -> list[Any]:
        """One row of flint integers for each threshold."""
        values, rows, t = self.start, [], 0
        for matrix, bends, pieces, scale in self.layers:
            *forms, bottom = (matrix * values).table()
            outputs = []
            for form, breakpoints, piece in zip(forms, bends, pieces, strict=True):
                k = 0
                for b in breakpoints:
                    sign = 1 if bits[t] else -1
                    rows.append(_combined(sign * b.denominator, form, -sign * b.numerator, bottom))
                    k += bits[t]
                    t += 1
                outputs.append(_combined(piece[k][0], form, piece[k][1], bottom))
            outputs.append(_combined(scale, bottom, 0, bottom))
            values = fmpz_mat(outputs)
        return rows


class _Run:
    """What the checks share: the graph, the regions to look at, exact forms, the clock."""

    def __init__(self, graph: RegionGraph, chosen: Any, progress: Progress | None) -> None:
        self.graph, self.chosen, self.progress = graph, chosen, progress
        self.chart = graph.domain.chart()
        self.dim = self.chart.dim
        self.hull = self.chart.matrix
        self.inequalities = [_primitive(g) for g in graph.domain.inequalities()]
        self.flat = [not any(self.on_hull(g)) for g in self.inequalities]
        one = fmpz_mat([[int(i == j) for j in range(graph.dim + 1)] for i in range(graph.dim + 1)])
        forms, inputs = _Forms(graph.network, self.hull), _Forms(graph.network, one)
        self.rows = lru_cache(4096)(lambda i: forms.rows(self.bits(i)))  # in the chart
        self.input_rows = lru_cache(256)(lambda i: [_reduced(g) for g in inputs.rows(self.bits(i))])
        self._began, self._steps = time.perf_counter(), 0

    def bits(self, i: int) -> Row:
        return [int(b) for b in self.graph.pattern(i)]

    def on_hull(self, row: Row) -> Row:
        """A row in the domain's coordinates as one in the chart's."""
        return _reduced((fmpz_mat([row]) * self.hull).entries())

    def facets(self, i: int) -> list[tuple[int, int]]:
        """(name, neighbour) of each facet."""
        here = slice(*self.graph.indptr[i : i + 2].tolist())
        return list(zip(self.graph.facets[here].tolist(), self.graph.neighbor[here].tolist(),
                        strict=True))  # fmt: skip

    def wall(self, i: int, name: int) -> Row:
        """The row of a facet in the chart, positive inside."""
        if name >= 0:
            return _reduced(self.rows(i)[name])
        return self.on_hull(self.inequalities[-1 - name])

    def step(self) -> None:
        self._steps += 1
        if self.progress is not None:
            self.progress(self._steps, time.perf_counter() - self._began)

    def close(self) -> None:
        close = getattr(self.progress, "close", None)
        if close is not None:
            close()

    def misplaced(self, point: Sequence[Fraction], i: int) -> str | None:
        """Why a rational point is not strictly inside region i; None if it is."""
        for k, (g, flat) in enumerate(zip(self.inequalities, self.flat, strict=True)):
            value = _dot(g[:-1], point) + g[-1]
            if value < 0 or (value == 0) != flat:
                return f"does not lie strictly within inequality {k} of the domain"
        signs = self.graph.network.exact(point)[1]
        for t, (bit, sign) in enumerate(zip(self.bits(i), signs, strict=True)):
            if sign != (1 if bit else -1) and (sign or bit or any(self.rows(i)[t])):
                return f"has sign {sign} at threshold {t}, where the pattern has bit {bit}"
        return None


# -- level "patterns" ----------------------------------------------------------------------------


def _check_columns(graph: RegionGraph) -> Check:
    """Without this the graph cannot be read, and nothing else is checked."""
    tally = _Tally("patterns", "columns", "the columns of the graph fit together", len(graph))
    n, n_bits, n_facets = len(graph), len(graph.network.thresholds), len(graph.facets)
    pointers, facets, neighbor = graph.indptr, graph.facets, graph.neighbor
    if graph.packed_patterns.shape != (n, (n_bits + 7) // 8):
        tally.fail(None, f"{n_bits} thresholds do not fit packed_patterns' shape")
    elif n_bits % 8 and n and (graph.packed_patterns[:, -1] >> (n_bits % 8)).any():
        tally.fail(None, "packed_patterns has bits beyond the last threshold")
    if len(graph.local_witnesses) != n or len(graph.unbounded) != n:
        tally.fail(None, "local_witnesses and unbounded must have one row for each region")
    if n == 0 and graph.complete:
        tally.fail(None, "a complete graph has at least one region")
    if pointers.shape != (n + 1,) or pointers[0] != 0 or pointers[-1] != n_facets \
            or (np.diff(pointers) < 0).any():  # fmt: skip
        tally.fail(None, "indptr must rise from 0 to the number of facets")
        return tally.done()
    if neighbor.shape != (n_facets,):
        tally.fail(None, "facets and neighbor must have the same length")
        return tally.done()
    owner = np.repeat(np.arange(n), np.diff(pointers))
    first = -len(graph.domain.inequalities())
    for wrong, what in (
        ((facets < first) | (facets >= n_bits), "is neither a threshold nor an inequality"),
        ((neighbor < -2) | (neighbor >= n), "leads to a region that does not exist"),
        ((facets < 0) != (neighbor == -1), "must be named as the domain's iff it ends there"),
        (neighbor == owner, "leads back to the region itself"),
    ):
        at = np.flatnonzero(wrong)
        tally.fail_each(owner[at], lambda k, at=at, what=what: f"facet {facets[at[k]]} {what}")  # type: ignore[misc]
    return tally.done()


def _check_patterns(run: _Run) -> list[Check]:
    graph = run.graph
    inside = _Tally("patterns", "witnesses", "each region's point has its pattern, exactly")
    for i in run.chosen:
        inside.checked += 1
        why = run.misplaced(graph.exact_point(i), i)
        if why is not None:
            inside.fail(i, f"its point {why}")
        run.step()
    distinct = _Tally("patterns", "distinct", "no two regions have one pattern", len(graph))
    packed = np.ascontiguousarray(graph.packed_patterns)
    keys = packed.view((np.void, packed.shape[1])).ravel() if packed.size else np.zeros(len(graph))
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    original = first[group]
    again = np.flatnonzero(original != np.arange(len(graph)))
    distinct.fail_each(again, lambda k: f"its pattern is that of region {original[again[k]]}")
    return [inside.done(), distinct.done()]


# -- level "adjacency" ---------------------------------------------------------------------------


def _check_adjacency(run: _Run) -> list[Check]:
    graph = run.graph
    owner = np.repeat(np.arange(len(graph)), np.diff(graph.indptr))
    joined = np.flatnonzero(graph.neighbor >= 0)
    here, there = owner[joined], graph.neighbor[joined].astype(np.int64)
    return [
        _check_symmetric(len(graph), here, there),
        _check_bits(run, here, there, graph.facets[joined]),
        _check_explored(graph, owner),
        _check_connected(graph, here, there),
    ]


def _check_symmetric(n: int, here: Ints, there: Ints) -> Check:
    tally = _Tally("adjacency", "symmetric", "neighbours name each other, once", len(here))
    pair, count = np.unique(here * n + there, return_counts=True)
    alone = pair[~np.isin(pair, there * n + here)]
    tally.fail_each(alone // n, lambda k: f"names region {alone[k] % n}, which does not name it")
    twice = pair[count > 1]
    tally.fail_each(twice // n, lambda k: f"names region {twice[k] % n} more than once")
    return tally.done()


def _check_bits(run: _Run, here: Ints, there: Ints, facets: npt.NDArray[np.int32]) -> Check:
    """Where the bit does not change, the form must vanish on the other side, or bounce off."""
    tally = _Tally("adjacency", "bits", "patterns differ, by the facet's threshold", len(here))
    packed = run.graph.packed_patterns
    same = np.flatnonzero((packed[here] == packed[there]).all(axis=1))
    tally.fail_each(here[same], lambda k: f"its neighbour {there[same[k]]} has its pattern")
    if not packed.shape[1]:
        return tally.done()
    changed = ((packed[here, facets >> 3] ^ packed[there, facets >> 3]) >> (facets & 7)) & 1
    for e in np.flatnonzero(changed == 0):
        i, j, t = int(here[e]), int(there[e]), int(facets[e])
        mine, other = run.wall(i, t), run.wall(j, t)
        if not any(mine) or (any(other) and other != [-v for v in mine]):
            tally.fail(i, f"threshold {t} keeps its bit through its facet to region {j}")
    return tally.done()


def _check_explored(graph: RegionGraph, owner: Ints) -> Check:
    tally = _Tally("adjacency", "explored", "a region is known behind every facet", len(owner))
    at = np.flatnonzero(graph.neighbor == -2)
    if graph.complete:
        tally.fail_each(owner[at], lambda k: f"facet {graph.facets[at[k]]} was not explored")
    else:
        tally.note = f"{len(at):,} unexplored, as the graph is incomplete"
    return tally.done()


def _check_connected(graph: RegionGraph, here: Ints, there: Ints) -> Check:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    tally = _Tally("adjacency", "connected", "every region is reached through facets")
    if not graph.complete:
        tally.note = "left out: the graph is incomplete"
        return tally.done()
    n = tally.checked = len(graph)
    links = csr_array((np.ones(len(here), dtype=np.int8), (here, there)), shape=(n, n))
    parts, label = connected_components(links, directed=False)
    if parts > 1:
        odd = int(np.flatnonzero(label != label[0])[0])
        tally.fail(odd, f"is not reached from region 0: the graph has {parts} parts")
    return tally.done()


# -- level "geometry" ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cone:
    """The extreme rays of a pointed cone ``{y : g . y >= 0}``, and which lie on each row."""

    generators: list[tuple[int, ...]]
    on: list[int]  # for each row the set of its generators, as bits


def _double_description(rows: list[Row]) -> _Cone | None:
    """Motzkin's method on homogeneous integer rows; None if the cone contains a line."""
    n = len(rows[0])
    basis = _pivots(fmpz_mat(rows).transpose())
    if len(basis) < n:
        return None
    inverse = fmpz_mat([rows[r] for r in basis]).inv().table()
    found: list[tuple[tuple[int, ...], int]] = []  # generator, set of the rows it lies on
    for j, r in enumerate(basis):
        column = _over_common([Fraction(int(row[j].p), int(row[j].q)) for row in inverse])
        found.append((tuple(_primitive(column)), sum(1 << b for b in basis) ^ (1 << r)))
    for r in sorted(set(range(len(rows))) - set(basis)):
        found = _cut(found, rows[r], 1 << r, n)
    on = [
        sum(1 << k for k, (_, mask) in enumerate(found) if mask >> r & 1) for r in range(len(rows))
    ]
    return _Cone([g for g, _ in found], on)


def _cut(
    found: list[tuple[tuple[int, ...], int]], row: Row, bit: int, n: int
) -> list[tuple[tuple[int, ...], int]]:
    """Intersect with one more half-space: keep what is inside, add where edges cross it."""
    value = [_dot(row, g) for g, _ in found]
    kept = [
        (g, mask if v else mask | bit)
        for (g, mask), v in zip(found, value, strict=True) if v >= 0
    ]  # fmt: skip
    above = [(g, mask, v) for (g, mask), v in zip(found, value, strict=True) if v > 0]
    below = [(g, mask, v) for (g, mask), v in zip(found, value, strict=True) if v < 0]
    for g, mask, v in above:
        for h, other, w in below:
            shared = mask & other
            if shared.bit_count() < n - 2:
                continue
            if sum(shared & m == shared for _, m in found) == 2:  # they span an edge
                kept.append((tuple(_primitive(_combined(v, h, -w, g))), shared | bit))
    return kept


def _members(mask: int) -> list[int]:
    return [k for k in range(mask.bit_length()) if mask >> k & 1]


class _Section:
    """Coordinates of the chart in which regions have no lines; the other coordinates are 0."""

    def __init__(self, rows: list[Row], dim: int) -> None:
        linear = [g[:-1] for g in rows if any(g[:-1])]
        pivots = _pivots(fmpz_mat(linear)) if linear else []
        self.keep = [*pivots, dim]
        self.rank, self.lines = len(pivots), dim - len(pivots)
        self.basis = [linear[i] for i in _pivots(fmpz_mat(linear).transpose())] if linear else []

    def contains(self, rows: list[Row]) -> bool:
        """Is every row constant along the lines that were left out?"""
        if not self.lines:
            return True
        linear = [*self.basis, *(g[:-1] for g in rows)]
        return not linear or int(fmpz_mat(linear).rank()) == self.rank

    def cone(self, rows: list[Row]) -> _Cone | None:
        """The homogeneous cone of ``{y : g . (y, 1) >= 0}``; its last row is "at infinity"."""
        cut = [[g[j] for j in self.keep] for g in rows]
        return _double_description([*cut, [0] * self.rank + [1]])


class _Union:
    """Volume and Euler characteristic, summed over cells of a complex."""

    def __init__(self, exact: bool, with_volume: bool, with_faces: bool) -> None:
        self.exact, self.with_volume, self.with_faces = exact, with_volume, with_faces
        self.volume, self.roundings = Fraction(0), 0
        self.generators: dict[tuple[int, ...], int] = {}
        self.faces: dict[tuple[int, ...], int] = {}

    def add(self, cone: _Cone) -> None:
        everything = (1 << len(cone.generators)) - 1
        walls = cone.on[:-1]
        if self.with_volume:
            self._add_volume(cone, walls, everything)
        if self.with_faces:
            self._add_faces(cone, walls, everything)

    def _add_volume(self, cone: _Cone, walls: list[int], everything: int) -> None:
        dim, total = len(cone.generators[0]) - 1, Fraction(0)
        for simplex in _simplices(everything, walls, dim):
            corners = [cone.generators[k] for k in simplex]
            top = abs(int(fmpz_mat([list(g) for g in corners]).det()))
            bottom = factorial(dim) * prod(g[-1] for g in corners)
            if self.exact:
                total += Fraction(top, bottom)
            else:
                total += (top << VOLUME_BITS) // bottom
                self.roundings += 1
        self.volume += total

    def _add_faces(self, cone: _Cone, walls: list[int], everything: int) -> None:
        name = [self.generators.setdefault(g, len(self.generators)) for g in cone.generators]
        points = everything & ~cone.on[-1]
        found, open_ = {everything}, [everything]
        while open_:
            face = open_.pop()
            new = {face & wall for wall in walls if face & wall & points} - found
            found |= new
            open_ += new
        for face in found:
            key = tuple(sorted(name[k] for k in _members(face)))
            if key not in self.faces:
                spanned = fmpz_mat([list(cone.generators[k]) for k in _members(face)])
                self.faces[key] = int(spanned.rank()) - 1

    def euler(self, lines: int) -> int:
        """The sum over relatively open faces of (-1)^dimension."""
        return sum((-1) ** (k + lines) for k in self.faces.values())


def _simplices(face: int, walls: list[int], dim: int) -> list[list[int]]:
    """A pulling triangulation: pyramids over the facets that miss the first vertex."""
    apex = face & -face
    if dim == 0:
        return [[apex.bit_length() - 1]]
    below = {face & wall for wall in walls} - {face, 0}
    largest = [b for b in below if not any(b != c and b & c == b for c in below)]
    return [
        [apex.bit_length() - 1, *rest]
        for b in largest if not b & apex
        for rest in _simplices(b, walls, dim - 1)
    ]  # fmt: skip


def _check_geometry(run: _Run) -> list[Check]:
    graph = run.graph
    whole = graph.complete and len(run.chosen) == len(graph)
    facets = _Tally("geometry", "facets", "the facets are all walls and nothing but walls")
    walls = _Tally("geometry", "walls", "each facet lies on its neighbour, as its wall")
    ends = _Tally("geometry", "unbounded", "unbounded regions are those with a ray")
    chart_rows = [list(g) for g in run.chart.constraints]
    section = _Section(chart_rows + (run.rows(0) if len(graph) else []), run.dim)
    unseen = section.lines > len(graph.lines)  # a line on which only the output changes
    domain = _Section(chart_rows, run.dim)
    domain_cone = domain.cone(chart_rows)
    assert domain_cone is not None, "a section has no lines"
    bounded = not domain.lines and not domain_cone.on[-1]
    union = _Union(
        len(graph) <= EXACT_SUM_REGIONS,
        whole and bounded and run.dim <= VOLUME_DIM,
        whole and run.dim <= EULER_DIM and len(graph) <= EULER_REGIONS,
    )
    for i in run.chosen:
        cone = _check_facets(run, section, chart_rows, i, facets)
        if cone is not None:
            _check_walls(run, section, cone, i, walls)
            ends.checked += 1
            if (bool(cone.on[-1]) or unseen) != bool(graph.unbounded[i]):
                rays = cone.on[-1].bit_count()
                ends.fail(i, f"has {rays} rays, but unbounded is {bool(graph.unbounded[i])}")
            union.add(cone)
        run.step()
    volume = _check_volume(run, union, domain_cone, whole, bounded)
    euler = _check_euler(run, union, section.lines, domain_cone, domain.lines, whole)
    return [facets.done(), walls.done(), ends.done(), volume, euler]


def _check_facets(
    run: _Run, section: _Section, domain: list[Row], i: int, tally: _Tally
) -> _Cone | None:
    """The polyhedron of the listed facets; None if that is not the region."""
    named = run.facets(i)
    tally.checked += len(named)
    rows, failed = run.rows(i), tally.failed
    walls = [run.wall(i, name) for name, _ in named]
    cone = section.cone(walls) if section.contains(rows) else None
    if cone is None or not cone.generators:
        tally.fail(i, "the listed facets do not bound a polyhedron with a vertex")
        return None
    points = (1 << len(cone.generators)) - 1 & ~cone.on[-1]
    for (name, _), wall, on in zip(named, walls, cone.on, strict=False):
        spanned = [list(cone.generators[k]) for k in _members(on)]
        if not any(wall) or not on & points or fmpz_mat(spanned).rank() != section.rank:
            tally.fail(i, f"facet {name} is not a wall of dimension {run.dim - 1}")
    if len(set(map(tuple, walls))) < len(walls):
        tally.fail(i, "one wall is listed twice")
    t = _violated([*rows, *domain], section, cone.generators)
    if t is not None:
        what = f"threshold {t}" if t < len(rows) else "the domain"
        tally.fail(i, f"the listed facets leave room beyond {what}: a wall is missing")
    return cone if tally.failed == failed else None


def _values(rows: list[Row], section: _Section, generators: list[tuple[int, ...]]) -> list[Any]:
    if not rows or not generators:
        return []
    cut = fmpz_mat([[g[j] for j in section.keep] for g in rows])
    table: list[Any] = (cut * fmpz_mat([list(g) for g in generators]).transpose()).table()
    return table


def _violated(rows: list[Row], section: _Section, generators: list[tuple[int, ...]]) -> int | None:
    values = _values(rows, section, generators)
    return next((t for t, row in enumerate(values) if any(v < 0 for v in row)), None)


def _check_walls(run: _Run, section: _Section, cone: _Cone, i: int, tally: _Tally) -> None:
    mine = run.bits(i)
    for (name, j), on in zip(run.facets(i), cone.on, strict=False):
        if j < 0:
            continue
        tally.checked += 1
        corners = [cone.generators[k] for k in _members(on)]
        behind = [run.wall(j, other) for other, back in run.facets(j) if back == i]
        t = _violated(run.rows(j), section, corners) if section.contains(run.rows(j)) else -1
        if t is not None:
            tally.fail(i, f"facet {name} does not lie on region {j}: see its threshold {t}")
            continue
        flips = [t for t, bit in enumerate(run.bits(j)) if bit != mine[t]]
        if any(any(r) for r in _values([run.rows(i)[t] for t in flips], section, corners)):
            tally.fail(i, f"a bit differs in region {j} whose form is not 0 on facet {name}")
        if [-v for v in run.wall(i, name)] not in behind:
            tally.fail(i, f"facet {name} is not the wall that region {j} has towards it")


def _check_volume(run: _Run, union: _Union, domain: _Cone, whole: bool, bounded: bool) -> Check:
    tally = _Tally("geometry", "volume", "volumes add up to the domain's")
    if not union.with_volume:
        tally.note = "left out: " + (
            "not all regions" if not whole else "unbounded" if not bounded else "many dimensions"
        )
        return tally.done()
    tally.checked = len(run.graph)
    total = _Union(union.exact, True, False)
    total.add(domain)
    missing, slack = total.volume - union.volume, union.roundings + total.roundings
    tally.note = "exact sum" if union.exact else f"to within {slack:,} / 2**{VOLUME_BITS}"
    if abs(missing) > slack:
        share = float(missing / total.volume)
        tally.fail(None, f"the regions leave {share:.3g} of the domain's volume uncovered")
    return tally.done()


def _check_euler(
    run: _Run, union: _Union, lines: int, domain: _Cone, domain_lines: int, whole: bool
) -> Check:
    """(-1)^lines for a domain that is bounded but for its lines, else 0."""
    tally = _Tally("geometry", "euler", "the complex has the domain's Euler characteristic")
    if not union.with_faces:
        tally.note = "left out: " + ("many faces" if whole else "not all regions")
        return tally.done()
    tally.checked = len(union.faces)
    found, right = union.euler(lines), 0 if domain.on[-1] else (-1) ** domain_lines
    counts = np.bincount([k + lines for k in union.faces.values()] or [0]).tolist()
    tally.note = f"faces by dimension {counts}"
    if found != right:
        tally.fail(None, f"the Euler characteristic is {found}, not {right}")
    return tally.done()


# -- level "judge" -------------------------------------------------------------------------------


def _import_cdd() -> Any:
    try:
        import cdd
        import cdd.gmp
    except ImportError as error:
        raise MissingExtraError(
            f"level 'judge' needs pycddlib with GMP ({error}): pip install polyrelu[cdd] "
            f"(system packages: libcdd-dev libgmp-dev)"
        ) from None
    return cdd


@dataclass(frozen=True)
class _Judged:
    """A polyhedron as cddlib sees it, in the domain's coordinates."""

    walls: list[tuple[int, ...]]  # irredundant rows, in the chart
    points: list[list[Fraction]]
    rays: list[list[Fraction]]
    lines: list[Row]  # left out of the generators, which are at right angles to them

    @property
    def dim(self) -> int:
        """-1 if empty."""
        if not self.points:
            return -1
        one, zero = [Fraction(1)], [Fraction(0)]
        spanned = [one + p for p in self.points] + [zero + r for r in self.rays]
        rows = [_over_common(row) for row in spanned]
        return int(fmpz_mat(rows).rank()) - 1 + len(self.lines)


def _judge(run: _Run, cdd: Any, rows: list[Row], equalities: list[Row]) -> _Judged:
    """Ask for the irredundant among ``rows`` and for the generators.

    ``equalities`` are declared: cddlib does not always find implicit ones by itself. Lines are
    cut off at right angles (declared too): cddlib was seen to crash on polyhedra with lines.
    """
    unique = [list(g) for g in {tuple(g): None for g in rows if any(g[:-1])}]
    lines = _null_space([g[:-1] for g in [*unique, *equalities]], run.graph.dim)
    declared = [*equalities, *([*line, 0] for line in lines)]
    table = [[Fraction(g[-1]), *map(Fraction, g[:-1])] for g in [*declared, *unique]]
    table.append([Fraction(1)] + [Fraction(0)] * run.graph.dim)  # else cddlib leaves out an apex 0
    matrix = cdd.gmp.matrix_from_array(
        table, lin_set=range(len(declared)), rep_type=cdd.RepType.INEQUALITY
    )
    found = cdd.gmp.copy_generators(cdd.gmp.polyhedron_from_matrix(matrix))
    cdd.gmp.matrix_canonicalize(matrix)
    kept = [row for k, row in enumerate(matrix.array) if k not in matrix.lin_set and any(row[1:])]
    walls = [tuple(run.on_hull(_over_common([*row[1:], row[0]]))) for row in kept]
    assert not found.lin_set, "its lines were cut off"
    points, rays = (
        [row[1:] for row in found.array if bool(row[0]) is finite] for finite in (True, False)
    )
    return _Judged(walls, points, rays, lines)


def _null_space(rows: list[Row], dim: int) -> list[Row]:
    if not rows:
        return [[int(i == j) for j in range(dim)] for i in range(dim)]
    basis, nullity = fmpz_mat(rows).nullspace()
    return [_reduced([basis[i, j] for i in range(dim)]) for j in range(nullity)]


def _check_by_judge(run: _Run, cdd: Any) -> list[Check]:
    lack = _Tally("judge", "dimension", "domain and regions have the chart's dimension", 1)
    walls = _Tally("judge", "redundancy", "what cddlib finds irredundant are the facets")
    corners = _Tally("judge", "vertices", "cddlib's vertices and rays are the regions'")
    steps = _Tally("judge", "crossing", "one step through a facet is in the neighbour")
    if _judge(run, cdd, run.inequalities, []).dim != run.dim:
        lack.fail(None, f"the domain does not have dimension {run.dim}")
    flat = [g for g, is_flat in zip(run.inequalities, run.flat, strict=True) if is_flat]
    rest = [g for g, is_flat in zip(run.inequalities, run.flat, strict=True) if not is_flat]
    flat = [g for g in flat if any(g)]
    for i in run.chosen:
        judged = _judge(run, cdd, run.input_rows(i) + rest, flat)
        named = run.facets(i)
        lack.checked += 1
        if judged.dim != run.dim:
            lack.fail(i, f"its thresholds leave a polyhedron of dimension {judged.dim}")
            continue
        walls.checked += len(named)
        listed = sorted(tuple(run.wall(i, name)) for name, _ in named)
        if listed != sorted(judged.walls):
            both = len(set(judged.walls) & set(listed))
            walls.fail(i, f"{len(judged.walls)} walls are irredundant, {len(listed)} facets are "
                          f"listed, {both} of them right")  # fmt: skip
        _check_generators(run, judged, i, corners)
        for name, j in named:
            if j >= 0:
                steps.checked += 1
                why = _crossing(run, judged, i, name, j)
                if why is not None:
                    steps.fail(i, why)
        run.step()
    return [lack.done(), walls.done(), corners.done(), steps.done()]


def _check_generators(run: _Run, judged: _Judged, i: int, tally: _Tally) -> None:
    region = run.graph[i]
    tally.checked += len(judged.points) + len(judged.rays)
    try:
        points, rays = region.exact_vertices(), region.exact_rays()
    except Exception as error:  # of a wrong graph; it must not end the verification
        tally.fail(i, f"its vertices cannot be computed ({type(error).__name__}: {error})")
        return
    reduce = _modulo(judged.lines)
    for what, of_graph, of_judge in (
        ("vertices", points, judged.points),
        ("rays", rays, judged.rays),
    ):
        shown = tuple if what == "vertices" else _direction
        mine, right = ([shown(reduce(p)) for p in found] for found in (of_graph, of_judge))
        if sorted(mine) != sorted(right):
            both = len(set(mine) & set(right))
            tally.fail(i, f"has {len(right)} {what}, the graph's region {len(mine)}, "
                          f"with {both} in common")  # fmt: skip


def _modulo(lines: list[Row]) -> Callable[[Sequence[Fraction]], tuple[Any, ...]]:
    """Take points to representatives modulo the span of ``lines``."""
    basis: list[tuple[int, list[Fraction]]] = []

    def reduce(point: Sequence[Fraction]) -> tuple[Any, ...]:
        rest = list(point)
        for pivot, line in basis:
            factor = rest[pivot]
            rest = [a - factor * b for a, b in zip(rest, line, strict=True)]
        return tuple(rest)

    for line in lines:
        rest = reduce([Fraction(v) for v in line])
        pivot = next(k for k, v in enumerate(rest) if v)
        scaled = [v / rest[pivot] for v in rest]
        basis = [(p, [a - u[pivot] * b for a, b in zip(u, scaled, strict=True)]) for p, u in basis]
        basis.append((pivot, scaled))
    return reduce


def _direction(ray: Sequence[Fraction]) -> tuple[int, ...]:
    return tuple(_primitive(_over_common(ray)))


def _crossing(run: _Run, judged: _Judged, i: int, name: int, j: int) -> str | None:
    """Walk from the region's point through the middle of a facet: what is wrong behind it?"""
    wall = run.input_rows(i)[name]
    on = [p for p in judged.points if _dot(wall[:-1], p) + wall[-1] == 0]
    if not on:
        return f"facet {name} holds no vertex"
    along = [r for r in judged.rays if _dot(wall[:-1], r) == 0]
    middle = [sum(v) / len(on) + sum(r[k] for r in along)
              for k, v in enumerate(zip(*on, strict=True))]  # fmt: skip
    ahead = [a - b for a, b in zip(middle, run.graph.exact_point(i), strict=True)]
    step = Fraction(1)
    for row in run.input_rows(j) + run.inequalities:
        value, slope = _dot(row[:-1], middle) + row[-1], _dot(row[:-1], ahead)
        if value < 0 or (value == 0 and slope < 0):
            return f"region {j} does not lie behind the middle of facet {name}"
        if value + step * slope <= 0 and slope:
            step = -value / slope / 2
    beyond = [a + step * b for a, b in zip(middle, ahead, strict=True)]
    why = run.misplaced(beyond, j)
    return None if why is None else f"the point behind facet {name} {why}, in region {j}"
