"""The decision boundary of a network with three inputs as a mesh of polygons."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .clipping import (
    Bounds,
    Point,
    bounds_of,
    checked_window,
    clipped_pieces,
    domain_bounds,
)
from .errors import DomainError, IncompleteError, PolyreluError
from .network import Array, FieldsOnly, quotient
from .queries.where import stopped
from .rational import ExactPoint

if TYPE_CHECKING:
    from .queries.boundary import DecisionBoundary

Indices = npt.NDArray[np.int64]
Window = tuple[npt.ArrayLike, npt.ArrayLike]
MARGIN = Fraction(1, 4)
LONGEST = 20.0


@dataclass(frozen=True, eq=False)
class Mesh(FieldsOnly):
    """A surface of convex polygons in space. Made by :func:`boundary_mesh`.

    Polygons that meet share vertices: a row of ``vertices`` for each exact point. (So two rows can
    be equal, where points differ by less than float64 tells apart.)

    Attributes:
        vertices: shape (n, 3), each coordinate rounded once.
        polygons: for each the rows of its vertices, in cyclic order, counterclockwise for who looks
            from the second class at the first.
        normals: shape (polygons, 3): unit vectors that point from the first class to the second.
        piece_of: shape (polygons,): the piece of the boundary that each is, or is the part of that
            lies in the window.
        classes: shape (polygons, 2): the first class and the second; the same one twice where the
            boundary only touches.
        regions: for each the pairs of regions of ``boundary.graph`` between which it lies.
        frame: shape (2, 3): the least and the greatest coordinates of what was looked at.
        class_names: for each class of the boundary what pictures call it.
    """

    vertices: Array
    polygons: tuple[tuple[int, ...], ...] = field(repr=False)
    normals: Array = field(repr=False)
    piece_of: Indices = field(repr=False)
    classes: Indices = field(repr=False)
    regions: tuple[tuple[tuple[int, int], ...], ...] = field(repr=False)
    frame: Array = field(repr=False)
    class_names: dict[int, str] = field(repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("vertices", "normals", "piece_of", "classes", "frame"):
            getattr(self, name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.polygons)

    def __repr__(self) -> str:
        return (
            f"Mesh({len(self)} polygons, {len(self.edges())} edges, {len(self.vertices)} vertices)"
        )

    # -- polygons ------------------------------------------------------------------------------

    @cached_property
    def sizes(self) -> Indices:
        """Shape (polygons,): how many vertices each has."""
        return np.array([len(p) for p in self.polygons], dtype=np.int64)

    @cached_property
    def corners(self) -> Indices:
        """The polygons one after the other, in one array: ``sizes`` tells where each ends."""
        return np.array([v for p in self.polygons for v in p], dtype=np.int64)

    def triangles(self) -> Indices:
        """A triangulation without further vertices, shape (triangles, 3), oriented alike: polygon
        i is the next ``sizes[i] - 2`` of them."""
        found = [(p[0], *pair) for p in self.polygons for pair in pairwise(p[1:])]
        return np.array(found, dtype=np.int64).reshape(-1, 3)

    def _directed(self) -> Indices:
        """The sides of all polygons, shape (corners, 2)."""
        following = np.arange(1, len(self.corners) + 1)
        ends = np.cumsum(self.sizes)
        following[ends - 1] = ends - self.sizes
        return np.stack([self.corners, self.corners[following]], axis=1)

    def edges(self) -> Indices:
        """Each edge once, shape (edges, 2)."""
        return np.unique(np.sort(self._directed(), axis=1), axis=0)

    @property
    def watertight(self) -> bool:
        """Whether every edge lies in exactly two polygons, which run along it in opposite
        directions: the mesh is not empty, has no rim, and an inside."""
        sides = self._directed()
        forward, times = np.unique(sides, axis=0, return_counts=True)
        backward = np.unique(sides[:, ::-1], axis=0)
        return bool(len(sides)) and bool((times == 1).all()) and np.array_equal(forward, backward)

    @property
    def euler_characteristic(self) -> int:
        """Vertices - edges + polygons. Of a boundary that consists of pieces alone (no ties, no
        points or edges where it only touches) the alternating sum of its Betti numbers, if it
        is bounded or the window is the default one."""
        return len(self.vertices) - len(self.edges()) + len(self)

    def areas(self) -> Array:
        """The area of each polygon, shape (polygons,), in float64."""
        a, b, c = np.moveaxis(self.vertices[self.triangles()], 1, 0)
        doubled = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        owner = np.repeat(np.arange(len(self)), self.sizes - 2)
        found = np.zeros(len(self))
        np.add.at(found, owner, doubled / 2)
        return found

    def components(self) -> Indices:
        """For each polygon the number of its connected component, from 0 on. Polygons that share
        a vertex are connected."""
        return connected(self.sizes, self.corners, len(self.vertices))

    @property
    def bounds(self) -> Array:
        """The least box around the mesh, shape (2, 3); the frame, if there is nothing."""
        if not len(self):
            return self.frame
        return np.stack([self.vertices.min(axis=0), self.vertices.max(axis=0)])

    def part(self, chosen: Indices) -> Mesh:
        """Some of the polygons, with all vertices."""
        return replace(
            self,
            polygons=tuple(self.polygons[k] for k in chosen.tolist()),
            normals=self.normals[chosen],
            piece_of=self.piece_of[chosen],
            classes=self.classes[chosen],
            regions=tuple(self.regions[k] for k in chosen.tolist()),
        )

    # -- files ---------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mesh to a file, in the format that its suffix says.

        ``.ply`` (binary): polygons, with their piece and classes; float64. ``.obj``: polygons, a
        group for each two classes; decimals that give the same float64. ``.stl`` (binary):
        triangles, rounded to float32. ``.html``: see :func:`polyrelu.viewer.save_html`. The file
        appears under its name when it is whole.

        Raises:
            FileFormatError: another suffix, or coordinates that the format cannot hold.
            OSError: the file cannot be written.
        """
        from .io.mesh import save_mesh

        save_mesh(self, path)


