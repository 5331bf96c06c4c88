"""Levels "patterns" and "adjacency": the columns of the graph, and who names whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .report import Check, Tally
from .run import Run

if TYPE_CHECKING:
    from ..graph import RegionGraph

Ints = npt.NDArray[np.int64]


def check_columns(graph: RegionGraph) -> Check:
    """Without this the graph cannot be read, and nothing else is checked."""
    tally = Tally("patterns", "columns", "the columns of the graph fit together", len(graph))
    n, n_bits, n_facets = len(graph), len(graph.network.thresholds), len(graph.facets)
    pointers, facets, neighbor = graph.indptr, graph.facets, graph.neighbor
    if graph.packed_patterns.shape != (n, (n_bits + 7) // 8):
        tally.fail(None, f"{n_bits} thresholds do not fit packed_patterns' shape")
    elif n_bits % 8 and n and (graph.packed_patterns[:, -1] >> (n_bits % 8)).any():
        tally.fail(None, "packed_patterns has bits beyond the last threshold")
    if len(graph.local_witnesses) != n or len(graph.unbounded) != n:
        tally.fail(None, "local_witnesses and unbounded must have one row for each region")
    if n == 0 and graph.complete:
        tally.fail(None, "a complete graph has at least one region")
    if pointers.shape != (n + 1,) or pointers[0] != 0 or pointers[-1] != n_facets \
            or (np.diff(pointers) < 0).any():  # fmt: skip
        tally.fail(None, "indptr must rise from 0 to the number of facets")
        return tally.done()
    if neighbor.shape != (n_facets,):
        tally.fail(None, "facets and neighbor must have the same length")
        return tally.done()
    owner = np.repeat(np.arange(n), np.diff(pointers))
    first = -len(graph.domain.inequalities())
    for wrong, what in (
        ((facets < first) | (facets >= n_bits), "is neither a threshold nor an inequality"),
        ((neighbor < -2) | (neighbor >= n), "leads to a region that does not exist"),
        ((facets < 0) != (neighbor == -1), "must be named as the domain's iff it ends there"),
        (neighbor == owner, "leads back to the region itself"),
    ):
        at = np.flatnonzero(wrong)
        tally.fail_each(owner[at], lambda k, at=at, what=what: f"facet {facets[at[k]]} {what}")  # type: ignore[misc]
    return tally.done()


def check_patterns(run: Run) -> list[Check]:
    graph = run.graph
    inside = Tally("patterns", "witnesses", "each region's point has its pattern, exactly")
    for i in run.chosen:
        inside.checked += 1
        why = run.misplaced(graph.exact_point(i), i)
        if why is not None:
            inside.fail(i, f"its point {why}")
        run.step()
    distinct = Tally("patterns", "distinct", "no two regions have one pattern", len(graph))
    packed = np.ascontiguousarray(graph.packed_patterns)
    keys = packed.view((np.void, packed.shape[1])).ravel() if packed.size else np.zeros(len(graph))
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    original = first[group]
    again = np.flatnonzero(original != np.arange(len(graph)))
    distinct.fail_each(again, lambda k: f"its pattern is that of region {original[again[k]]}")
    return [inside.done(), distinct.done()]


def check_adjacency(run: Run) -> list[Check]:
    graph = run.graph
    owner = np.repeat(np.arange(len(graph)), np.diff(graph.indptr))
    joined = np.flatnonzero(graph.neighbor >= 0)
    here, there = owner[joined], graph.neighbor[joined].astype(np.int64)
    return [
        _check_symmetric(len(graph), here, there),
        _check_bits(run, here, there, graph.facets[joined]),
        _check_explored(graph, owner),
        _check_connected(graph, here, there),
    ]


def _check_symmetric(n: int, here: Ints, there: Ints) -> Check:
    tally = Tally("adjacency", "symmetric", "neighbours name each other, once", len(here))
    pair, count = np.unique(here * n + there, return_counts=True)
    alone = pair[~np.isin(pair, there * n + here)]
    tally.fail_each(alone // n, lambda k: f"names region {alone[k] % n}, which does not name it")
    twice = pair[count > 1]
    tally.fail_each(twice // n, lambda k: f"names region {twice[k] % n} more than once")
    return tally.done()


def _check_bits(run: Run, here: Ints, there: Ints, facets: npt.NDArray[np.int32]) -> Check:
    """Where the bit does not change, the form must vanish on the other side, or bounce off."""
    tally = Tally("adjacency", "bits", "patterns differ, by the facet's threshold", len(here))
    packed = run.graph.packed_patterns
    same = np.flatnonzero((packed[here] == packed[there]).all(axis=1))
    tally.fail_each(here[same], lambda k: f"its neighbour {there[same[k]]} has its pattern")
    if not packed.shape[1]:
        return tally.done()
    changed = ((packed[here, facets >> 3] ^ packed[there, facets >> 3]) >> (facets & 7)) & 1
    for e in np.flatnonzero(changed == 0):
        i, j, t = int(here[e]), int(there[e]), int(facets[e])
        mine, other = run.wall(i, t), run.wall(j, t)
        if not any(mine) or (any(other) and other != [-v for v in mine]):
            tally.fail(i, f"threshold {t} keeps its bit through its facet to region {j}")
    return tally.done()


def _check_explored(graph: RegionGraph, owner: Ints) -> Check:
    tally = Tally("adjacency", "explored", "a region is known behind every facet", len(owner))
    at = np.flatnonzero(graph.neighbor == -2)
    if graph.complete:
        tally.fail_each(owner[at], lambda k: f"facet {graph.facets[at[k]]} was not explored")
    else:
        tally.note = f"{len(at):,} unexplored, as the graph is incomplete"
    return tally.done()


def _check_connected(graph: RegionGraph, here: Ints, there: Ints) -> Check:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    tally = Tally("adjacency", "connected", "every region is reached through facets")
    if not graph.complete:
        tally.note = "left out: the graph is incomplete"
        return tally.done()
    n = tally.checked = len(graph)
    links = csr_array((np.ones(len(here), dtype=np.int8), (here, there)), shape=(n, n))
    parts, label = connected_components(links, directed=False)
    if parts > 1:
        odd = int(np.flatnonzero(label != label[0])[0])
        tally.fail(odd, f"is not reached from region 0: the graph has {parts} parts")
    return tally.done()
