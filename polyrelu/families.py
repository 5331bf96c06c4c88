"""Families of hyperplane arrangements from the literature, in integers.

Each function returns (A, b): hyperplane i is ``{x : A[i] @ x + b[i] = 0}``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, permutations, product

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Family = tuple[Integers, Integers]


def _central(rows: Sequence[Sequence[int]]) -> Family:
    table = np.array(rows, dtype=np.int64)
    return table, np.zeros(len(table), dtype=np.int64)


def boolean(n: int) -> Family:
    """x_i = 0."""
    return _central(np.eye(n, dtype=np.int64).tolist())


def _roots(n: int, signs: Sequence[int]) -> list[list[int]]:
    """x_i + sign * x_j for i < j."""
    rows = []
    for i, j in combinations(range(n), 2):
        for sign in signs:
            row = [0] * n
            row[i], row[j] = 1, sign
            rows.append(row)
    return rows


def braid(n: int) -> Family:
    """x_i = x_j: type A."""
    return _central(_roots(n, (-1,)))


def type_b(n: int) -> Family:
    """x_i = 0, x_i = x_j and x_i = -x_j."""
    return _central(np.eye(n, dtype=np.int64).tolist() + _roots(n, (-1, 1)))


def type_d(n: int) -> Family:
    """x_i = x_j and x_i = -x_j."""
    return _central(_roots(n, (-1, 1)))


CARTAN_EDGES = {
    "E6": (6, [(0, 1), (1, 2), (2, 3), (3, 4), (2, 5)]),
    "E7": (7, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (2, 6)]),
}


def reflection(cartan: Sequence[Sequence[int]]) -> Family:
    """The positive roots of a Cartan matrix, in the basis of simple roots.

    Coordinates are x_i = (simple root i)(x), so entries are small integers.
    """
    n = len(cartan)
    roots = {tuple(int(i == j) for j in range(n)) for i in range(n)}
    fresh = set(roots)
    while fresh:
        made = set()
        for root in fresh:
            for i in range(n):
                image = list(root)
                image[i] -= sum(root[j] * cartan[j][i] for j in range(n))
                if min(image) >= 0:
                    made.add(tuple(image))
        fresh = made - roots
        roots |= fresh
    return _central(sorted(map(list, roots)))


def simply_laced(name: str) -> Family:
    """Type E6 or E7."""
    n, edges = CARTAN_EDGES[name]
    cartan = [[2 if i == j else -int((i, j) in edges or (j, i) in edges) for j in range(n)]
              for i in range(n)]  # fmt: skip
    return reflection(cartan)


def type_f4() -> Family:
    return reflection([[2, -1, 0, 0], [-1, 2, -2, 0], [0, -1, 2, -1], [0, 0, -1, 2]])


def deformation(n: int, offsets: Sequence[int]) -> Family:
    """x_i - x_j = c for i < j and each offset c."""
    rows = _roots(n, (-1,))
    table = np.array([row for row in rows for _ in offsets], dtype=np.int64).reshape(-1, n)
    return table, np.array([-c for _ in rows for c in offsets], dtype=np.int64)


def shi(n: int) -> Family:
    return deformation(n, (0, 1))


def catalan(n: int) -> Family:
    return deformation(n, (-1, 0, 1))


def linial(n: int) -> Family:
    return deformation(n, (1,))


def semiorder(n: int) -> Family:
    return deformation(n, (-1, 1))


def resonance(n: int) -> Family:
    """Sum of x_i over S = 0, for each nonempty set S."""
    return _central([list(s) for s in product((0, 1), repeat=n) if any(s)])


def _separability(vertices: Sequence[Sequence[int]]) -> Family:
    """Chambers are the ways to separate the vertices of a polytope by a hyperplane."""
    return _central([[1, *v] for v in vertices])


def threshold(n: int) -> Family:
    """Separability of the n-cube: chambers are the threshold functions of n inputs."""
    return _separability(list(product((0, 1), repeat=n)))


def crosspolytope(n: int) -> Family:
    """Separability of the vertices +-e_i."""
    unit = np.eye(n, dtype=np.int64)
    return _separability([*unit.tolist(), *(-unit).tolist()])


def demicube(n: int) -> Family:
    """Separability of the vertices of the n-cube with an odd number of ones."""
    return _separability([v for v in product((0, 1), repeat=n) if sum(v) % 2])


def permutohedron(n: int) -> Family:
    """Separability of the permutations of (1, ..., n)."""
    return _separability(list(permutations(range(1, n + 1))))


def cyclic(n: int, d: int, copies: int = 1, central: bool = False) -> Family:
    """General position in R^d, from the moment curve; ``copies`` parallel ones of each."""
    points = [t if t % 2 else -t for t in range(1, n + 1)]
    normals = [[t**k for k in range(d)] for t in points]
    if central:
        return _central(normals)
    table = np.array([row for row in normals for _ in range(copies)], dtype=np.int64)
    offsets = [copies * t**d + c for t in points for c in range(copies)]
    return copies * table, np.array(offsets, dtype=np.int64)


def alcoved(n: int) -> Family:
    """x_i + ... + x_j = k for i <= j and 0 <= k <= j - i + 1: cuts the unit cube into n!
    simplices of equal volume."""
    rows, offsets = [], []
    for i in range(n):
        for j in range(i, n):
            for k in range(j - i + 2):
                rows.append([int(i <= m <= j) for m in range(n)])
                offsets.append(-k)
    return np.array(rows, dtype=np.int64), np.array(offsets, dtype=np.int64)


_FAMILIES: dict[str, Callable[..., Family]] = {
    f.__name__.replace("_", " "): f
    for f in (
        alcoved, boolean, braid, catalan, crosspolytope, cyclic, demicube, linial,
        permutohedron, resonance, semiorder, shi, threshold, type_b, type_d, type_f4,
    )
} | {"type e": lambda n: simply_laced(f"E{n}")}  # fmt: skip


def family(name: str, *args: int) -> Family:
    """A family by its name, such as ``family("braid", 4)`` or ``family("type b", 3)``.

    Raises:
        ValueError: there is no such family.
    """
    if name not in _FAMILIES:
        raise ValueError(f"no family {name!r}; there are: {', '.join(sorted(_FAMILIES))}")
    return _FAMILIES[name](*args)
