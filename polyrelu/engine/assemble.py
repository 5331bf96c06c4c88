"""From blocks of found cells to the columns of a region graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np
from numba import njit

from ..threads import ALONE, Threads
from .adjacency import STRETCH, UNEXPLORED, join
from .compilation import ENTRY
from .compiled import Compiled
from .enumerate import Found
from .joined import by_threads
from .layout import Layout
from .patterns import threshold_bits
from .thin import ThinWitnesses

FEW = STRETCH  # regions: threads would not assemble them faster

Settle = Callable[[Found, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Columns:
    """A region graph as arrays; see :class:`polyrelu.graph.RegionGraph`."""

    patterns: np.ndarray
    witnesses: np.ndarray
    exact_witnesses: Mapping[int, tuple[Fraction, ...]]
    unbounded: np.ndarray
    indptr: np.ndarray
    facets: np.ndarray
    neighbors: np.ndarray
    coincident: np.ndarray
    vanishing: np.ndarray
    cut_short: bool


@njit(**ENTRY)
def _translate(walls, names, named):  # type: ignore[no-untyped-def]
    """As ``named[:] = names[walls]``, in place or without the copy of ``walls`` that this makes."""
    for f in range(len(walls)):
        named[f] = names[walls[f]]


def assemble(
    compiled: Compiled,
    settle: Settle,
    blocks: list[Found],
    finished: bool = True,
    most: int | None = None,
    workers: int = 1,
) -> Columns:
    """Join the blocks, find who touches whom, and write patterns in the network's bits.

    At most ``most`` regions are kept. ``blocks`` is emptied on the way, and what was in it may be
    overwritten, so that the peak of memory stays low.
    """
    with Threads(workers if sum(map(len, blocks)) > FEW else 1) as threads:
        found = concatenate(blocks, partial(by_threads, threads=threads))
        return _assembled(compiled, settle, found, finished, most, threads)


def _assembled(
    compiled: Compiled,
    settle: Settle,
    found: Found,
    finished: bool,
    most: int | None,
    threads: Threads,
) -> Columns:
    n = len(found)
    cut_short = False
    if compiled.n_auxiliary:
        if most is not None:  # those cells that one core stops at
            found = _first(compiled, found, most << compiled.n_auxiliary, threads)
            cut_short = len(found) < n
        found, _ = merge(compiled, found, finished and not cut_short)
        n = len(found)
    if most is not None:
        found = _first(compiled, found, most, threads)
        cut_short |= len(found) < n
    if found.maybe.any() or not found.facet.flags.writeable:  # an executor's own memory
        own = from_layer_1(found, compiled.layout)
    else:  # nothing to settle: its facets need not be kept twice
        found = own = from_layer_1(found, compiled.layout, out=found.facet)
    neighbors = join_found(compiled, own, threads)
    finished = finished and not cut_short
    own, neighbors = without_absent(settle, found, own, neighbors, finished)
    return replace(columns(compiled, own, neighbors), cut_short=cut_short)


def _first(compiled: Compiled, found: Found, most: int, threads: Threads) -> Found:
    """The first so many."""
    if len(found) <= most:
        return found
    return take(_with_known_facets(compiled, found, threads), np.arange(most))


def _with_known_facets(compiled: Compiled, found: Found, threads: Threads) -> Found:
    """What has a region across is a facet, also when that region is to go."""
    if not found.maybe.any():
        return found
    across = join_found(compiled, from_layer_1(found, compiled.layout), threads)
    return replace(found, maybe=found.maybe & (across == UNEXPLORED))


def join_found(compiled: Compiled, own: Found, threads: Threads = ALONE) -> np.ndarray:
    """What is across each facet, see :func:`.adjacency.join`; of regions with walls numbered
    :func:`from_layer_1`."""
    bits = compiled.layout.found_bits
    return join(own.pattern, starts_of(own), own.facet, bits, own.attached, own.zero, threads)


def columns(compiled: Compiled, own: Found, neighbors: np.ndarray) -> Columns:
    """Of the regions, and what is across their facets, in the network's thresholds; the facets
    of ``own`` may be overwritten."""
    facet, coincident = first_names(own.facet, own.attached[:, 1:])
    names = wall_names(compiled)
    _translate(facet, names, facet)
    return Columns(
        patterns=threshold_bits(compiled, own.pattern, own.zero),
        witnesses=own.witness,
        exact_witnesses=own.exact_witness,
        unbounded=own.unbounded,
        indptr=starts_of(own),
        facets=facet,
        neighbors=neighbors,
        coincident=_named(coincident, names),
        vanishing=_named(own.zero, names),
        cut_short=False,
    )


def without_absent(
    settle: Settle, found: Found, own: Found, neighbors: np.ndarray, finished: bool
) -> tuple[Found, np.ndarray]:
    """The regions without what only might have been facets, and what is across the others.

    Args:
        settle: see :meth:`.enumerate.Enumeration.settle`.
        found, own: the regions, and the same with walls numbered :func:`from_layer_1`.
    """
    unexplored = neighbors == UNEXPLORED
    if not unexplored.any():
        return own, neighbors
    gone = found.maybe & unexplored
    assert not finished or (gone == unexplored).all(), (
        "a facet of a finished search has nothing on its other side"
    )
    if not finished:
        gone &= ~settle(found, gone)
    if not gone.any():
        return own, neighbors
    return _without_facets(own, gone), neighbors[~gone]


def starts_of(found: Found) -> np.ndarray:
    """Where the facets of each region start."""
    starts = np.zeros(len(found) + 1, dtype=np.int64)
    found.n_facets.cumsum(out=starts[1:])
    return starts


def from_layer_1(found: Found, place: Layout, out: np.ndarray | None = None) -> Found:
    """With walls numbered from the first layer's on, those of the domain -1, -2, ...; those of the
    facets are written to ``out``."""
    attached, zero = found.attached.copy(), found.zero.copy()
    attached[:, 2] -= place.first_wall[1]
    zero[:, 1] -= place.first_wall[1]
    facet = np.empty_like(found.facet) if out is None else out
    _translate(found.facet, place.from_layer_1, facet)
    return Found(**(vars(found) | {"facet": facet, "attached": attached, "zero": zero}))


def _without_facets(found: Found, gone: np.ndarray) -> Found:
    before = np.concatenate([[0], np.cumsum(~gone)])
    attached = found.attached[~gone[found.attached[:, 1]]]
    return replace(
        found,
        n_facets=np.diff(before[starts_of(found)]).astype(found.n_facets.dtype),
        facet=found.facet[~gone],
        maybe=found.maybe[~gone],
        attached=np.stack([attached[:, 0], before[attached[:, 1]], attached[:, 2]], axis=1),
    )


Join = Callable[[list[np.ndarray]], np.ndarray]


def concatenate(blocks: list[Found], join: Join = np.concatenate) -> Found:
    """One block of all, its indices counted from the first region and facet on. ``blocks`` is
    emptied."""
    if len(blocks) == 1:
        return blocks.pop()
    starts = np.cumsum([0, *(len(b) for b in blocks)]).tolist()
    facet_starts = np.cumsum([0, *(len(b.facet) for b in blocks)]).tolist()
    exact = ThinWitnesses.joined([b.exact_witness for b in blocks], starts[:-1])
    columns = {
        "attached": [
            b.attached + np.array([s, f, 0])
            for s, f, b in zip(starts, facet_starts, blocks, strict=False)
        ],
        "zero": [b.zero + np.array([s, 0]) for s, b in zip(starts, blocks, strict=False)],
    }
    for name in ("pattern", "witness", "n_facets", "n_vertices", "unbounded", "facet", "maybe"):
        columns[name] = [getattr(b, name) for b in blocks]
    blocks.clear()
    # Column by column, so that the parts of one are freed before the next is joined.
    joined = {name: join(columns.pop(name)) for name in list(columns)}
    return Found(exact_witness=exact, **joined)


def merge(compiled: Compiled, found: Found, finished: bool) -> tuple[Found, np.ndarray]:
    """Undo the auxiliary walls: cells of one pattern are one (convex) region. Also returns for each
    region its first cell.

    A facet is known by all the walls that contain it; those of auxiliary walls alone go. If
    the enumeration was stopped, regions of which a cell may be missing go as well.
    """
    program = compiled.program
    auxiliary = range(program.n_domain, int(program.first_wall[1]))
    walls: list[list[int]] = [[w] for w in found.facet.tolist()]
    for _, f, wall in found.attached.tolist():
        walls[f].append(wall)
    _, first, group = np.unique(found.pattern, axis=0, return_index=True, return_inverse=True)
    new = np.argsort(np.argsort(first))[group.ravel()]
    keep = np.sort(first)
    owners = np.repeat(new, found.n_facets)
    if not finished:
        partial = _maybe_partial(walls, owners.tolist(), auxiliary)
        if partial:
            whole = ~np.isin(new, list(partial))
            rows = np.flatnonzero(whole)
            merged, first_of_whole = merge(compiled, take(found, rows), True)
            return merged, rows[first_of_whole]
    facets: list[dict[tuple[int, ...], None]] = [{} for _ in keep]
    for i, through in zip(owners.tolist(), walls, strict=True):
        true = tuple(sorted(w for w in through if w not in auxiliary))
        if true:
            facets[i][true] = None
    flat = [(i, true) for i, row in enumerate(facets) for true in row]
    unbounded = np.zeros(len(keep), dtype=bool)
    np.logical_or.at(unbounded, new, found.unbounded)
    zero = found.zero[np.isin(found.zero[:, 0], keep)]
    merged = Found(
        pattern=found.pattern[keep],
        witness=found.witness[keep],
        exact_witness=ThinWitnesses.joined([found.exact_witness], [0]).renumbered(
            np.where(keep[new] == np.arange(len(new)), new, -1)
        ),
        n_facets=np.array([len(row) for row in facets], dtype=found.n_facets.dtype),
        n_vertices=found.n_vertices[keep],
        unbounded=unbounded,
        facet=np.array([true[0] for _, true in flat], dtype=found.facet.dtype),
        maybe=np.zeros(len(flat), dtype=bool),
        attached=np.array(
            [(i, f, w) for f, (i, true) in enumerate(flat) for w in true[1:]], dtype=np.int64
        ).reshape(-1, 3),
        zero=np.stack([new[zero[:, 0]], zero[:, 1]], axis=1),
    )
    return merged, keep


def _maybe_partial(walls: list[list[int]], owners: list[int], auxiliary: range) -> set[int]:
    """Regions that an auxiliary wall cuts, but for those whose two halves are both there."""
    cuts = Counter(
        owner
        for owner, through in zip(owners, walls, strict=True)
        if all(w in auxiliary for w in through)
    )
    return {i for i, count in cuts.items() if len(auxiliary) > 1 or count != 2}


def take(found: Found, rows: np.ndarray) -> Found:
    """Some of the regions, each once, in any order."""
    new = np.full(len(found), -1)
    new[rows] = np.arange(len(rows))
    starts, counts = starts_of(found), found.n_facets[rows].astype(np.int64)
    facets = np.repeat(starts[rows] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    new_facet = np.full(len(found.facet), -1)
    new_facet[facets] = np.arange(len(facets))
    attached, zero = found.attached, found.zero
    attached = np.stack([new[attached[:, 0]], new_facet[attached[:, 1]], attached[:, 2]], axis=1)
    zero = np.stack([new[zero[:, 0]], zero[:, 1]], axis=1)
    return Found(
        pattern=found.pattern[rows],
        witness=found.witness[rows],
        exact_witness=ThinWitnesses.joined([found.exact_witness], [0]).renumbered(new),
        n_facets=found.n_facets[rows],
        n_vertices=found.n_vertices[rows],
        unbounded=found.unbounded[rows],
        facet=found.facet[facets],
        maybe=found.maybe[facets],
        attached=_of_regions(attached),
        zero=_of_regions(zero),
    )


def _of_regions(rows: np.ndarray) -> np.ndarray:
    """Those that begin with a region's number, by regions."""
    kept = rows[rows[:, 0] >= 0]
    return kept[np.argsort(kept[:, 0], kind="stable")]


