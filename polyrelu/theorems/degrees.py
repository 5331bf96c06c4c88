"""Claims on the region graph: how many neighbours, how far apart."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..limits import Limits
from ..network import Network
from .claim import Known, Source
from .common import GENERIC, all_regions, gaussian_networks
from .registry import claim

TOPIC = "degrees"
GAINES_BI = "Gaines and Bi 2026"
NETWORKS = gaussian_networks(
    [(2, 8, 6), (3, 6, 5), (4, 6, 4)], [(2, 16, 16), (3, 10, 10), (4, 8, 6), (5, 8, 5)]
)


@claim(
    "average-degree",
    "On average a region of R^d has at most 2d neighbours.",
    source=Source(GAINES_BI, "theorem 3.4", Known.NOTE),
    topic=TOPIC,
    instances=NETWORKS,
    hypotheses=[GENERIC],
)
def average_degree(network: Network, limits: Limits) -> tuple[bool, dict[str, Any]]:
    graph = all_regions(network, limits)
    average = Fraction(2 * graph.n_walls, len(graph))
    most = 2 * network.input_dim
    return average <= most, {"regions": len(graph), "average": average, "2d": most}
