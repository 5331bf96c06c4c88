"""Where regions go: generators of all regions, their images, and pairs of images that meet.

A region is the convex hull of its vertices plus the cone of its rays, and so is its image. Closures
of two regions meet in a common face F (docs/injectivity.md); if the network is injective on
each closure, it is on their union iff the images meet only in the image of F.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import gcd

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat, nmod_mat

from ..engine.kernel import UNIT
from ..engine.separate import APART, IF_FACE, overlapping, separate_pairs
from ..graph import RegionGraph
from ..network import Array, quotient
from ..rational import (
    PRIME,
    ExactPoint,
    IntegerRow,
    dot,
    integer_row,
    margin,
    null_space,
    primitive,
    rows_of,
    solve_affine,
)
from ..region import Region

CHUNK = 1 << 16  # pairs at a time


def column_rank(rows: Sequence[IntegerRow], most: int) -> int:
    """The rank of integer rows of length ``most``: modulo a prime, and exactly if that is less
    than ``most``."""
    flat = [v % PRIME for row in rows for v in row]
    if most == 0 or not rows or nmod_mat(len(rows), most, flat, PRIME).rank() == most:
        return most if rows else 0
    return int(fmpz_mat([list(row) for row in rows]).rank())


class Images:
    """Generators of regions and their images, exact and rounded.

    Homogeneous integers ``(x, w)``: w > 0 for a point, 0 for a ray. Regions are added one by one,
    none of which may contain a line: generators would not be unique.

    Attributes:
        generators, images: of all regions, each once.
        stretch: a ray's image is so many times ``images``.
        indptr, members: generators of region i are ``members[indptr[i] : indptr[i + 1]]``, rising,
            its points before its rays; once :meth:`close` was called.
    """

    def __init__(self, graph: RegionGraph) -> None:
        self.generators: list[tuple[int, ...]] = []
        self.images: list[IntegerRow] = []
        self.stretch: list[Fraction] = []
        self.in_dim = graph.domain.chart().dim
        self._matrix = rows_of(graph.compiled.chart)
        self._number: dict[tuple[int, ...], int] = {}
        self._lists: list[list[int]] = []

    @classmethod
    def of(cls, graph: RegionGraph) -> Images:
        """Of all regions of a graph."""
        images = cls(graph)
        for region in graph:
            images.add(region)
        images.close()
        return images

    def add(self, region: Region) -> None:
        """The next region."""
        forms = region.output_form
        numbers = []
        for local in region.generators():
            g = tuple(primitive([dot(row, local) for row in self._matrix]))
            if g not in self._number:
                self._number[g] = len(self.generators)
                self.generators.append(g)
                image = [dot(row, g) for row in forms]
                self.images.append(primitive(image))
                self.stretch.append(Fraction(gcd(*image), forms[-1][-1]))
            numbers.append(self._number[g])
        self._lists.append(numbers)

    def close(self) -> None:
        """All regions are there: number points before rays."""
        points_first = sorted(range(len(self.images)), key=self.is_ray)
        place = np.argsort(points_first)
        self.generators = [self.generators[g] for g in points_first]
        self.images = [self.images[g] for g in points_first]
        self.stretch = [self.stretch[g] for g in points_first]
        self.indptr = np.cumsum([0, *map(len, self._lists)])
        self.members = np.concatenate([np.sort(place[found]) for found in self._lists])

    def face_dimension(self, a: int, b: int) -> int:
        """The dimension of the common face of two regions, -1 if there is none."""
        shared = set(self.of_region(a)) & set(self.of_region(b))
        return int(fmpz_mat([self.generators[g] for g in shared]).rank()) - 1 if shared else -1

    def touching(self, pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those pairs of regions that have a point in common."""
        points = [{g for g in self.of_region(i) if not self.is_ray(g)} for i in range(len(self))]
        kept = [not points[a].isdisjoint(points[b]) for a, b in pairs.tolist()]
        found: npt.NDArray[np.int64] = pairs[np.array(kept, dtype=bool)]
        return found

    def __len__(self) -> int:
        return len(self._lists)

    def is_ray(self, number: int) -> bool:
        return self.images[number][-1] == 0

    def combine(self, weights: dict[int, Fraction]) -> ExactPoint:
        """The point whose image is the combination of images of generators."""
        size = sum((y * self.images[g][-1] for g, y in weights.items()), Fraction(0))
        point = [Fraction(0)] * (len(self.generators[0]) - 1)
        for g, y in weights.items():
            *x, w = self.generators[g]
            scale = y / self.stretch[g] if w == 0 else y * self.images[g][-1] / w
            point = [p + scale * v / size for p, v in zip(point, x, strict=True)]
        return tuple(point)

    def of_region(self, index: int) -> list[int]:
        found: list[int] = self.members[self.indptr[index] : self.indptr[index + 1]].tolist()
        return found

    def rounded(self) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
        """The images in float64, bounds on their errors, and which are rays."""
        scales = [g[-1] or max(map(abs, g), default=1) or 1 for g in self.images]
        table = np.array(
            [[quotient(v, s) for v in g[:-1]] for g, s in zip(self.images, scales, strict=True)]
        )
        error = UNIT * np.abs(table).max(axis=1, initial=0.0) + 2.0**-1000
        return table, error, np.array([g[-1] == 0 for g in self.images])


