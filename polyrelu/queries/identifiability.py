"""Which neurons and weights of a network its function on a domain determines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..canonical_form import is_homogeneous
from ..domain import Domain, Slice
from ..errors import DomainError, IncompleteError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Network
from ..progress import Progress
from ..rational import IntegerRow, independent, integer_row, null_space
from ..rational_network import RationalNetwork
from ..region import unit_pieces
from .where import graph_of, stopped

Matrix = list[list[Fraction]]
Place = tuple[int, int, int]  # layer, unit, input (the last: its bias)


@dataclass(frozen=True)
class NeuronStatus:
    """How a hidden neuron shows on the domain.

    Attributes:
        layer, unit: which neuron.
        kind: "bends", "dead" (its unit is on its first piece everywhere), "always active" (on its
            last), "constant piece" (on another one), "invisible" (the function bends nowhere on
            its walls) or "coincident" (its walls are exactly those of the neuron ``other``).
        other: of a coincident neuron the first unit of the layer with the same walls.
    """

    layer: int
    unit: int
    kind: str
    other: int | None = None

    def __str__(self) -> str:
        with_ = "" if self.other is None else f" with neuron {self.other}"
        return f"layer {self.layer}, neuron {self.unit}: {self.kind}{with_}"


@dataclass(frozen=True, eq=False)
class Identifiability:
    """Which parameters the function on a domain determines, up to positive scaling of neurons.

    Attributes:
        neurons: each hidden neuron.
        determined: for each layer whether each weight, and last the bias, is determined locally:
            shape (out, in + 1). A weight is not if it can be changed, perhaps with others, so that
            to first order the function does not change; of each neuron that can be scaled, the
            largest entry of its row is held fixed, and counts as determined.
        freedom: the dimension of those changes, scalings of neurons apart.
        parameters: how many there are, less one for each neuron that can be scaled.
    """

    neurons: tuple[NeuronStatus, ...]
    determined: tuple[npt.NDArray[np.bool_], ...]
    freedom: int
    parameters: int

    @property
    def identifiable(self) -> bool:
        """Whether all parameters are determined locally: no other network of this architecture
        near this one has its function, but for rescaled ones. (Proved.)"""
        return self.freedom == 0

    def __str__(self) -> str:
        head = f"{self.parameters - self.freedom} of {self.parameters} parameters are determined"
        open_ = [
            f"layer {k}, neuron {i}: {_named(np.flatnonzero(~row), len(row) - 1)} not determined"
            for k, table in enumerate(self.determined)
            for i, row in enumerate(table)
            if not row.all()
        ]
        strange = [str(neuron) for neuron in self.neurons if neuron.kind != "bends"]
        return "\n".join([head, *strange, *open_])


def _named(entries: npt.NDArray[np.int64], bias: int) -> str:
    weights = [str(j) for j in entries.tolist() if j != bias]
    names = [f"weights {', '.join(weights)}"] if weights else []
    return " and ".join(names + (["bias"] if bias in entries else []))


def identifiability(
    network: Network | RegionGraph,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Identifiability:
    """Which neurons show on a domain, and which parameters the function there determines.

    On each region the affine map is a polynomial in the parameters. Where its derivative, over all
    regions together, has no kernel but the scalings of neurons, the function determines the
    parameters locally (inverse function theorem). A kernel is a change of parameters that to first
    order leaves the function as it is: of dead neurons' weights, of weights that are seen only
    where their neuron is inactive, between neurons that are always active. All in rationals. What
    is not said: whether some network far from this one has the same function;
    :func:`polyrelu.recover_from_graph` decides that for up to two hidden layers.

    The cost is that of an exact rank of (regions * outputs * (inputs + 1)) x parameters.

    Raises:
        IncompleteError: a limit was reached; all regions are needed.
        DomainError: the domain is flat.
    """
    graph = graph_of(network, domain, limits, progress)
    if not graph.complete:
        raise IncompleteError(f"all regions are needed, but {stopped(graph)}")
    if graph.equalities():
        raise DomainError("the domain must be full-dimensional; use a Slice for a flat one")
    jacobian = _Jacobian(graph)
    free = jacobian.kernel()
    tables = [
        np.ones((layer.out_features, layer.in_features + 1), dtype=bool)
        for layer in graph.network.layers
    ]
    for change in free:
        for (k, i, j), v in zip(jacobian.places, change, strict=True):
            if v:
                tables[k][i, j] = False
    return Identifiability(tuple(_statuses(graph)), tuple(tables), len(free), len(jacobian.places))


# --- neurons ----------------------------------------------------------------------------------


def _statuses(graph: RegionGraph) -> Iterator[NeuronStatus]:
    pieces = [unit_pieces(graph.network, pattern) for pattern in graph.patterns]
    walls = _walls_of(graph)
    labels = graph.linear_regions()
    owner = np.repeat(np.arange(len(graph)), np.diff(graph.indptr))
    bends = labels[owner] != labels[graph.neighbor]
    for k, layer in enumerate(graph.network.layers[:-1]):
        seen: dict[frozenset[int], int] = {}
        for i, unit in enumerate(layer.units):
            on = {p[k][i] for p in pieces}
            own = walls.get((k, i), frozenset())
            if not unit.breakpoints:
                kind, other = "bends" if not unit.is_identity else "always active", None
            elif len(on) == 1:
                (piece,) = on
                ends = {0: "dead", len(unit.breakpoints): "always active"}
                kind, other = ends.get(piece, "constant piece"), None
            elif own in seen:
                kind, other = "coincident", seen[own]
            else:
                kind, other = "bends" if bends[list(own)].any() else "invisible", None
                seen[own] = i
            yield NeuronStatus(k, i, kind, other)


def _walls_of(graph: RegionGraph) -> dict[tuple[int, int], frozenset[int]]:
    """For each unit the facets on which one of its thresholds vanishes."""
    wall = graph.compiled.threshold_wall  # thresholds with one form share it
    facets_of: dict[int, set[int]] = {}
    inside = np.flatnonzero(graph.neighbor >= 0)
    pairs = [*zip(inside.tolist(), graph.facets[inside].tolist(), strict=True),
             *graph.coincident.tolist()]  # fmt: skip
    for facet, threshold in pairs:
        facets_of.setdefault(int(wall[threshold]), set()).add(facet)
    found: dict[tuple[int, int], set[int]] = {}
    for threshold, (layer, unit, _) in enumerate(graph.network.thresholds):
        found.setdefault((layer, unit), set()).update(facets_of.get(int(wall[threshold]), ()))
    return {unit: frozenset(facets) for unit, facets in found.items()}


# --- parameters -------------------------------------------------------------------------------


class _Jacobian:
    """The derivative of all regions' affine maps, by the parameters that are not held fixed."""

    def __init__(self, graph: RegionGraph) -> None:
        self.graph = graph
        self.layers = RationalNetwork.from_network(graph.network).layers
        fixed = set(self._fixed())
        self.places = [
            (k, i, j)
            for k, layer in enumerate(self.layers)
            for i, row in enumerate(layer.rows)
            for j in range(len(row))
            if (k, i, j) not in fixed
        ]

    def _fixed(self) -> Iterator[Place]:
        """The largest entry of each row that scaling would change."""
        for k, layer in enumerate(self.layers[:-1]):
            for i, (row, unit) in enumerate(zip(layer.rows, layer.units, strict=True)):
                if any(row) and is_homogeneous(unit):
                    yield k, i, max(range(len(row)), key=lambda j: abs(row[j]))

    def kernel(self) -> list[IntegerRow]:
        """Changes of the parameters that change no affine map, to first order."""
        rows: dict[tuple[int, ...], None] = {}
        for pattern in self.graph.patterns:
            rows |= dict.fromkeys(self._rows(unit_pieces(self.graph.network, pattern)))
        table = [list(row) for row in rows if any(row)]
        kept = [table[i] for i in independent(table, len(self.places))] if table else []
        return null_space(kept, len(self.places))

    def _rows(self, pieces: list[list[int]]) -> Iterator[tuple[int, ...]]:
        """d(output o, coefficient c) / d(layer k, unit i, input j) is what output o makes of unit
        i's pre-activation, times coefficient c of input j."""
        dim = self.graph.dim
        inputs = [_affine(dim)]
        for layer, on in zip(self.layers, pieces, strict=True):
            outputs = []
            for row, unit, piece in zip(layer.rows, layer.units, on, strict=True):
                slope, intercept = unit.piece(piece)
                form = [slope * v for v in _times([list(row)], inputs[-1])[0]]
                form[-1] += intercept
                outputs.append(form)
            inputs.append([*outputs, inputs[0][-1]])
        above = self._above(pieces)
        for o in range(len(self.layers[-1].rows)):
            for c in range(dim + 1):
                values = [above[k][o][i] * inputs[k][j][c] for k, i, j in self.places]
                yield tuple(integer_row(values))

    def _above(self, pieces: list[list[int]]) -> list[Matrix]:
        """For each layer: outputs by its units' pre-activations."""
        found: list[Matrix] = []
        outputs = len(self.layers[-1].rows)
        later: Matrix = [[Fraction(int(i == j)) for j in range(outputs)] for i in range(outputs)]
        for layer, on in zip(reversed(self.layers), reversed(pieces), strict=True):
            slopes = [unit.piece(p)[0] for unit, p in zip(layer.units, on, strict=True)]
            later = [[v * s for v, s in zip(row, slopes, strict=True)] for row in later]
            found.append(later)
            later = _times(later, [list(row[:-1]) for row in layer.rows])
        return found[::-1]


def _affine(dim: int) -> Matrix:
    return [[Fraction(int(i == j)) for j in range(dim + 1)] for i in range(dim + 1)]


def _times(a: Matrix, b: Matrix) -> Matrix:
    columns: list[Any] = list(zip(*b, strict=True))
    return [
        [sum((u * v for u, v in zip(row, column, strict=True) if u and v), Fraction(0))
         for column in columns]
        for row in a
    ]  # fmt: skip