def boundary_mesh(boundary: DecisionBoundary, *, window: Window | None = None) -> Mesh:
    """The pieces of a decision boundary in three dimensions as polygons that share vertices.

    Which polygons meet, in what order their vertices come and to which side they face is decided
    in exact arithmetic. Regions on which several classes win everywhere (``boundary.tied``), and
    points and edges of the boundary that no piece holds, are not in a mesh.

    Args:
        boundary: complete, on a domain with three coordinates and an interior.
        window: ``(low, high)``, numbers or arrays of shape (3,): the pieces are cut, exactly, by
            this box. Default on a bounded domain: nothing is cut. On an unbounded one: if all
            pieces are bounded, nothing either; else a box that holds all vertices in its interior,
            so that what is left has the shape (the Betti numbers) of the whole.

    The cost is one or two milliseconds a piece, and without a window on an unbounded domain that of
    :func:`polyrelu.face_complex`.

    Raises:
        DomainError: another number of coordinates, a flat domain, a window that is no box, or
            vertices beyond the range of float64.
        IncompleteError: not all regions are there.
    """
    _check(boundary)
    bounds = _default_bounds(boundary) if window is None else checked_window(window, 3)
    number: dict[Point, int] = {}
    polygons, pieces, equations = [], [], []
    for piece, equation, points in clipped_pieces(boundary, bounds):
        pieces.append(piece)
        equations.append(equation)
        polygons.append(tuple(number.setdefault(p, len(number)) for p in points))
    vertices = rounded_points(list(number))
    if not np.isfinite(vertices).all():
        raise DomainError("vertices lie beyond the range of float64: give a window")
    piece_of = np.array(pieces, dtype=np.int64)
    regions = _regions(boundary)
    first = np.array([regions[i][0] for i in pieces], dtype=np.int64).reshape(-1, 2)
    names = np.array(boundary.decision.classes, dtype=np.int64)
    return Mesh(
        vertices=vertices,
        polygons=tuple(polygons),
        normals=unit_normals(equations),
        piece_of=piece_of,
        classes=names[boundary.labels[first]],
        regions=tuple(regions[i] for i in pieces),
        frame=_floats(*bounds),
        class_names=class_names(boundary),
    )