def candidate_pairs(
    images: Images, table: Array, error: Array, is_ray: npt.NDArray[np.bool_]
) -> Iterator[npt.NDArray[np.int64]]:
    """Pairs of regions whose images' bounding boxes overlap, also in diagonal directions."""
    directions = _directions(table.shape[1])
    with np.errstate(all="ignore"):
        values = table @ directions.T
        slack = (table.shape[1] + 2) * (error[:, None] + UNIT * np.abs(values)) * 2
        low_of, high_of = values - slack, values + slack
    beyond = ~(np.isfinite(low_of) & np.isfinite(high_of))  # also not a number: anywhere
    low_of[beyond], high_of[beyond] = -np.inf, np.inf
    low_of[is_ray] = np.where(low_of[is_ray] < 0, -np.inf, np.inf)
    high_of[is_ray] = np.where(high_of[is_ray] > 0, np.inf, -np.inf)
    low = np.minimum.reduceat(low_of[images.members], images.indptr[:-1])
    high = np.maximum.reduceat(high_of[images.members], images.indptr[:-1])
    with np.errstate(all="ignore"):  # which direction is swept first costs time, no more
        widths = np.where(np.isfinite(high - low), high - low, 0.0).mean(axis=0)
        spread = np.ptp(np.where(np.isfinite(low), low, 0.0), axis=0) / (widths + 1e-300)
    best = np.argsort(-np.nan_to_num(spread))
    low, high = np.ascontiguousarray(low[:, best]), np.ascontiguousarray(high[:, best])
    order = np.argsort(low[:, 0], kind="stable")
    until = np.searchsorted(low[order, 0], high[order, 0], side="right")
    start = np.array([0, 1])
    pairs = np.zeros((CHUNK, 2), dtype=np.int64)
    while start[0] < len(order):
        n = overlapping(order, low, high, until, start, pairs)
        if n:
            yield pairs[:n].copy()


def _directions(dim: int) -> Array:
    """The axes, and some sums and differences of two (bounding polytopes of more sides)."""
    axes = np.eye(dim)
    pairs = [(i, j) for i in range(dim) for j in range(i)][:24]
    return np.array([*axes, *(axes[i] + s * axes[j] for i, j in pairs for s in (1, -1))])


def uncertain_pairs(
    images: Images,
    pairs: npt.NDArray[np.int64],
    rounded: tuple[Array, Array, npt.NDArray[np.bool_]],
) -> npt.NDArray[np.int64]:
    """Those whose images are not certainly apart in float64."""
    table, error, is_ray = rounded
    answer = np.zeros(len(pairs), np.int64)
    most = 2 * int(np.diff(images.indptr).max()) + 2
    dim = table.shape[1] + 1
    wide = 2 * dim + 4
    separate_pairs(
        pairs, images.indptr, images.members, table, error, is_ray, images.in_dim, answer,
        np.zeros(most, np.int64), np.zeros(most, np.int64), np.zeros((most, dim)), np.zeros(most),
        np.zeros(most, np.int64), np.zeros((dim + 1, dim)), np.zeros(dim + 1),
        np.zeros((dim + 1, dim)), np.zeros(dim + 1, np.int64), np.zeros(dim + 2, np.int64),
        np.zeros(dim + 2), np.zeros((wide, wide)), np.zeros(dim + 2), np.zeros(dim),
    )  # fmt: skip
    for p in np.flatnonzero(answer >= IF_FACE).tolist():
        if images.face_dimension(*pairs[p].tolist()) == answer[p] - IF_FACE:
            answer[p] = APART
    uncertain: npt.NDArray[np.int64] = pairs[answer != APART]
    return uncertain


def meeting_points(images: Images, a: int, b: int) -> tuple[ExactPoint, ExactPoint] | None:
    """Two different points of the closures of two regions with the same image, or None: by an
    exact linear program for a hyperplane that separates the images but for that of the face."""
    first, second = images.of_region(a), images.of_region(b)
    face = sorted(set(first) & set(second))
    if all(map(images.is_ray, face)):  # parallel, but without a common point
        face = []
    rest = [(g, -1) for g in first if g not in face] + [(g, 1) for g in second if g not in face]
    normals = null_space([images.images[g] for g in face], len(images.images[0]))
    rows = [[s * dot(images.images[g], v) for v in normals] + [0] for g, s in rest]
    # From a point of the face a ray leaves it at once; if there is no face, rays may be parallel.
    weak = frozenset(k for k, (g, _) in enumerate(rest) if not face and images.is_ray(g))
    best = margin(rows, weak)
    if best.value > 0:
        return None
    # What the multipliers add up to on either side differs by a combination of the face.
    sides: dict[int, dict[int, Fraction]] = {-1: {}, 1: {}}
    total = [Fraction(0)] * len(images.images[0])
    for (g, s), y in zip(rest, best.multipliers, strict=True):
        sides[s][g] = y
        total = [t + s * y * v for t, v in zip(total, images.images[g], strict=True)]
    if face:
        columns = zip(*(images.images[g] for g in face), strict=True)
        system = [integer_row([*map(Fraction, c), -t]) for c, t in zip(columns, total, strict=True)]
        solution = solve_affine(system, len(face))
        assert solution is not None, "the rows are zero on what is normal to the face"
        for g, z in zip(face, solution, strict=True):
            sides[-1 if z > 0 else 1][g] = abs(z)
        if not any(images.images[g][-1] and y for g, y in sides[1].items()):
            for side in sides.values():  # only rays: from a point of the face
                side[face[0]] = side.get(face[0], Fraction(0)) + 1
    return images.combine(sides[-1]), images.combine(sides[1])
