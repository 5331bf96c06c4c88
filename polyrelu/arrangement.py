"""Hyperplane arrangements: the one-layer case, with the field's own numbers."""

from __future__ import annotations

from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .activations import relu
from .deletion_restriction import (
    Hyperplane,
    distinct,
    face_numbers,
    flats,
    normal_form,
    rank,
    whitney_numbers,
)
from .domain import Domain, Space
from .enumeration import Count, count_regions, regions
from .errors import DomainError, NetworkError
from .limits import Limits
from .network import Affine, Layer, Network
from .progress import Progress
from .rational import IntegerRow, dot, null_space, rows_of
from .rational import rank as row_rank

if TYPE_CHECKING:
    from .graph import RegionGraph


class Arrangement:
    """The hyperplanes ``{x : A[i] @ x + b[i] = 0}`` of R^dim, exactly. Immutable.

    The signs are those of pre-activations: a layer ``relu(A @ x + b)`` is active where they
    are positive. (Where others write ``A x = b``, pass ``-b``.)

    Rows may be anything. Rows with the same zero set, also opposite ones, are one hyperplane.
    A row of zeros is none: its sign is that of b[i] everywhere, and 0 if b[i] is 0. Cells are
    open and full-dimensional; if the normals do not span the space every cell contains whole
    lines (:attr:`lineality`) and none is bounded.

    Two independent ways lead to the number of cells: enumeration (:meth:`cells`,
    :meth:`count_cells`, also in a domain) and deletion-restriction
    (:meth:`characteristic_polynomial` and what follows from it, in R^dim).

    Args:
        A: shape (n, dim).
        b: shape (n,); default zeros, a central arrangement.

    Raises:
        NetworkError: shapes that do not match, NaN, infinity, integers beyond float64.
    """

    def __init__(self, A: npt.ArrayLike, b: npt.ArrayLike | None = None) -> None:
        normals = np.asarray(A)
        if normals.ndim != 2:
            raise NetworkError(f"A must have shape (n, dim), not {normals.shape}")
        offsets = np.zeros(len(normals)) if b is None else b
        self._layer = Layer([Affine(A, offsets)], relu())  # type: ignore[arg-type]

    @classmethod
    def from_layer(cls, layer: Layer) -> Arrangement:
        """The breakpoints of a layer's units, in the layer's own input space.

        Rows are the layer's thresholds: one for each unit and breakpoint.

        Raises:
            NetworkError: the layer has no breakpoints.
        """
        if not isinstance(layer, Layer):
            raise NetworkError(
                f"from_layer takes one Layer, such as network.layers[0], not {layer!r}"
            )
        if not layer.thresholds:
            raise NetworkError("the layer's units have no breakpoints: there are no hyperplanes")
        arrangement = cls.__new__(cls)
        arrangement._layer = layer
        return arrangement

    # -- what it is --------------------------------------------------------------------------

    @property
    def dim(self) -> int:
        return self._layer.in_features

    @property
    def network(self) -> Network:
        """The one-layer network whose activation regions are the cells."""
        return Network((self._layer,))

    @cached_property
    def rows(self) -> tuple[IntegerRow, ...]:
        """For each row a positive multiple of (A[i], b[i]), in integers."""
        table = rows_of(self._layer.integer_matrix)
        scale = table[-1][-1]
        rows = []
        for unit, t in self._layer.thresholds:
            row = [t.denominator * v for v in table[unit]]
            rows.append([*row[:-1], row[-1] - t.numerator * scale])
        return tuple(rows)

    @cached_property
    def hyperplanes(self) -> tuple[Hyperplane, ...]:
        """The distinct hyperplanes, as primitive integer rows whose first entry is positive."""
        return tuple(distinct(self.rows))

    @cached_property
    def hyperplane_of_row(self) -> tuple[int, ...]:
        """For each row the index of its hyperplane; -1 for a row of zeros."""
        index: dict[Hyperplane | None, int] = {h: i for i, h in enumerate(self.hyperplanes)}
        return tuple(index.get(normal_form(row), -1) for row in self.rows)

    @cached_property
    def rank(self) -> int:
        """The dimension that the normals span."""
        return rank(self.hyperplanes)

    @property
    def lineality(self) -> list[IntegerRow]:
        """A basis, in integers, of the directions along which nothing changes."""
        return null_space([list(h[:-1]) for h in self.hyperplanes], self.dim)

    @property
    def is_central(self) -> bool:
        """Whether all hyperplanes contain the origin."""
        return not any(h[-1] for h in self.hyperplanes)

    @cached_property
    def is_simple(self) -> bool:
        """Are the hyperplanes in general position: any ``k <= dim`` meet in dimension ``dim - k``
        and no ``dim + 1`` have a common point? By determinants, one for each choice of those."""
        rows, d = self.hyperplanes, self.dim
        most = min(len(rows), d)
        meet = all(rank(some) == most for some in combinations(rows, most))
        return meet and all(
            row_rank([list(row) for row in some]) > d for some in combinations(rows, d + 1)
        )

    def __len__(self) -> int:
        """The number of distinct hyperplanes."""
        return len(self.hyperplanes)

    def __repr__(self) -> str:
        return f"Arrangement({len(self)} hyperplanes in R^{self.dim}, rank {self.rank})"

    # -- cells, by enumeration ---------------------------------------------------------------

    def cells(
        self,
        domain: Domain | None = None,
        *,
        limits: Limits | None = None,
        progress: bool | Progress = False,
    ) -> RegionGraph:
        """Every cell in R^dim or in a domain, and which of them touch.

        See :func:`polyrelu.regions` for the arguments and errors.
        """
        return regions(self.network, self._domain(domain), limits=limits, progress=progress)

    def count_cells(
        self,
        domain: Domain | None = None,
        *,
        limits: Limits | None = None,
        progress: bool | Progress = False,
    ) -> Count:
        """The number of cells in R^dim or in a domain, by enumeration, without storing them."""
        return count_regions(self.network, self._domain(domain), limits=limits, progress=progress)

    def bounded_cells(self, cells: RegionGraph) -> npt.NDArray[np.intp]:
        """The indices of the bounded ones among ``cells``."""
        return np.flatnonzero(~cells.unbounded)

    def sign_vectors(self, cells: RegionGraph) -> npt.NDArray[np.int8]:
        """The sign of ``A @ x + b`` on each cell: shape (cells, rows), entries -1, 0, 1.

        0 stands only where a row vanishes on the whole domain.
        """
        if cells.network.thresholds != self.network.thresholds or cells.dim != self.dim:
            raise DomainError("these are not cells of this arrangement")
        signs = (2 * cells.patterns.astype(np.int8) - 1).astype(np.int8)
        columns = list(zip(*rows_of(cells.domain.chart().matrix), strict=True))
        for i, row in enumerate(self.rows):
            if not any(dot(row, column) for column in columns):
                signs[:, i] = 0
        return signs

    def _domain(self, domain: Domain | None) -> Domain:
        return Space(self.dim) if domain is None else domain

    # -- numbers, by deletion and restriction ------------------------------------------------

    @cached_property
    def _whitney(self) -> tuple[int, ...]:
        return tuple(whitney_numbers(self.hyperplanes, self.dim))

    def characteristic_polynomial(self) -> tuple[int, ...]:
        """Coefficients, of t^dim first and 1 last.

        By deletion-restriction, without geometry (Orlik and Terao 1992, section 2.3). The cost
        grows like the number of flats times hyperplanes; only small integers are fast.
        """
        return tuple((-1) ** k * w for k, w in enumerate(self._whitney))

    def whitney_numbers(self, kind: int = 1) -> tuple[int, ...]:
        """Whitney numbers w_0, ..., w_dim of the intersection poset.

        Args:
            kind: 1: sums of the Moebius function over the flats of each codimension, signed;
                2: the number of flats of each codimension.
        """
        if kind == 1:
            return self.characteristic_polynomial()
        if kind != 2:
            raise ValueError(f"kind must be 1 or 2, not {kind!r}")
        counts = [0] * (self.dim + 1)
        for _, k in flats(self.hyperplanes, self.dim):
            counts[self.dim - k] += 1
        return tuple(counts)

    def n_chambers(self) -> int:
        """The number of cells of R^dim: ``|chi(-1)|`` (Zaslavsky 1975)."""
        return sum(self._whitney)

    def n_bounded(self) -> int:
        """The number of bounded cells: ``|chi(1)|`` if the normals span the space, else 0."""
        return self.n_relatively_bounded() if self.rank == self.dim else 0

    def n_relatively_bounded(self) -> int:
        """The number of cells that are bounded but for the lineality space: ``|chi(1)|``."""
        return abs(sum(self.characteristic_polynomial()))

    def f_vector(self) -> tuple[int, ...]:
        """The number of faces of each dimension 0, ..., dim; the last is :meth:`n_chambers`.

        Visits every flat, so it costs far more than the characteristic polynomial.
        """
        return tuple(face_numbers(self.hyperplanes, self.dim))