def connected(sizes: Indices, corners: Indices, n_vertices: int) -> Indices:
    """For each of several sets of vertices, one after the other, the number of its component."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n, total = len(sizes), len(sizes) + n_vertices
    owner = np.repeat(np.arange(n), sizes)
    ones = np.ones(len(owner), dtype=bool)
    joined = csr_array((ones, (owner, n + corners)), shape=(total, total))
    labels = connected_components(joined, directed=False)[1][:n]
    _, first, number = np.unique(labels, return_index=True, return_inverse=True)
    in_order: Indices = np.argsort(np.argsort(first))[number]
    return in_order


def class_names(boundary: DecisionBoundary, names: Sequence[str] | None = None) -> dict[int, str]:
    """For each class what it is called, by its number.

    Raises:
        PolyreluError: another number of names.
    """
    decided = boundary.decision
    if names is None:
        if decided.level is not None:
            level = float(decided.level)
            return {0: f"≤ {level:g}", 1: f"> {level:g}"}
        return {c: f"class {c}" for c in decided.classes}
    if len(names) != len(decided.classes):
        raise PolyreluError(f"class_names must be {len(decided.classes)} names, not {len(names)}")
    return dict(zip(decided.classes, map(str, names), strict=True))


def _check(boundary: DecisionBoundary) -> None:
    graph = boundary.graph
    if graph.dim != 3:
        raise DomainError(f"a mesh needs a boundary in three coordinates, not {graph.dim}")
    if graph.equalities():
        raise DomainError("a mesh needs a domain with an interior")
    if not boundary.complete:
        raise IncompleteError(f"a mesh needs all regions, but {stopped(graph)}")


def _regions(boundary: DecisionBoundary) -> list[tuple[tuple[int, int], ...]]:
    """For each piece the pairs of regions on its sides."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(len(boundary))]
    for piece, (i, j, _) in zip(boundary.piece_of.tolist(), boundary.parts.tolist(), strict=True):
        found[piece].append((i, j))
    return [tuple(pairs) for pairs in found]


def rounded_points(points: list[Point], dim: int = 3) -> Array:
    rows = [[quotient(v, p[-1]) for v in p[:-1]] for p in points]
    return np.array(rows, dtype=np.float64).reshape(-1, dim)


def unit_normals(equations: list[list[int]], dim: int = 3) -> Array:
    """Unit vectors to the second sides: against the equations' gradients."""
    rows = [[quotient(-v, max(map(abs, g[:-1]))) for v in g[:-1]] for g in equations]
    found = np.array(rows, dtype=np.float64).reshape(-1, dim)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found


# --- windows -------------------------------------------------------------------------------------


def _default_bounds(boundary: DecisionBoundary) -> Bounds:
    whole = domain_bounds(boundary.graph.domain)
    if whole is not None:
        return whole
    points, bounded = _vertices(boundary)
    if not points:
        return (Fraction(-1),) * 3, (Fraction(1),) * 3
    low, high = bounds_of(points)
    if bounded:
        return low, high
    pad = MARGIN * max(b - a for a, b in zip(low, high, strict=True)) or Fraction(1)
    return tuple(v - pad for v in low), tuple(v + pad for v in high)


def _floats(*points: ExactPoint) -> Array:
    return np.array([[quotient(v.numerator, v.denominator) for v in p] for p in points])


def picture_window(boundary: DecisionBoundary) -> Window | None:
    """What a picture shows if nobody says: where most vertices are, if some pieces have no end.
    (A few vertices often lie a thousand times farther out than all others.)"""
    from .polygons import bulk

    if domain_bounds(boundary.graph.domain) is not None:
        return None
    points, bounded = _vertices(boundary)
    if bounded or not points:
        return None
    low, high = bulk(rounded_points(points))
    pad = float(MARGIN) * float((high - low).max()) or 1.0
    return low - pad, high + pad


def picture_units(mesh: Mesh) -> Array:
    """What is drawn as long as what, shape (3,): the same lengths, unless what is looked at is more
    than twenty times as long in one coordinate as in another; then all of its sides are."""
    sides: Array = mesh.frame[1] - mesh.frame[0]
    if not np.isfinite(sides).all() or sides.min() <= 0 or sides.max() <= LONGEST * sides.min():
        return np.ones(3)
    return sides


def _vertices(boundary: DecisionBoundary) -> tuple[list[Point], bool]:
    """The vertices of the boundary (with lines: a point of each minimal face), and whether it is
    bounded."""
    cells = boundary.complex
    inside = [[w & (w - 1) != 0 for w in row] for row in boundary.winners]
    corners = zip(cells.members[0], inside[0], strict=True)
    points = [cells.generators[min(face)] for face, kept in corners if kept]
    bounded = cells.n_lines == 0 and all(
        max(face) < cells.n_points
        for faces, row in zip(cells.members, inside, strict=True)
        for face, kept in zip(faces, row, strict=True)
        if kept
    )
    return points, bounded
