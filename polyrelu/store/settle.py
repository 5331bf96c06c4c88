"""Facets of which a search that was stopped leaves open if they are there, decided in rationals."""

from __future__ import annotations

import numpy as np

from ..engine.assemble import Settle, columns, from_layer_1, starts_of
from ..engine.compiled import Compiled
from ..engine.enumerate import Found
from ..graph import RegionGraph
from ..rational import margin


def settle_exactly(compiled: Compiled) -> Settle:
    """Decides by one exact linear program for each facet: is there a point beyond it alone?"""

    def settle(found: Found, doubtful: np.ndarray) -> np.ndarray:
        answer = np.zeros_like(doubtful)
        starts = starts_of(found)
        facets = np.flatnonzero(doubtful)
        if len(facets):
            graph = _graph(compiled, found)
        for f in facets.tolist():
            i = int(np.searchsorted(starts, f, side="right")) - 1
            rows = graph[i].local_rows
            k = f - int(starts[i])
            beyond = margin([*rows[:k], [-v for v in rows[k]], *rows[k + 1 :]])
            answer[f] = beyond.value > 0
        return answer

    return settle


def _graph(compiled: Compiled, found: Found) -> RegionGraph:
    """The regions with all that may be facets, nothing across."""
    own = from_layer_1(found, compiled.layout)
    across = np.where(own.facet < 0, -1, -2)
    parts = vars(columns(compiled, own, across)).copy()
    graph = RegionGraph(
        network=compiled.network, domain=compiled.domain,
        packed_patterns=parts["patterns"], local_witnesses=parts["witnesses"],
        exact_witnesses=parts["exact_witnesses"], unbounded=parts["unbounded"],
        indptr=parts["indptr"], facets=parts["facets"], neighbor=parts["neighbors"],
        coincident=parts["coincident"], vanishing=parts["vanishing"],
        complete=False, stopped_by="regions",
    )  # fmt: skip
    vars(graph)["compiled"] = compiled  # instead of compiling once more
    return graph
