"""Regions that were explored one by one: what is known of one, and their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .compiled import Compiled
from .enumerate import Found
from .patterns import without_gaps
from .ray import Point
from .span import Step

Beyond = np.ndarray | Step | Point


@dataclass
class Region:
    """One that was explored.

    Attributes:
        pattern: the kernel's words from layer 1 on.
        walls: of its facets, sorted.
        across: wall of a facet -> a point beyond it and inside of all other rows, or a step to it
            from the witness, or None if it was not looked for yet; None if they were forgotten.
    """

    pattern: np.ndarray
    witness: np.ndarray
    exact_witness: Point | None
    walls: np.ndarray
    across: dict[int, Beyond | None] | None
    attached: dict[int, list[int]]
    zero: list[int]
    unbounded: bool


def columns(compiled: Compiled, regions: Sequence[Region]) -> Found:
    """The regions as a block."""
    program = compiled.program
    layout, n = compiled.layout, len(regions)
    words = np.array([r.pattern for r in regions], np.uint64).reshape(n, layout.kernel_words)
    facets = np.concatenate([np.zeros(0, np.int32), *(region.walls for region in regions)])
    also = [
        (i, int(np.searchsorted(region.walls, facet)), wall)
        for i, region in enumerate(regions)
        for facet, others in region.attached.items()
        for wall in others
    ]
    zero = [(i, wall) for i, region in enumerate(regions) for wall in region.zero]
    i64 = np.int64
    return Found(
        pattern=without_gaps(layout, words),
        witness=np.array([r.witness for r in regions]).reshape(len(regions), program.dim),
        exact_witness={
            i: r.exact_witness for i, r in enumerate(regions) if r.exact_witness is not None
        },
        n_facets=np.array([len(r.walls) for r in regions], np.int32),
        n_vertices=np.zeros(len(regions), np.int32),
        unbounded=np.array([r.unbounded for r in regions], bool),
        facet=facets,
        maybe=np.zeros(len(facets), bool),
        attached=np.array(also, i64).reshape(-1, 3),
        zero=np.array(zero, i64).reshape(-1, 2),
    )


def nbytes(points: Mapping[int, Beyond | None]) -> int:
    """What points across facets take."""
    known = [p.z if isinstance(p, Step) else p for p in points.values() if p is not None]
    return sum(p.nbytes if isinstance(p, np.ndarray) else 100 * len(p) for p in known)
