"""The compiled part of :mod:`.cones`."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def divide(first, second, pairs, still):  # type: ignore[no-untyped-def]
    """Which pairs are positive at all vertices of a cone, and which at some only.

    Args:
        first, second: shape (vertices, n) and (vertices, m): the order of all projections.
        pairs: shape (k,): ``i * m + j``.
        still: shape (k,), written: the pairs that are positive at some vertices only.

    Returns how many are positive at all, and how many were written.
    """
    n_vertices, m = second.shape
    positive = n_still = 0
    for k in range(len(pairs)):
        pair = pairs[k]
        i = pair // m
        j = pair - i * m
        above = 0
        for v in range(n_vertices):
            if first[v, i] > second[v, j]:
                above += 1
        if above == n_vertices:
            positive += 1
        elif above > 0:
            still[n_still] = pair
            n_still += 1
    return positive, n_still
