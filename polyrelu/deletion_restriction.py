"""Arrangements counted without geometry: characteristic polynomial, Whitney numbers, faces.

Nothing here knows of cells, vertices or signs: it is an independent judge of every count.
With H_1, ..., H_n in any order, deletion and restriction unfold to

    chi(A, t)  =  t^d  -  sum_i  chi({H_1, ..., H_(i-1)} restricted to H_i, t)

(Orlik, Terao: Arrangements of Hyperplanes, 1992, cor. 2.57), so the absolute value of the
coefficient of t^(d - k) is the number of nodes at depth k of the tree of these restrictions.

A hyperplane is a row of integers, the constant last, primitive, its first entry that is not 0
positive: equal hyperplanes are equal rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numba import njit

from .rational import primitive

Hyperplane = tuple[int, ...]

LARGEST = 2**30  # entries below it can be eliminated in int64: a b - c d stays below 2**62


def normal_form(row: Sequence[int]) -> Hyperplane | None:
    """The hyperplane ``row . (x, 1) = 0``; None if that is empty or everything."""
    if not any(row[:-1]):
        return None
    least = primitive(row)
    sign = 1 if next(v for v in least if v) > 0 else -1
    return tuple(sign * v for v in least)


def distinct(rows: Iterable[Sequence[int]]) -> list[Hyperplane]:
    """The hyperplanes among the rows, each once, in the order of their first occurrence."""
    found = (normal_form(row) for row in rows)
    return list(dict.fromkeys(h for h in found if h is not None))


def restrict(hyperplane: Hyperplane, others: Iterable[Hyperplane]) -> list[Hyperplane]:
    """What the others leave on a hyperplane, in coordinates of it: one coordinate less."""
    linear = hyperplane[:-1]
    j = min((i for i, v in enumerate(linear) if v), key=lambda i: abs(linear[i]))
    pivot = hyperplane[j]
    rows = []
    for row in others:
        eliminated = [pivot * v - row[j] * p for v, p in zip(row, hyperplane, strict=True)]
        rows.append(eliminated[:j] + eliminated[j + 1 :])
    return distinct(rows)


def whitney_numbers(hyperplanes: Sequence[Hyperplane], dim: int) -> list[int]:
    """Absolute values of the Whitney numbers of the first kind: of the coefficients of
    t^dim, t^(dim - 1), ..., 1 in the characteristic polynomial.

    Entries below 2**30 stay in compiled code, also when they grow; larger ones are slow.
    """
    if not hyperplanes:
        return [1] + [0] * dim
    if any(h[-1] for h in hyperplanes):
        return _whitney_numbers(hyperplanes, dim)
    # chi = (t - 1) chi(decone): the cone over what is seen on the affine hyperplane h = 1.
    first, *rest = hyperplanes
    below = _whitney_numbers(restrict((*first[:-1], -1), rest), dim - 1)
    return [a + b for a, b in zip([*below, 0], [0, *below], strict=True)]


def _whitney_numbers(hyperplanes: Sequence[Hyperplane], dim: int) -> list[int]:
    if dim and hyperplanes and max(abs(v) for h in hyperplanes for v in h) < LARGEST:
        counts = np.zeros(dim + 1, dtype=np.int64)
        rows = np.zeros((dim, len(hyperplanes), dim + 1), dtype=np.int64)
        rows[0] = hyperplanes
        slots = 1 << (2 * len(hyperplanes)).bit_length()
        if _count_nodes(rows, counts, np.zeros(slots, dtype=np.int64)):
            return [int(v) for v in counts]
    if dim == 1:
        return [1, len(hyperplanes)]
    total = [1] + [0] * dim
    for i, h in enumerate(hyperplanes):
        below = _whitney_numbers(restrict(h, hyperplanes[:i]), dim - 1)
        for k, v in enumerate(below):
            total[k + 1] += v
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def _gcd(a, b):  # type: ignore[no-untyped-def]
    while b:
        a, b = b, a % b
    return a


@njit(cache=True, nogil=True, error_model="numpy")
def _put_restriction(rows, n, width, pivot_row, out, slots):  # type: ignore[no-untyped-def]
    """:func:`restrict` for int64: ``rows[:n]`` on ``pivot_row``, all of ``width`` entries, to
    ``out``. Returns how many; -1 if the entries grow too large."""
    j = -1
    for i in range(width - 1):
        if pivot_row[i] and (j < 0 or abs(pivot_row[i]) < abs(pivot_row[j])):
            j = i
    pivot = pivot_row[j]
    mask = np.uint64(len(slots) - 1)
    slots[:] = -1
    m = 0
    for r in range(n):
        row, new = rows[r], out[m]
        factor, common, at, first = row[j], np.int64(0), 0, np.int64(0)
        for i in range(width):
            if i != j:
                value = pivot * row[i] - factor * pivot_row[i]
                common = _gcd(abs(value), common)
                if first == 0 and i < width - 1:
                    first = value
                new[at] = value
                at += 1
        if first == 0:
            continue  # parallel
        if first < 0:
            common = -common
        code = np.uint64(0)
        for i in range(at):
            new[i] //= common
            if abs(new[i]) >= LARGEST:
                return -1
            code = (code ^ np.uint64(new[i])) * np.uint64(0x9E3779B97F4A7C15)
            code ^= code >> np.uint64(29)
        slot = code & mask
        while slots[slot] >= 0:
            same = True
            for i in range(at):
                if out[slots[slot], i] != new[i]:
                    same = False
                    break
            if same:
                break
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] < 0:
            slots[slot] = m
            m += 1
    return m


@njit(cache=True, nogil=True, error_model="numpy")
def _count_nodes(rows, counts, slots):  # type: ignore[no-untyped-def]
    """Count the nodes of the tree of restrictions of ``rows[0]`` by depth.

    Shapes: rows (dim, n, dim + 1), counts (dim + 1,). Returns False if entries grew too large.
    """
    dim, n = rows.shape[0], rows.shape[1]
    size = np.zeros(dim, dtype=np.int64)
    following = np.zeros(dim, dtype=np.int64)
    size[0] = n
    counts[0] = 1
    depth = 0
    if dim == 1:
        counts[1] = n
        return True
    while depth >= 0:
        i = following[depth]
        if i == size[depth]:
            depth -= 1
            continue
        following[depth] = i + 1
        here, below = rows[depth], rows[depth + 1]
        m = _put_restriction(here, i, dim + 1 - depth, here[i], below, slots)
        if m < 0:
            return False
        counts[depth + 1] += 1
        if depth + 1 == dim - 1:  # on a line each hyperplane is one more node, a point
            counts[dim] += m
        else:
            depth += 1
            size[depth], following[depth] = m, 0
    return True


def flats(hyperplanes: Sequence[Hyperplane], dim: int) -> Iterator[tuple[list[Hyperplane], int]]:
    """Every non-empty intersection of hyperplanes, once: what the others leave on it, and its
    dimension. The whole space, the empty intersection, is the first."""
    yield from _flats([(h, i) for i, h in enumerate(hyperplanes)], dim, -1)


def _flats(
    labelled: list[tuple[Hyperplane, int]], dim: int, last: int
) -> Iterator[tuple[list[Hyperplane], int]]:
    """Those inside one flat. ``labelled``: what is left on it, each with the least hyperplane
    that leaves it. Each flat is reached along its least hyperplanes, in increasing order."""
    yield [h for h, _ in labelled], dim
    for h, label in labelled:
        if label < last:
            continue  # it lies on a hyperplane that was passed over, and was reached from there
        least: dict[Hyperplane, int] = {}
        for g, i in labelled:
            for left in restrict(h, [g]):
                least[left] = min(i, least.get(left, i))
        yield from _flats(list(least.items()), dim - 1, label)


def face_numbers(hyperplanes: Sequence[Hyperplane], dim: int) -> list[int]:
    """The number of faces of each dimension 0, ..., dim (cells are faces of dimension dim).

    A face is a chamber of what the arrangement leaves on a flat (Zaslavsky 1975).
    """
    faces = [0] * (dim + 1)
    for left, k in flats(hyperplanes, dim):
        faces[k] += sum(whitney_numbers(left, k))
    return faces


def rank(hyperplanes: Sequence[Hyperplane]) -> int:
    """The dimension that the normals span."""
    from flint import fmpz_mat

    return int(fmpz_mat([list(h[:-1]) for h in hyperplanes]).rank()) if hyperplanes else 0
