"""Betti numbers over Z/2: of triangulated surfaces, and against gudhi."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from polyrelu.homology import betti_numbers

TORUS = [
    (i % 7, (i + a) % 7, (i + b) % 7) for i in range(7) for a, b in ((1, 3), (2, 3))
]  # Möbius's, with 7 vertices
PROJECTIVE_PLANE = [
    (0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 5), (0, 1, 5),
    (1, 2, 4), (2, 4, 5), (2, 3, 5), (1, 3, 5), (1, 3, 4),
]  # fmt: skip
SPHERE = list(combinations(range(4), 3))
BALL = [(0, 1, 2, 3)]


def complex_of(simplices):
    """All faces of simplices by dimension, and the boundary of each."""
    faces = {f for s in simplices for k in range(1, len(s) + 1) for f in combinations(sorted(s), k)}
    top = max(map(len, faces))
    levels = [sorted(f for f in faces if len(f) == k + 1) for k in range(top)]
    number = [{f: i for i, f in enumerate(level)} for level in levels]
    boundary = [[() for _ in levels[0]]] + [
        [tuple(number[k - 1][g] for g in combinations(f, k)) for f in levels[k]]
        for k in range(1, top)
    ]
    return levels, boundary


def betti_of(simplices):
    levels, boundary = complex_of(simplices)
    return betti_numbers(boundary, [range(len(level)) for level in levels])


@pytest.mark.parametrize(
    ("simplices", "betti"),
    [
        (TORUS, (1, 2, 1)),
        (PROJECTIVE_PLANE, (1, 1, 1)),  # over Z/2; over Q it is (1, 0, 0)
        (SPHERE, (1, 0, 1)),
        (BALL, (1, 0, 0, 0)),
        ([(0, 1), (1, 2), (0, 2), (3,)], (2, 1)),
        ([*SPHERE, *(tuple(v + 4 for v in s) for s in TORUS)], (2, 2, 2)),
    ],
)
def test_surfaces(simplices, betti):
    assert betti_of(simplices) == betti


def test_open_sets_have_closed_supports():
    """The open ball has that of R^3, the ball without its sphere; an open interval no point."""
    levels, boundary = complex_of(BALL)
    inside = [range(len(level)) if k == 3 else [] for k, level in enumerate(levels)]
    assert betti_numbers(boundary, inside) == (0, 0, 0, 1)
    levels, boundary = complex_of([(0, 1), (1, 2)])
    assert betti_numbers(boundary, [[1], [0, 1]]) == (0, 1)
    assert betti_numbers(boundary, [[0, 1], [0, 1]]) == (0, 0)


@pytest.mark.parametrize("seed", range(60))
def test_random_complexes_against_gudhi(seed):
    gudhi = pytest.importorskip("gudhi")
    choose = Random(seed)
    n = choose.randint(2, 9)
    simplices = [tuple(choose.sample(range(n), choose.randint(1, min(4, n)))) for _ in range(3 * n)]
    tree = gudhi.SimplexTree()
    for simplex in simplices:
        tree.insert(simplex)
    tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True)
    found = betti_of(simplices)
    assert list(found) == (tree.betti_numbers() + [0] * 9)[: len(found)]
