"""How the rank of a network's Jacobian falls from layer to layer, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat, nmod_mat

from ..errors import DomainError
from ..graph import RegionGraph
from ..network import Layer, Network
from ..rational import PRIME, rows_of
from ..region import region_forms, unit_pieces
from .tangent import checked_points, exact_bits
from .where import as_network


def jacobian_ranks(
    what: Layer | Network | RegionGraph,
    points: npt.ArrayLike | Sequence[Sequence[float | Fraction]] | None = None,
) -> npt.NDArray[np.int64]:
    """The rank of the derivative in the input of every layer's output.

    Args:
        what: a region graph, or a network with ``points``. On a slice it is the derivative in the
            slice's coordinates.
        points: shape (n, input_dim), float64, or rows of fractions. On a wall a unit has the
            derivative of its left side, as ReLU'(0) = 0.

    Returns:
        Shape (regions or points, layers): entry (i, l) is the rank after layer l and its units. A
        row never increases. Regions that a limit left out are not there.

    Raises:
        DomainError: points of a wrong shape, NaN or infinity; a graph with points, or a network
            without.

    The cost for each pattern is a product of the weights modulo a prime; where that leaves a rank
    open, an exact composition and its integer rank.
    Feng et al. 2022, "Rank diminishing in deep neural networks".
    """
    if isinstance(what, RegionGraph):
        if points is not None:
            raise DomainError("of a region graph the ranks of all regions are given: no points")
        network, patterns = what.network, what.patterns
    else:
        if points is None:
            raise DomainError("a network needs points; give its region graph for all regions")
        network = as_network(what)
        patterns = exact_bits(network, checked_points(network, points, "exact"))
    different, which = np.unique(patterns, axis=0, return_inverse=True)
    residues = [_linear_residues(layer) for layer in network.layers]
    ranks = [_ranks_on(network, residues, pattern) for pattern in different]
    table = np.array(ranks, dtype=np.int64).reshape(-1, len(network.layers))
    return table[which.ravel()]


def _ranks_on(
    network: Network, residues: list[nmod_mat], pattern: npt.NDArray[np.uint8]
) -> list[int]:
    """After each layer, where the activation pattern is this one. The rank modulo a prime is a
    bound from below, that of the layer before and the number of active units are bounds from above;
    integers decide where these differ."""
    found: list[int] = []
    jacobian, rank = None, network.input_dim
    pieces = unit_pieces(network, pattern)
    for k, layer in enumerate(network.layers):
        slopes = [unit.slopes[j] for unit, j in zip(layer.units, pieces[k], strict=True)]
        linear = residues[k] if jacobian is None else residues[k] * jacobian
        jacobian = _diagonal(slopes) * linear
        rank = min(rank, sum(slope != 0 for slope in slopes))
        if jacobian.rank() < rank:
            rank = _exact_rank(Network(network.layers[: k + 1]), pattern)
        found.append(rank)
    return found


def _linear_residues(layer: Layer) -> nmod_mat:
    """A multiple of its weight."""
    table = [row[:-1] for row in rows_of(layer.integer_matrix)[:-1]]
    return nmod_mat(len(table), len(table[0]), [v % PRIME for row in table for v in row], PRIME)


def _diagonal(slopes: Sequence[Fraction]) -> nmod_mat:
    n, scale = len(slopes), lcm(*(slope.denominator for slope in slopes))
    entries = [0] * (n * n)
    entries[:: n + 1] = [int(slope * scale) % PRIME for slope in slopes]
    return nmod_mat(n, n, entries, PRIME)


def _exact_rank(network: Network, pattern: npt.NDArray[np.uint8]) -> int:
    """Of the output's Jacobian."""
    outputs = region_forms(network, pattern[: len(network.thresholds)])[-1]
    return int(fmpz_mat([row[:-1] for row in rows_of(outputs)[:-1]]).rank())
