"""Who judges a count: what shares nothing with the engine."""

from __future__ import annotations

from dataclasses import dataclass

import polyrelu

from .nets import Case

ORACLE = 250  # regions, which take it seconds
SAMPLE = 300  # more in 8 dimensions take minutes


@dataclass(frozen=True)
class Truth:
    regions: int
    walls: int
    agrees: bool  # the judge with polyrelu
    judge: str = "oracle"


def truth_of(case: Case, graph: polyrelu.RegionGraph, published: int | None = None) -> Truth:
    """By a published count or a formula, if there is one, and by looking at the regions: the
    oracle's for small networks, else :meth:`polyrelu.RegionGraph.verify`, at some of very many."""
    count = published if published is not None else _formula(case)
    if count is None and len(graph) <= ORACLE:
        return ask_oracle(case, graph)
    report = graph.verify(sample=SAMPLE)
    looked = "verify()" if len(graph) <= SAMPLE else f"verify() of {SAMPLE:,}"
    source = "Zaslavsky, " if published is None else "published, "
    return Truth(
        len(graph) if count is None else count,
        graph.n_walls,
        report.ok and count in (None, len(graph)),
        looked if count is None else source + looked,
    )


def _formula(case: Case) -> int | None:
    """Random hyperplanes in R^d are in general position."""
    whole_space = case.radius == float("inf")
    if not whole_space or len(case.layers) > 1:
        return None
    return polyrelu.zaslavsky(len(case.layers[0][1]), case.dim)


def ask_oracle(case: Case, graph: polyrelu.RegionGraph) -> Truth:
    """Every pattern and every pair that touches. Seconds for some hundred regions."""
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
