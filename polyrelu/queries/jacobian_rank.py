"""How the rank of a network's Jacobian falls from layer to layer, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat

from ..engine.exact import activate
from ..errors import DomainError
from ..graph import RegionGraph
from ..network import Layer, Network
from ..region import unit_pieces
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

    The cost is an exact composition and the integer rank of each layer's table, for each pattern.
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
    ranks = [ranks_on(network, pattern) for pattern in different]
    table = np.array(ranks, dtype=np.int64).reshape(-1, len(network.layers))
    return table[which.ravel()]


def ranks_on(network: Network, pattern: npt.NDArray[np.uint8]) -> list[int]:
    """After each layer, where the activation pattern is this one."""
    found: list[int] = []
    outputs: fmpz_mat | None = None
    for layer, pieces in zip(network.layers, unit_pieces(network, pattern), strict=True):
        z = layer.integer_matrix if outputs is None else layer.integer_matrix * outputs
        outputs = activate(layer.units, z, pieces)
        linear = [row[:-1] for row in outputs.table()[:-1]]
        found.append(int(fmpz_mat(linear).rank()))
    return found
