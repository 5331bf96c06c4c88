"""One region: its pattern, its affine map, its geometry. A light view into a graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat

from .engine.exact import activate
from .engine.generators import Generators, generators, volume
from .network import Array, Network, quotient
from .notebook import InNotebook
from .rational import ExactPoint, IntegerRow, dot, null_space, primitive, rows_of

if TYPE_CHECKING:
    from .graph import RegionGraph


def unit_pieces(network: Network, pattern: npt.NDArray[np.uint8]) -> list[list[int]]:
    """For each layer and unit the linear piece that it is on: how many of its bits are 1."""
    pieces, t = [], 0
    for layer in network.layers:
        row = []
        for unit in layer.units:
            n = len(unit.breakpoints)
            row.append(int(pattern[t : t + n].sum()))
            t += n
        pieces.append(row)
    return pieces


def region_forms(network: Network, pattern: npt.NDArray[np.uint8]) -> list[fmpz_mat]:
    """The exact affine forms of every layer on the region of a pattern.

    Returns one homogeneous integer matrix for each layer's pre-activations, shape
    (units + 1, input_dim + 1), and last that of the output.
    """
    forms, outputs = [], None
    for layer, pieces in zip(network.layers, unit_pieces(network, pattern), strict=True):
        z = layer.integer_matrix if outputs is None else layer.integer_matrix * outputs
        forms.append(z)
        outputs = activate(layer.units, z, pieces)
    assert outputs is not None
    return [*forms, outputs]


@dataclass(frozen=True)
class Facet:
    """A (d-1)-dimensional wall of a region.

    Attributes:
        threshold: index into ``network.thresholds`` of a form that vanishes on it (others may
            as well), or None on the boundary of the domain.
        inequality: index into ``domain.inequalities()``, or None inside the domain.
        neighbor: the region on the other side; None on the boundary of the domain, and where
            the enumeration was stopped before it got there (:attr:`unexplored`).
    """

    threshold: int | None
    inequality: int | None
    neighbor: int | None

    @property
    def unexplored(self) -> bool:
        """Whether the enumeration was stopped before it looked behind this facet."""
        return self.neighbor is None and self.inequality is None


class Region(InNotebook):
    """An activation region of a network on a domain; made by :class:`RegionGraph`.

    Coordinates are the domain's (for a slice: those of the slice). All that is called exact
    is rational; floats are rounded from it once.
    """

    def __init__(self, graph: RegionGraph, index: int) -> None:
        self._graph = graph
        self.index = index

    def __repr__(self) -> str:
        bits = "".join(map(str, self.pattern.tolist()))
        short = bits if len(bits) <= 40 else f"{bits[:37]}..."
        return f"Region({self.index}, pattern={short}, {len(self.facets)} facets)"

    def __getstate__(self) -> dict[str, object]:
        return {"_graph": self._graph, "index": self.index}

    def __eq__(self, other: object) -> bool:
        """The same region of the same graph."""
        if not isinstance(other, Region):
            return NotImplemented
        return self._graph is other._graph and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self._graph), self.index))

    @property
    def pattern(self) -> npt.NDArray[np.uint8]:
        """Shape (thresholds,): 1 where the pre-activation exceeds the breakpoint."""
        return self._graph.pattern(self.index)

    @property
    def witness(self) -> Array:
        """A point inside, rounded to float64, shape (dim,); see :meth:`exact_point`."""
        return self._rounded((self.exact_point(),)).ravel()

    def exact_point(self) -> ExactPoint:
        """A rational point strictly inside the region."""
        return self._graph.exact_point(self.index)

    @property
    def graph(self) -> RegionGraph:
        """The graph that it belongs to."""
        return self._graph

    @property
    def bounded(self) -> bool:
        return not self._graph.unbounded[self.index]

    @cached_property
    def facets(self) -> tuple[Facet, ...]:
        graph = self._graph
        here = slice(*graph.indptr[self.index : self.index + 2].tolist())
        named = zip(graph.facets[here].tolist(), graph.neighbor[here].tolist(), strict=True)
        return tuple(
            Facet(
                threshold=f if f >= 0 else None,
                inequality=-1 - f if f < 0 else None,
                neighbor=j if j >= 0 else None,
            )
            for f, j in named
        )

    @property
    def neighbors(self) -> npt.NDArray[np.int64]:
        """Indices of the regions that share a (d-1)-dimensional wall with this one."""
        return self._graph.neighbors(self.index)

    @cached_property
    def _forms(self) -> list[fmpz_mat]:
        return region_forms(self._graph.network, self.pattern)

    @property
    def affine_map(self) -> tuple[Array, Array]:
        """``(A, c)`` with output ``A x + c`` on the region; composed exactly, rounded once.

        Shapes (output_dim, dim) and (output_dim,).
        """
        table = rows_of(self._forms[-1])
        scale = table[-1][-1]
        rounded = np.array([[quotient(v, scale) for v in row] for row in table[:-1]])
        return rounded[:, :-1], rounded[:, -1]

    @property
    def exact_affine_map(self) -> tuple[tuple[ExactPoint, ...], ExactPoint]:
        """:attr:`affine_map` without rounding: rows of A, and c, as fractions."""
        table = rows_of(self._forms[-1])
        scale = table[-1][-1]
        rows = [tuple(Fraction(v, scale) for v in row) for row in table[:-1]]
        return tuple(row[:-1] for row in rows), tuple(row[-1] for row in rows)

    def form(self, threshold: int) -> IntegerRow:
        """Integers g with ``g . (x, 1)`` a positive multiple of pre-activation - breakpoint."""
        layer, unit, shift = self._graph.network.thresholds[threshold]
        forms = self._forms[layer]
        row, scale = ([int(v) for v in forms.table()[i]] for i in (unit, -1))
        return primitive(
            [shift.denominator * a - shift.numerator * s for a, s in zip(row, scale, strict=True)]
        )

    @cached_property
    def inequality_rows(self) -> list[IntegerRow]:
        """For each facet integers g; the region is ``{x : g . (x, 1) > 0}``, none redundant."""
        domain = self._graph.domain.inequalities()
        rows = []
        for facet in self.facets:
            if facet.threshold is None:
                assert facet.inequality is not None
                rows.append(primitive(domain[facet.inequality]))
            else:
                sign = 1 if self.pattern[facet.threshold] else -1
                rows.append([sign * v for v in self.form(facet.threshold)])
        return rows

    def inequalities(self) -> tuple[Array, Array]:
        """``(A, b)``: the closure is ``A x <= b``, one row a facet, none redundant.

        Rows are scaled to maximum norm 1, rounded once. If the domain is not
        full-dimensional, this holds within its affine hull (:meth:`RegionGraph.equalities`).
        """
        dim = self._graph.domain.dim
        table = np.zeros((len(self.inequality_rows), dim + 1))
        for i, g in enumerate(self.inequality_rows):
            size = max(map(abs, g[:-1]))
            table[i] = [quotient(v, size) for v in g]
        return -table[:, :-1], table[:, -1]

    @cached_property
    def local_rows(self) -> list[IntegerRow]:
        """:attr:`inequality_rows` in the coordinates of ``graph.compiled.chart``."""
        columns = list(zip(*rows_of(self._graph.compiled.chart), strict=True))
        return [primitive([dot(g, c) for c in columns]) for g in self.inequality_rows]

    @cached_property
    def _generators(self) -> Generators:
        return generators(self.local_rows, self._graph.compiled.dim)

    @property
    def local_lines(self) -> list[IntegerRow]:
        """Lines that it contains beyond ``graph.lines``, in the coordinates of the chart."""
        return self._generators.lines

    @property
    def output_form(self) -> list[IntegerRow]:
        """The output in homogeneous integers: takes (x, 1) to a positive multiple of (y, 1)."""
        return rows_of(self._forms[-1])

    def generators(self) -> list[IntegerRow]:
        """Homogeneous integers, in the coordinates of ``graph.compiled.chart``: its vertices
        (x, w > 0), then its extreme directions (x, 0)."""
        return [*self._generators.points, *self._generators.directions]

    def vertices_on(self, facet: int) -> tuple[list[IntegerRow], list[frozenset[int]]]:
        """The vertices of facet number ``facet``, homogeneous and in the chart's coordinates, and
        what walls each is on."""
        row, found = self.local_rows[facet], self._generators
        on = [k for k, g in enumerate(found.points) if dot(row, g) == 0]
        return [found.points[k] for k in on], [found.on_point[k] for k in on]

    def exact_vertices(self) -> tuple[ExactPoint, ...]:
        """The vertices, exactly. With lines (see :meth:`lines`), one point of each minimal face."""
        matrix = rows_of(self._graph.compiled.chart)
        found = []
        for g in self._generators.points:
            x = [dot(row, g) for row in matrix]
            found.append(tuple(Fraction(v, x[-1]) for v in x[:-1]))
        return tuple(found)

    def exact_rays(self) -> tuple[ExactPoint, ...]:
        """The extreme directions of an unbounded region, in primitive integers."""
        matrix = rows_of(self._graph.compiled.chart)[:-1]
        found = []
        for g in self._generators.directions:
            found.append(tuple(map(Fraction, primitive([dot(row, g) for row in matrix]))))
        return tuple(found)

    def vertices(self) -> Array:
        """The vertices, shape (n, dim), each coordinate rounded once."""
        return self._rounded(self.exact_vertices())

    def rays(self) -> Array:
        """The extreme directions, shape (n, dim), scaled to maximum norm 1."""
        return self._rounded(
            tuple(tuple(v / max(map(abs, r)) for v in r) for r in self.exact_rays())
        )

    def exact_lines(self) -> list[IntegerRow]:
        """Directions, in integers, that the region contains both ways: a basis of its lineality
        space."""
        matrix = rows_of(self._graph.compiled.chart)[:-1]
        own = [primitive([dot(row, g) for row in matrix]) for g in self._generators.lines]
        return [*self._graph.lines, *own]

    def lines(self) -> Array:
        """:meth:`exact_lines`, shape (n, dim), scaled to maximum norm 1."""
        found = self.exact_lines()
        return self._rounded(tuple(tuple(Fraction(v, max(map(abs, r))) for v in r) for r in found))

    def _rounded(self, points: tuple[ExactPoint, ...]) -> Array:
        rows = [[quotient(v.numerator, v.denominator) for v in p] for p in points]
        return np.array(rows, dtype=np.float64).reshape(-1, self._graph.domain.dim)

    def exact_volume(self) -> Fraction:
        """The volume in units of the domain's own coordinates; exact.

        Raises:
            ValueError: the region is unbounded, or the domain is flat (its volume is then
                irrational in general; :meth:`volume` rounds it).
        """
        if not self.bounded:
            raise ValueError(f"region {self.index} is unbounded: its volume is infinite")
        compiled = self._graph.compiled
        if compiled.dim < self._graph.domain.dim:
            raise ValueError("the domain is flat: only volume() is defined")
        return self._local_volume() * abs(self._stretch())

    def volume(self) -> float:
        """The d-dimensional volume (d of the domain's affine hull), infinite if unbounded."""
        if not self.bounded:
            return math.inf
        compiled = self._graph.compiled
        if compiled.dim == self._graph.domain.dim:
            exact = self.exact_volume()
            return quotient(exact.numerator, exact.denominator)
        columns = list(zip(*[r[:-1] for r in rows_of(compiled.chart)[:-1]], strict=True))
        gram = fmpz_mat([[dot(u, v) for v in columns] for u in columns])
        scale = int(compiled.chart[compiled.chart.nrows() - 1, compiled.dim]) ** compiled.dim
        factor = Fraction(int(gram.det()), scale**2) if columns else Fraction(1)
        return square_root(self._local_volume() ** 2 * factor)

    def _local_volume(self) -> Fraction:
        return volume(self._generators, self._graph.compiled.dim)

    def _stretch(self) -> Fraction:
        matrix = rows_of(self._graph.compiled.chart)
        det = fmpz_mat([row[:-1] for row in matrix[:-1]]).det()
        return Fraction(int(det), matrix[-1][-1] ** self._graph.compiled.dim)


def square_root(square: Fraction) -> float:
    """The square root, rounded; also where the square itself is beyond the range of float64."""
    shift = max(0, 128 + square.denominator.bit_length() - square.numerator.bit_length()) // 2
    root = math.isqrt((square.numerator << 2 * shift) // square.denominator)
    return quotient(root, 1 << shift)


def affine_hull_rows(chart: fmpz_mat) -> list[IntegerRow]:
    """Integer rows g with ``g . (x, 1) = 0`` on the image of a chart."""
    columns = [list(c) for c in zip(*rows_of(chart), strict=True)]
    return null_space(columns, chart.nrows())
