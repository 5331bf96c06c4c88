"""Outward from a point, cell by cell, in the order of their distance.

The domain is cut by the thresholds layer by layer, as an enumeration does it, but nearest cells
first: a heap holds what lies across each cut with a lower bound on its distance. Cells are closed
and overlap in their boundaries only, so neither facets nor neighbours are needed, and a point on
walls is nothing special. On a closed cell the network is the affine map that its signs compose,
also where pre-activations are 0, as units are continuous.

Coordinates u are those of the point x, times a common denominator D: ``X = x + u / D``.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from math import gcd, inf, isinf

import numpy as np
from flint import fmpz_mat

from ..domain import Domain
from ..engine.exact import activate
from ..engine.walls import shifted
from ..exact_program import Nearest, nearest_point, outside_or_tight, scaled_table
from ..interrupt import deferred_interrupt
from ..limits import Limits
from ..network import Array, Network
from ..progress import Meter, Progress
from ..rational import ExactPoint, IntegerRow, independent, integer_row, margin, primitive, rows_of
from .robust_certificate import Beyond, Flat, Part, Step
from .singular import down, root_down, root_up, up

BYTES = 400  # of an open cell, roughly


@dataclass(frozen=True)
class Best:
    """The nearest change that was found: its distance (norm 2: squared) and where, both in u."""

    distance: Fraction
    point: ExactPoint


@dataclass
class Way:
    """A part under way: what it has decided, and what its descendants need of it.

    Attributes:
        number: of the part.
        decided: (threshold, bit) in order, inherited ones first.
        rows, codes: of the cell, as far as they are near; a descendant takes the first ones.
        table: of the rows in float64; as many more fit as there may be.
        forms: of the pre-activations of each layer, as far as they are composed.
    """

    number: int
    decided: list[tuple[int, int]]
    rows: list[IntegerRow]
    codes: list[int]
    table: Array
    forms: list[fmpz_mat]

    def add(self, row: IntegerRow, scaled: Array, code: int) -> None:
        self.table[len(self.rows)] = scaled
        self.rows.append(row)
        self.codes.append(code)


@dataclass
class Open:
    """A cell that waits: the first rows of a way, and one threshold's other side.

    Attributes:
        way, at: across which step of which way; None: the domain itself.
        n_decided, n_rows: how much of the way's lists it inherits.
        step: to note there what became of it.
        row, scaled: of the other side; in float64.
        low: a lower bound on its distance, in float64.
        proof: of that bound, as in the certificate; None: it is that of the cell before the cut.
        nearest: its nearest point, once it is known.
    """

    way: Way | None
    at: int
    n_decided: int
    n_rows: int
    step: Step | None
    row: IntegerRow
    scaled: Array
    low: float
    proof: Beyond | None
    layer: int
    nearest: Nearest | None = None


@dataclass
class Outcome:
    """What a search found.

    Attributes:
        best: the nearest change, or None.
        low: a lower bound on its distance, in u and float64; what was not searched is not nearer.
        parts: of the certificate, if it came to an end.
        stopped_by: a limit's name, "interrupt" or None.
    """

    best: Best | None = None
    low: float = inf
    parts: list[Part] = field(default_factory=list)
    stopped_by: str | None = None
    programs: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Question:
    """Where is the nearest point of the domain at which one of some forms is >= 0?

    Attributes:
        rivals: decision -> coefficients of the outputs, and a constant: the form.
    """

    network: Network
    domain: Domain
    x: ExactPoint
    norm: float
    rivals: dict[int, tuple[Fraction, ...]]


class Search:
    """One search; :meth:`run` is called once."""

    def __init__(
        self, question: Question, limits: Limits, progress: Progress | None = None
    ) -> None:
        self.question, self.limits, self.progress = question, limits, progress
        self.network, self.norm = question.network, question.norm
        self.dim = len(question.x)
        *shift, self.scale = integer_row([*question.x, Fraction(1)])
        # (u, 1) to a positive multiple of (x + u / D, 1)
        self.frame = fmpz_mat(
            [[int(i == j) for j in range(self.dim)] + [v] for i, v in enumerate(shift)]
            + [[0] * self.dim + [self.scale]]
        )
        chart = question.domain.chart().matrix
        columns = list(zip(*rows_of(chart)[:-1], strict=True))[:-1]
        # Directions of the domain's affine hull; None: all.
        self.hull = None if len(columns) == self.dim else fmpz_mat(self.dim, len(columns),
            [v for row in zip(*columns, strict=True) for v in row])  # fmt: skip
        inequalities = question.domain.inequalities()
        self.domain_rows = (
            [primitive(g) for g in rows_of(fmpz_mat(inequalities) * self.frame)]
            if inequalities
            else []
        )
        self.thresholds: list[list[tuple[int, int, Fraction]]] = [[] for _ in self.network.layers]
        for t, (layer, unit, at) in enumerate(self.network.thresholds):
            self.thresholds[layer].append((t, unit, at))
        self.heap: list[tuple[float, int, Open]] = []
        self.order = count()
        self.best_up = inf
        self.outcome = Outcome()

    # -- the search --------------------------------------------------------------------------

    def run(self) -> Outcome:
        began = time.perf_counter()
        found = self.outcome
        none = np.zeros(self.dim + 1)
        start = Open(None, -1, 0, 0, None, [], none, 0.0, None, 0)
        start.nearest = Nearest(Fraction(0), (Fraction(0),) * self.dim, {})
        self._push(start)
        with deferred_interrupt() as interrupted:
            try:
                for cell in self._cells():
                    found.seconds = time.perf_counter() - began
                    found.stopped_by = self._limit(cell)
                    if found.stopped_by is None and interrupted():
                        found.stopped_by = "interrupt"
                    if found.stopped_by is not None:
                        found.low = min(cell.low, self.best_up)
                        break
                    if cell.nearest is not None:
                        self._go(cell)
                        if self.progress is not None:
                            self.progress(len(found.parts), found.seconds)
                    elif self._look(cell):
                        self._push(cell)
            except KeyboardInterrupt:  # from the progress callback, or a second Ctrl-C
                found.stopped_by, found.low = "interrupt", 0.0
        if isinstance(self.progress, Meter):
            self.progress.close()
        found.seconds = time.perf_counter() - began
        return found

    def _limit(self, cell: Open) -> str | None:
        found = self.outcome
        most = self.limits.regions if cell.nearest is not None else None
        return self.limits.reached(len(found.parts), found.seconds, BYTES * len(self.heap), most)

    def _push(self, cell: Open) -> None:
        heapq.heappush(self.heap, (cell.low, next(self.order), cell))

    def _cells(self) -> Iterator[Open]:
        """Open cells, nearest first, until none is nearer than the best change."""
        while self.heap:
            _, _, cell = heapq.heappop(self.heap)
            far = cell.low >= self.best_up or (
                cell.nearest is not None and not self._nearer(cell.nearest)
            )
            if not far:
                yield cell
            elif cell.proof is not None and cell.step is not None:
                cell.step.across = cell.proof
            else:  # its distance is known from the cell that it was cut from: prove it
                cell.nearest = None
                yield cell

    def _nearer(self, found: Nearest) -> bool:
        best = self.outcome.best
        return found.distance is not None and (best is None or found.distance < best.distance)

    def _set_best(self, found: Nearest) -> None:
        assert found.distance is not None
        assert found.point is not None
        self.outcome.best = Best(found.distance, found.point)
        self.best_up = root_up(found.distance) if self.norm == 2 else up(found.distance)

    # -- one cell ----------------------------------------------------------------------------

    def _look(self, cell: Open) -> bool:
        """Find the nearest point of a cell; False if the cell is done with that."""
        assert cell.way is not None
        assert cell.step is not None
        rows, codes = [*cell.way.rows[: cell.n_rows], cell.row], cell.way.codes[: cell.n_rows]
        table = np.vstack([cell.way.table[: cell.n_rows], cell.scaled])
        found = self._nearest(rows, table)
        beyond = self._beyond(found, rows, codes)
        if not self._nearer(found):
            cell.step.across = beyond
            return False
        assert found.point is not None
        assert found.distance is not None
        tight = sorted(outside_or_tight(rows, table, found.point))
        if tight and tight[-1] == len(rows) - 1:
            flat = self._flat(rows, tight[:-1], cell.row, codes)
            if flat is not None:
                cell.step.across = flat
                return False
        cell.nearest, cell.proof = found, beyond
        exact = root_down(found.distance) if self.norm == 2 else down(found.distance)
        cell.low = max(cell.low, exact)
        return True

    def _nearest(self, rows: list[IntegerRow], table: Array) -> Nearest:
        self.outcome.programs += 1
        return nearest_point(rows, self.dim, self.norm, table)

    @staticmethod
    def _beyond(found: Nearest, rows: list[IntegerRow], codes: list[int]) -> Beyond:
        """Of rows whose last one has no code."""
        scaled = {i: y * content(rows[i]) for i, y in found.multipliers.items()}
        own = scaled.pop(len(codes), 0)
        return Beyond({codes[i]: y for i, y in scaled.items()}, own)

    def _flat(
        self, rows: list[IntegerRow], tight: list[int], row: IntegerRow, codes: list[int]
    ) -> Flat | None:
        """Is the side of a threshold to which ``row`` looks flat, in a cell that is not? A point
        of both is given by the rows that are 0 there.

        Near a point a polyhedron is the cone of the rows that are 0 there, and it is flat iff
        some nonnegative combination of these is 0.
        """
        local = self._local([rows[i] for i in tight] + [row])
        own = local.pop()
        if not any(own):
            return Flat({}, 1)
        kept = [(i, g) for i, g in zip(tight, local, strict=True) if any(g)]
        cone = [*(g for _, g in kept), own]
        if len(cone) <= len(own) and len(independent(cone, len(own))) == len(cone):
            return None
        found = margin([[*g, 0] for g in cone])
        if found.value > 0:
            return None
        *others, weight = integer_row(found.multipliers)
        assert weight > 0, "without the row the cell is not flat"
        named = {
            codes[i]: y * content(rows[i]) for (i, _), y in zip(kept, others, strict=True) if y
        }
        return Flat(named, weight * content(row))

    def _local(self, rows: list[IntegerRow]) -> list[IntegerRow]:
        """The rows' linear parts on the domain's affine hull."""
        normals = [g[:-1] for g in rows]
        if self.hull is None:
            return normals
        if self.hull.ncols() == 0:
            return [[] for _ in rows]
        return rows_of(fmpz_mat(normals) * self.hull)

    # -- the way to a region -----------------------------------------------------------------

    def _go(self, cell: Open) -> None:
        """From a cell to the region that holds its nearest point; what is across is pushed."""
        way, layer = self._begin(cell), cell.layer
        steps: list[Step] = []
        rivals: dict[int, Beyond] = {}
        parent = -1 if cell.way is None else cell.way.number
        self.outcome.parts.append(Part(parent, cell.at, steps, rivals))
        if cell.step is not None:
            cell.step.across = way.number
        assert cell.nearest is not None
        assert cell.nearest.point is not None
        tight = sorted(outside_or_tight(way.rows, way.table[: len(way.rows)], cell.nearest.point))
        column = fmpz_mat([[v] for v in integer_row([*cell.nearest.point, Fraction(1)])])
        while True:
            self._decide_layer(cell, way, layer, tight, column, steps)
            outputs = self._outputs(way, layer)
            if layer == len(self.network.layers) - 1:
                break
            layer += 1
            way.forms.append(self.network.layers[layer].integer_matrix * outputs)
        self._compare(way, outputs, rivals)

    def _begin(self, cell: Open) -> Way:
        number = len(self.outcome.parts)
        if cell.way is None:
            forms = [self.network.layers[0].integer_matrix * self.frame]
            codes = [-1 - k for k in range(len(self.domain_rows))]
            table = np.zeros((len(codes) + len(self.network.thresholds), self.dim + 1))
            if codes:
                table[: len(codes)] = scaled_table(self.domain_rows)
            return Way(number, [], list(self.domain_rows), codes, table, forms)
        assert cell.step is not None
        before, n, step = cell.way, cell.n_rows, cell.step
        decided = [*before.decided[: cell.n_decided], (step.threshold, 1 - step.bit)]
        way = Way(number, decided, before.rows[:n], before.codes[:n], before.table.copy(),
                  before.forms[: cell.layer + 1])  # fmt: skip
        way.add(cell.row, cell.scaled, step.threshold)
        return way

    def _outputs(self, way: Way, layer: int) -> fmpz_mat:
        units = self.network.layers[layer].units
        pieces = [0] * len(units)
        for t, bit in way.decided:
            if self.network.thresholds[t][0] == layer:
                pieces[self.network.thresholds[t][1]] += bit
        return activate(units, way.forms[layer], pieces)

    def _decide_layer(
        self, cell: Open, way: Way, layer: int, tight: list[int], column: fmpz_mat,
        steps: list[Step],
    ) -> None:  # fmt: skip
        known = {t for t, _ in way.decided}
        asked = [(t, unit, at) for t, unit, at in self.thresholds[layer] if t not in known]
        if not asked:
            return
        rows = [primitive(shifted(way.forms[layer], unit, at)) for _, unit, at in asked]
        table = scaled_table(rows)
        low = self._floors(table)
        values = (fmpz_mat(rows) * column).entries()
        # The farthest first: what is across the near ones is then cut by more.
        for i in np.argsort(-low, kind="stable").tolist():
            t, row, value = asked[i][0], rows[i], values[i]
            if low[i] >= self.best_up or (not any(row[:-1]) and row[-1]):
                # All that is near is on the side of x, or all there is.
                step = Step(t, int(row[-1] > 0), Beyond({}, 1))
            elif value != 0:
                step = Step(t, int(value > 0))
                self._leave(cell, way, step, row, table[i], float(low[i]), layer, len(steps))
            else:
                step = self._decide_tight(cell, way, layer, tight, t, row, table[i], len(steps))
            steps.append(step)
            way.decided.append((t, step.bit))

    def _leave(
        self, cell: Open, way: Way, step: Step, row: IntegerRow, scaled: Array, low: float,
        layer: int, at: int,
    ) -> Open:  # fmt: skip
        """Push what is across a step, and take the step's own side."""
        turned = [-v for v in row]
        here, there = (row, turned) if step.bit else (turned, row)
        proof: Beyond | None = Beyond({}, 1)
        if there[-1] >= 0 or low < cell.low:  # else what is across is beyond a hyperplane
            low, proof = cell.low, None
        sign = 1 if step.bit else -1
        other = Open(way, at, len(way.decided), len(way.rows), step, there, -sign * scaled, low,
                     proof, layer)  # fmt: skip
        self._push(other)
        way.add(here, sign * scaled, step.threshold)
        return other

    def _decide_tight(
        self, cell: Open, way: Way, layer: int, tight: list[int], t: int, row: IntegerRow,
        scaled: Array, at: int,
    ) -> Step:  # fmt: skip
        """A threshold on which the nearest point of the cell lies."""
        above = self._flat(way.rows, tight, row, way.codes)
        if above is not None:
            return Step(t, 0, above)
        turned = [-v for v in row]
        below = self._flat(way.rows, tight, turned, way.codes)
        if below is not None:
            return Step(t, 1, below)
        step = Step(t, int(row[-1] > 0))
        other = self._leave(cell, way, step, row, scaled, cell.low, layer, at)
        other.nearest, other.proof = cell.nearest, None
        tight.append(len(way.rows) - 1)
        return step

    def _floors(self, table: Array) -> Array:
        """Lower bounds on the distances of scaled rows' hyperplanes from the origin."""
        table = np.abs(table)
        with np.errstate(all="ignore"):
            normal, height = table[:, :-1], np.minimum(table[:, -1], 1e300)
            if self.norm == 2:
                size = np.sqrt((normal**2).sum(axis=1))
            else:
                size = normal.sum(axis=1) if isinf(self.norm) else normal.max(axis=1)
            # Each entry is rounded once, and the greatest is 1; what underflows is below 1e-300.
            low = height / size * (1 - (self.dim + 20) * 2.0**-52) - 1e-300
        low[size == 0] = 1e300
        low[table[:, -1] == 0] = 0.0
        floors: Array = np.maximum(low, 0.0)
        return floors

    # -- a region ----------------------------------------------------------------------------

    def _compare(self, way: Way, outputs: fmpz_mat, rivals: dict[int, Beyond]) -> None:
        """Where in a region is a rival as good, nearest?"""
        values = rows_of(outputs)
        names = list(self.question.rivals)
        forms = []
        for weights in self.question.rivals.values():
            whole = integer_row(weights)
            columns = zip(*values, strict=True)
            forms.append(
                primitive([sum(w * v for w, v in zip(whole, c, strict=True)) for c in columns])
            )
        table = scaled_table(forms)
        low = self._floors(table)
        for i in np.argsort(low, kind="stable").tolist():
            if low[i] >= self.best_up and forms[i][-1] < 0:
                rivals[names[i]] = Beyond({}, 1)
                continue
            rows = [*way.rows, forms[i]]
            found = self._nearest(rows, np.vstack([way.table[: len(way.rows)], table[i]]))
            rivals[names[i]] = self._beyond(found, rows, way.codes)
            if self._nearer(found):
                self._set_best(found)


def content(row: IntegerRow) -> int:
    """By how much a row is longer than the one that the certificate means: that does not depend on
    the coordinates' origin."""
    return gcd(*row[:-1]) or abs(row[-1]) or 1
