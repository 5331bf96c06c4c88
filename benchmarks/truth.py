"""The all-rational oracle of the tests, asked about a network of the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

import polyrelu

from .nets import Case


@dataclass(frozen=True)
class Truth:
    regions: int
    walls: int
    agrees: bool  # polyrelu's patterns and pairs that touch are the oracle's, one by one


def ask_oracle(case: Case, graph: polyrelu.RegionGraph) -> Truth:
    """Seconds for some hundred regions."""
    from tests import oracle

    truth = oracle.solve(case.network(), case.domain())
    patterns = [tuple(int(v) for v in row) for row in graph.patterns]
    edges = {
        frozenset((patterns[i], patterns[int(j)]))
        for i in range(len(graph))
        for j in graph.neighbors(i)
    }
    return Truth(
        regions=len(truth.patterns),
        walls=len(truth.edges),
        agrees=set(patterns) == truth.patterns
        and len(patterns) == len(truth.patterns)
        and edges == truth.edges,
    )