def packed_patterns(compiled: Compiled, found: Found) -> np.ndarray:
    """:func:`threshold_bits` of found regions."""
    zero = found.zero - np.array([0, compiled.layout.first_wall[1]])
    return threshold_bits(compiled, found.pattern, zero)


def first_names(facet: np.ndarray, attached: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A facet on several walls has the name of the first, whichever of them was cut along.

    Returns the facets' walls, and rows (facet, wall) of the others.
    """
    if len(attached):
        attached = attached[facet[attached[:, 0]] >= 0]
    if not len(attached):
        return facet, attached
    first = facet.copy()
    np.minimum.at(first, attached[:, 0], attached[:, 1].astype(facet.dtype))
    several = np.unique(attached[:, 0])
    through = np.concatenate([attached, np.stack([several, facet[several]], axis=1)])
    through = np.unique(through, axis=0)
    return first, through[through[:, 1] != first[through[:, 0]]]


def wall_names(compiled: Compiled) -> np.ndarray:
    """For each wall the threshold that represents it, or -1 - (inequality of the domain): wall -1
    is the domain's first."""
    sources = [-1 - k for k in reversed(compiled.sources)]
    return np.concatenate([compiled.layout.wall_names, np.array(sources, dtype=np.int32)])


def _named(rows: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Rows (region or facet, wall) with the walls' names."""
    named = rows.copy()
    named[:, 1] = names[rows[:, 1]]
    return named
