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
    found = _concatenate(blocks)
    if len(compiled.root_rows) > compiled.program.n_domain:
        found = _merge(compiled, found)
    first = np.int32(compiled.program.first_wall[1])
    indptr = np.concatenate([[0], np.cumsum(found.n_facets, dtype=np.int64)])
    facet = np.where(found.facet >= first, found.facet - first, np.int32(-1) - found.facet)
    attached = found.attached - np.array([0, 0, first])
    zero = found.zero - np.array([0, first])
    bits = _bit_of_wall(compiled)
    neighbors = join(found.pattern, indptr, facet, bits, attached, zero)
    return Columns(
        patterns=_threshold_bits(compiled, found.pattern, bits, zero),
        witnesses=found.witness,
        exact_witnesses=found.exact_witness,
        unbounded=found.unbounded,
        indptr=indptr,
        facets=_name_facets(compiled, facet),
        neighbors=neighbors,
    )


def _concatenate(blocks: list[Found]) -> Found:
    """One block of all, its indices counted from the first region and facet on."""
    starts = np.cumsum([0, *(len(b) for b in blocks)]).tolist()
    facet_starts = np.cumsum([0, *(len(b.facet) for b in blocks)]).tolist()
    exact = {
        s + i: point
        for s, b in zip(starts, blocks, strict=False)
        for i, point in b.exact_witness.items()
    }
    columns = {
        "attached": [
            b.attached + np.array([s, f, 0])
            for s, f, b in zip(starts, facet_starts, blocks, strict=False)
        ],
        "zero": [b.zero + np.array([s, 0]) for s, b in zip(starts, blocks, strict=False)],
    }
    for name in ("pattern", "witness", "n_facets", "n_vertices", "unbounded", "facet"):
        columns[name] = [getattr(b, name) for b in blocks]
    blocks.clear()
    # Column by column, so that the parts of one are freed before the next is joined.
    joined = {name: np.concatenate(columns.pop(name)) for name in list(columns)}
    return Found(exact_witness=exact, **joined)


def _merge(compiled: Compiled, found: Found) -> Found:
    """Undo the auxiliary walls: cells of one pattern are one (convex) region.

    A facet is known by all the walls that contain it; those of auxiliary walls alone go.
    """
    program = compiled.program
    auxiliary = range(program.n_domain, int(program.first_wall[1]))
    walls: list[list[int]] = [[w] for w in found.facet.tolist()]
    for _, f, wall in found.attached.tolist():
        walls[f].append(wall)
    _, first, group = np.unique(found.pattern, axis=0, return_index=True, return_inverse=True)
    new = np.argsort(np.argsort(first))[group.ravel()]
    keep = np.sort(first)
    facets: list[dict[tuple[int, ...], None]] = [{} for _ in keep]
    owners = np.repeat(new, found.n_facets)
    for i, through in zip(owners.tolist(), walls, strict=True):
        true = tuple(sorted(w for w in through if w not in auxiliary))
        if true:
            facets[i][true] = None
    flat = [(i, true) for i, row in enumerate(facets) for true in row]
    unbounded = np.zeros(len(keep), dtype=bool)
    np.logical_or.at(unbounded, new, found.unbounded)
    zero = found.zero[np.isin(found.zero[:, 0], keep)]
    return Found(
        pattern=found.pattern[keep],
        witness=found.witness[keep],
        exact_witness={int(new[i]): p for i, p in found.exact_witness.items() if keep[new[i]] == i},
        n_facets=np.array([len(row) for row in facets], dtype=found.n_facets.dtype),
        n_vertices=found.n_vertices[keep],
        unbounded=unbounded,
        facet=np.array([true[0] for _, true in flat], dtype=found.facet.dtype),
        attached=np.array(
            [(i, f, w) for f, (i, true) in enumerate(flat) for w in true[1:]], dtype=np.int64
        ).reshape(-1, 3),
        zero=np.stack([new[zero[:, 0]], zero[:, 1]], axis=1),
    )


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
    n_domain = compiled.program.n_domain
    names = np.zeros(n_walls + n_domain, dtype=np.int32)
    for t in range(len(compiled.threshold_wall) - 1, -1, -1):
        if compiled.threshold_side[t] > 0:
            names[compiled.threshold_wall[t]] = t
    for k in range(n_domain):
        names[-1 - k] = -1 - compiled.sources[k]
    named: np.ndarray = names[facet]
    return named
