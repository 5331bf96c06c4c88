"""Linear regions: activation regions that connect and on which the map is exactly the same."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .network import Layer, Network
from .rational import dot, primitive, rows_of
from .region import region_forms

if TYPE_CHECKING:
    from .graph import RegionGraph

# Below this, float64 products of residues can be summed 512 at a time without rounding.
LARGEST_PRIME = 2**22
CHUNK = 4096


def linear_regions(graph: RegionGraph) -> npt.NDArray[np.int64]:
    """A label for each region; see :meth:`RegionGraph.linear_regions`.

    Every region's affine map is applied to a random vector modulo several primes. Maps that
    are equal give equal residues; where two neighbours' residues are equal, the maps are
    compared in integers. The cost is a forward pass per region and prime, and an exact
    composition per region that has such a neighbour.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    n = len(graph)
    edges = graph.edges()
    residues = _residues(graph)
    edges = edges[(residues[edges[:, 0]] == residues[edges[:, 1]]).all(axis=1)]
    exact = {i: _output_map(graph, i) for i in np.unique(edges).tolist()}
    same = [exact[i] == exact[j] for i, j in edges.tolist()]
    edges = edges[np.array(same, dtype=bool)]
    ones = np.ones(len(edges), dtype=bool)
    joined = csr_array((ones, (edges[:, 0], edges[:, 1])), shape=(n, n))
    _, labels = connected_components(joined, directed=False)
    return np.asarray(labels, dtype=np.int64)


def _output_map(graph: RegionGraph, index: int) -> tuple[int, ...]:
    """The output's affine map on the domain, as primitive integers over its denominator."""
    chart = graph.domain.chart().matrix  # a flat domain sees only a part of the map
    rows = rows_of(region_forms(graph.network, graph.pattern(index))[-1] * chart)
    return tuple(primitive([v for row in rows for v in row]))


def _residues(graph: RegionGraph) -> npt.NDArray[np.int64]:
    """Shape (n, primes * outputs)."""
    rng = np.random.default_rng(0)
    chart = rows_of(graph.domain.chart().matrix)
    columns = []
    for prime in _primes(graph.network, 3):
        local = rng.integers(1, prime, size=len(chart[0])).tolist()
        vector = np.array([dot(row, local) % prime for row in chart])
        parts = [
            _forward(graph, slice(start, start + CHUNK), vector, prime)
            for start in range(0, len(graph), CHUNK)
        ]
        columns.append(np.concatenate([*parts, np.zeros((0, graph.network.output_dim))]))
    return np.concatenate(columns, axis=1).astype(np.int64)


def _primes(network: Network, count: int) -> list[int]:
    """Large primes that divide no denominator of the network: residues are then well defined,
    and equal maps have equal ones."""
    denominators = {int(layer.integer_matrix.table()[-1][-1]) for layer in network.layers}
    for unit in {unit for layer in network.layers for unit in layer.units}:
        denominators |= {v.denominator for k in range(len(unit.slopes)) for v in unit.piece(k)}
    found: list[int] = []
    candidate = LARGEST_PRIME
    while len(found) < count:
        candidate -= 1
        if all(candidate % k for k in range(2, math.isqrt(candidate) + 1)) and all(
            d % candidate for d in denominators
        ):
            found.append(candidate)
    return found


def _forward(
    graph: RegionGraph, regions: slice, vector: npt.NDArray[np.int64], prime: int
) -> npt.NDArray[np.float64]:
    """The linear parts and constants of the regions' maps at one random homogeneous vector."""
    n = len(graph.network.thresholds)
    packed = graph.packed_patterns[regions]
    bits = np.unpackbits(packed, axis=1, count=n, bitorder="little")
    h = np.tile(vector[:-1].astype(np.float64), (len(packed), 1))
    one, t = float(vector[-1]), 0
    for layer in graph.network.layers:
        z = _affine(layer, h, one, prime)
        h = np.empty_like(z)
        for u, unit in enumerate(layer.units):
            k = bits[:, t : t + len(unit.breakpoints)].sum(axis=1)
            t += len(unit.breakpoints)
            pieces = [unit.piece(j) for j in range(len(unit.slopes))]
            slope = np.array([_residue(s, prime) for s, _ in pieces], dtype=np.float64)
            intercept = np.array([_residue(c, prime) for _, c in pieces], dtype=np.float64)
            h[:, u] = (slope[k] * z[:, u] + intercept[k] * one % prime) % prime
    return h


def _affine(
    layer: Layer, h: npt.NDArray[np.float64], one: float, prime: int
) -> npt.NDArray[np.float64]:
    rows = rows_of(layer.integer_matrix)
    inverse = _residue(Fraction(1, rows[-1][-1]), prime)
    table = np.array([[v % prime * inverse % prime for v in row] for row in rows[:-1]], dtype=float)
    z = table[:, -1] * one % prime + np.zeros((len(h), 1))
    for start in range(0, layer.in_features, 256):
        part = slice(start, min(start + 256, layer.in_features))
        z = (z + h[:, part] @ table[:, part].T) % prime
    return z


def _residue(value: Fraction, prime: int) -> int:
    """The residue of a fraction whose denominator the prime does not divide."""
    return value.numerator * pow(value.denominator, -1, prime) % prime
