"""From blocks of found cells to the columns of a region graph."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numba import njit

from .adjacency import join
from .enumerate import Found
from .program import Compiled


@dataclass(frozen=True)
class Columns:
    """A region graph as arrays; see :class:`polyrelu.graph.RegionGraph`."""

    patterns: np.ndarray
    witnesses: np.ndarray
    exact_witnesses: dict[int, tuple[Fraction, ...]]
    unbounded: np.ndarray
    indptr: np.ndarray
    facets: np.ndarray
    neighbors: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def _pack(words, bit, flip, packed):  # type: ignore[no-untyped-def]
    """Threshold t of region i is bit ``bit[t]`` of its words, complemented if ``flip[t]``."""
    one = np.uint64(1)
    for i in range(len(words)):
        for t in range(len(bit)):
            value = (words[i, bit[t] >> 6] >> np.uint64(bit[t] & 63)) & one
            if flip[t]:
                value ^= one
            packed[i, t >> 3] |= np.uint8(value << np.uint64(t & 7))


def assemble(compiled: Compiled, blocks: list[Found]) -> Columns:
    """Join the blocks, find who touches whom, and write patterns in the network's bits.

    ``blocks`` is emptied on the way, so that the peak of memory stays low.
    """
    program = compiled.program
    first = int(program.first_wall[1])
    starts = np.cumsum([0, *(len(b) for b in blocks)])
    facet_starts = np.cumsum([0, *(len(b.facet) for b in blocks)])
    exact = {
        int(s) + i: point
        for s, b in zip(starts, blocks, strict=False)
        for i, point in b.exact_witness.items()
    }
    attached = [
        b.attached + [[s, f, -first]]
        for s, f, b in zip(starts, facet_starts, blocks, strict=False)
    ]
    zero = [b.zero + [[s, -first]] for s, b in zip(starts, blocks, strict=False)]
    take = lambda name: np.concatenate([getattr(b, name) for b in blocks])  # noqa: E731
    witnesses, unbounded = take("witness"), take("unbounded")
    words = take("pattern")
    indptr = np.concatenate([[0], np.cumsum(take("n_facets"), dtype=np.int64)])
    facet = take("facet")
    blocks.clear()
    facet = np.where(facet >= first, facet - np.int32(first), np.int32(-1) - facet)
    auxiliary = facet < -program.n_domain
    bits = _bit_of_wall(compiled)
    zero_rows, attached_rows = np.concatenate(zero), np.concatenate(attached)
    on_auxiliary = attached_rows[auxiliary[attached_rows[:, 1]]]
    facet[on_auxiliary[:, 1]] = on_auxiliary[:, 2]  # a true wall coincides with an auxiliary one
    auxiliary[on_auxiliary[:, 1]] = False
    neighbors = join(words, indptr, facet, bits, attached_rows, zero_rows, auxiliary)
    patterns = _threshold_bits(compiled, words, bits, zero_rows)
    facets = _name_facets(compiled, facet)
    columns = Columns(patterns, witnesses, exact, unbounded, indptr, facets, neighbors)
    return _merge(columns, words, auxiliary) if auxiliary.any() else columns


def _bit_of_wall(compiled: Compiled) -> np.ndarray:
    """Where the sign of each wall (layer 1 on) stands in a found pattern."""
    program = compiled.program
    bits = [
        64 * int(program.first_word[k] - program.first_word[1]) + i
        for k in range(1, program.n_layers + 1)
        for i in range(int(program.first_wall[k + 1] - program.first_wall[k]))
    ]
    return np.array(bits, dtype=np.int64)


def _threshold_bits(
    compiled: Compiled, words: np.ndarray, bits: np.ndarray, zero: np.ndarray
) -> np.ndarray:
    """Patterns packed by threshold, eight to a byte, the first in the lowest bit."""
    wall, side = compiled.threshold_wall, compiled.threshold_side
    packed = np.zeros((len(words), (len(wall) + 7) // 8), dtype=np.uint8)
    if len(wall):
        _pack(words, bits[wall], side < 0, packed)
    opposite: dict[int, list[int]] = {}
    for t in np.flatnonzero(side < 0).tolist():
        opposite.setdefault(int(wall[t]), []).append(t)
    for i, w in zero.tolist():  # a form that is identically 0 is inactive, seen from either side
        for t in opposite.get(w, ()):
            packed[i, t >> 3] &= np.uint8(255 ^ (1 << (t & 7)))
    return packed


def _name_facets(compiled: Compiled, facet: np.ndarray) -> np.ndarray:
    """Facets by the threshold that represents their wall, or -1 - (inequality of the domain)."""
    n_walls = sum(map(len, compiled.walls))
    names = np.zeros(n_walls + len(compiled.root_rows), dtype=np.int32)
    for t in range(len(compiled.threshold_wall) - 1, -1, -1):
        if compiled.threshold_side[t] > 0:
            names[compiled.threshold_wall[t]] = t
    for k in range(len(compiled.root_rows)):  # auxiliary walls, at the end, are merged away
        source = compiled.sources[k] if k < len(compiled.sources) else 0
        names[-1 - k] = -1 - source
    return names[facet]


def _merge(columns: Columns, words: np.ndarray, auxiliary: np.ndarray) -> Columns:
    """Undo the auxiliary walls: cells of one pattern are one (convex) region."""
    _, first, group = np.unique(words, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    new = rank[group.ravel()]
    keep = first[order]
    rows: list[dict[tuple[int, int], int]] = [{} for _ in keep]
    for i in range(len(words)):
        for f in range(columns.indptr[i], columns.indptr[i + 1]):
            j = int(columns.neighbors[f])
            to = int(new[j]) if j >= 0 else j
            if to != new[i] and not (auxiliary[f] and j < 0):
                name = int(columns.facets[f])  # two regions share one facet, whatever its name
                rows[new[i]].setdefault((to, 0) if to >= 0 else (to, name), name)
    unbounded = np.zeros(len(keep), dtype=bool)
    np.logical_or.at(unbounded, new, columns.unbounded)
    return Columns(
        patterns=columns.patterns[keep],
        witnesses=columns.witnesses[keep],
        exact_witnesses={
            int(new[i]): p for i, p in columns.exact_witnesses.items() if keep[new[i]] == i
        },
        unbounded=unbounded,
        indptr=np.concatenate([[0], np.cumsum([len(r) for r in rows], dtype=np.int64)]),
        facets=np.array([f for r in rows for f in r.values()], dtype=columns.facets.dtype),
        neighbors=np.array([j for r in rows for j, _ in r], dtype=columns.neighbors.dtype),
    )
