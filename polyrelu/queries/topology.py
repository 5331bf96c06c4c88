"""Topology of sets of faces of a complex: Betti numbers over Z/2, connected components.

docs/boundary.md says why each is right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from ..faces import FaceComplex
from ..homology import betti_numbers

Closure = Literal["none", "infinity"]
Faces = Sequence[Collection[int]]  # for each k numbers of faces of dimension n_lines + k


def betti_of_closed(cells: FaceComplex, faces: Faces, closure: Closure) -> tuple[int, ...]:
    """The Betti numbers b_0, ..., b_d of a closed union of faces.

    With closure "infinity", of what is left when its unbounded ends and what it has in the domain's
    boundary are one point; no point is added where nothing ends.
    """
    if closure == "none":
        # Pointed polyhedra retract to their bounded faces, all at once.
        bounded = [[i for i in row if cells.has_only_points(k, i)] for k, row in enumerate(faces)]
        return betti_numbers(cells.boundary, bounded) + (0,) * cells.n_lines
    if closure != "infinity":
        raise ValueError(f'closure must be "none" or "infinity", not {closure!r}')
    found = (0,) * cells.n_lines + betti_numbers(cells.boundary, inside(cells, faces))
    ends = any(
        not is_bounded(cells, k, i) or cells.in_domain_boundary[k][i]
        for k, row in enumerate(faces)
        for i in row
    )
    return (found[0] + ends, *found[1:])


def betti_of_open(cells: FaceComplex, faces: Faces) -> tuple[int, ...]:
    """The Betti numbers b_0, ..., b_d of an open union of open faces, by Poincaré duality."""
    found = betti_numbers(cells.boundary, inside(cells, faces))
    return found[::-1] + (0,) * cells.n_lines


def inside(cells: FaceComplex, faces: Faces) -> list[list[int]]:
    """Those that are not in the domain's boundary."""
    sides = cells.in_domain_boundary
    return [[i for i in row if not sides[k][i]] for k, row in enumerate(faces)]


def is_bounded(cells: FaceComplex, k: int, index: int) -> bool:
    return cells.n_lines == 0 and cells.has_only_points(k, index)


def components(cells: FaceComplex, faces: Faces) -> Iterator[list[list[int]]]:
    """The connected components of a closed union of faces, each as faces again."""
    parent: dict[int, int] = {}

    def root(v: int) -> int:
        while parent.setdefault(v, v) != v:
            parent[v] = v = parent[parent[v]]
        return v

    for k, row in enumerate(faces):
        for i in row:
            first, *rest = cells.points_of(k, i)
            for v in rest:
                parent[root(v)] = root(first)
    found: dict[int, list[list[int]]] = {}
    for k, row in enumerate(faces):
        for i in row:
            name = root(cells.points_of(k, i)[0])
            found.setdefault(name, [[] for _ in faces])[k].append(i)
    yield from found.values()
