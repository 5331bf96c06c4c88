"""Kernels of :mod:`polyrelu.queries.images`: do the images of two regions only touch?

The images of two regions R and S that share the face F (or none) meet in no more than the image of
F iff some hyperplane contains the image of F and has the other generators of R's image strictly
below and those of S's strictly above. Gordan's alternative (:mod:`polyrelu.engine.gordan`) finds a
normal u; what it finds is certified here, or left to rational arithmetic.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .compilation import CALLED, ENTRY
from .gordan import SEPARATED, nearest
from .kernel.names import UNIT

UNCERTAIN, APART = 0, 1
IF_FACE = 2  # and more: apart if the face has dimension ``answer - IF_FACE``


@njit(**ENTRY)
def overlapping(order, low, high, until, start, pairs):  # type: ignore[no-untyped-def]
    """Pairs of boxes that overlap, by sort and sweep along column 0, from ``start = (i, j)`` on.

    Args:
        order: boxes by rising low[:, 0]; until: for each place in it the first whose low end is
            beyond the high end of the box.
        low, high: shape (boxes, directions).
        pairs: shape (capacity, 2), written.

    Returns the number of pairs; ``start`` is where to go on, its first entry len(order) at the end.
    """
    n = 0
    i, j = start[0], start[1]
    while i < len(order):
        a = order[i]
        while j < until[i]:
            b = order[j]
            apart = False
            for k in range(low.shape[1]):
                if low[a, k] > high[b, k] or low[b, k] > high[a, k]:
                    apart = True
                    break
            if not apart:
                if n == len(pairs):
                    start[0], start[1] = i, j
                    return n
                pairs[n, 0], pairs[n, 1] = min(a, b), max(a, b)
                n += 1
            j += 1
        i += 1
        j = i + 1
    start[0], start[1] = i, j
    return n


@njit(**CALLED)
def split_generators(first, second, n_first, n_second, shared, rest):  # type: ignore[no-untyped-def]
    """From two rising lists: what is in both, and ``2 * entry + (1: in the second alone)``.
    Returns how many of either."""
    i = j = n_shared = n_rest = 0
    while i < n_first or j < n_second:
        if j == n_second or (i < n_first and first[i] < second[j]):
            rest[n_rest] = 2 * first[i]
            n_rest += 1
            i += 1
        elif i == n_first or second[j] < first[i]:
            rest[n_rest] = 2 * second[j] + 1
            n_rest += 1
            j += 1
        else:
            shared[n_shared] = first[i]
            n_shared += 1
            i += 1
            j += 1
    return n_shared, n_rest


@njit(**CALLED)
def face_directions(image, is_ray, shared, n_shared, dim, span, frame, picked):  # type: ignore[no-untyped-def]
    """Independent directions of the image of a face, from its first point: into ``span``, and an
    orthonormal frame of them. Returns how many; ``picked`` are their generators."""
    n = 0
    for s in range(1, n_shared):
        g = shared[s]
        size = 0.0
        for j in range(dim):
            v = image[g, j] if is_ray[g] else image[g, j] - image[shared[0], j]
            span[n, j] = v
            frame[n, j] = v
            size += v * v
        for _ in range(2):
            for i in range(n):
                along = 0.0
                for j in range(dim):
                    along += frame[n, j] * frame[i, j]
                for j in range(dim):
                    frame[n, j] -= along * frame[i, j]
        left = 0.0
        for j in range(dim):
            left += frame[n, j] * frame[n, j]
        if left > 1e-16 * size:
            for j in range(dim):
                frame[n, j] /= np.sqrt(left)
            picked[n] = g
            n += 1
            if n == dim:
                return n
    return n


@njit(**CALLED)
def correction(span, span_error, frame, n, dim, u, work):  # type: ignore[no-untyped-def]
    """A bound on the length of what must be taken from u for it to be orthogonal to the true
    directions, of which ``span`` are roundings (each off by at most span_error); infinite if
    they might be dependent.

    With A the true directions and X the right inverse of their roundings from the frame,
    ``sigma_min(A) >= (1 - |I - A X|) / |X|``, and the least correction is at most
    ``|A u| / sigma_min(A)``.
    """
    # span = L frame with L lower triangular; X = frame' inv(L).
    for i in range(n):
        for k in range(i + 1):
            total = 0.0
            for j in range(dim):
                total += span[i, j] * frame[k, j]
            work[i, k] = total
    for k in range(n):  # inv(L), columns, into rows n .. 2 n - 1
        for i in range(n):
            value = 1.0 if i == k else 0.0
            for h in range(k, i):
                value -= work[i, h] * work[n + h, k]
            work[n + i, k] = value / work[i, i] if i >= k else 0.0
    norm, departure, off = 0.0, 0.0, 0.0
    for k in range(n):
        for j in range(dim):
            x = 0.0
            for i in range(k, n):
                x += frame[i, j] * work[n + i, k]
            work[2 * n, j] = x
            norm += x * x
        reach = 0.0
        for j in range(dim):
            reach += abs(work[2 * n, j])
        for i in range(n):
            entry = -1.0 if i == k else 0.0
            total = 1.0
            for j in range(dim):
                entry += span[i, j] * work[2 * n, j]
                total += abs(span[i, j] * work[2 * n, j])
            entry = abs(entry) + (dim + 4.0) * UNIT * total + span_error[i] * reach
            departure += entry * entry
    for i in range(n):
        value, total, reach = 0.0, 0.0, 0.0
        for j in range(dim):
            value += span[i, j] * u[j]
            total += abs(span[i, j] * u[j])
            reach += abs(u[j])
        value = abs(value) + (dim + 4.0) * UNIT * total + span_error[i] * reach
        off += value * value
    departure = np.sqrt(departure)
    if not departure < 0.5:
        return np.inf
    return 1.0001 * np.sqrt(off) * np.sqrt(norm) / (1.0 - departure)


@njit(**CALLED)
def relative(image, error, is_ray, code, base, dim, row):  # type: ignore[no-untyped-def]
    """The coded generator as a row that the normal must be positive on, from the point ``base``
    (-1: homogeneous, with a last entry). Returns a bound on its error, in the maximum norm."""
    g, sign = code >> 1, 1.0 if code & 1 else -1.0
    off = error[g]
    n = dim if base >= 0 else dim - 1
    for j in range(n):
        v = image[g, j]
        if base >= 0 and not is_ray[g]:
            v -= image[base, j]
            off = max(off, error[g] + error[base] + UNIT * abs(v))
        row[j] = sign * v
    if base < 0:
        row[n] = 0.0 if is_ray[g] else sign
    return off


@njit(**CALLED)
def are_apart(  # type: ignore[no-untyped-def]
    first, second, n_first, n_second, image, error, is_ray, out_dim, in_dim, shared, rest,
    row, row_error, codes, span, span_error, frame, picked, corral, weight, work, found, u,
):  # fmt: skip
    """Do the images of two regions certainly meet only in that of their common face?

    If float64 cannot know that the directions it found are all that the face has, the answer
    depends on that.
    """
    answer = APART
    n_shared, n_rest = split_generators(first, second, n_first, n_second, shared, rest)
    base, dim, n_span = -1, out_dim + 1, 0
    if n_shared:
        base, dim = shared[0], out_dim
        if is_ray[base]:  # points come first: the face would have none
            return UNCERTAIN
        n_span = face_directions(image, is_ray, shared, n_shared, dim, span, frame, picked)
        if n_span != n_shared - 1 and n_span != in_dim - 1:
            answer = IF_FACE + n_span
    for k in range(n_rest):
        row_error[k] = relative(image, error, is_ray, rest[k], base, dim, row[k])
        for i in range(n_span):
            along = 0.0
            for j in range(dim):
                along += row[k, j] * frame[i, j]
            for j in range(dim):
                row[k, j] -= along * frame[i, j]
        size = 0.0
        for j in range(dim):
            size += row[k, j] * row[k, j]
        if not size > 0.0:
            return UNCERTAIN
        for j in range(dim):
            row[k, j] /= np.sqrt(size)
        codes[k] = 2 * k
    how, _ = nearest(row, codes, n_rest, u, corral, weight, 0, dim, work, found)
    if how != SEPARATED:
        return UNCERTAIN
    moved = 0.0
    if n_span:
        for i in range(n_span):
            g = picked[i]
            span_error[i] = error[g]
            if not is_ray[g]:
                for j in range(dim):
                    span_error[i] = max(
                        span_error[i],
                        error[g] + error[base]
                        + UNIT * (abs(image[g, j]) + abs(image[base, j])),
                    )  # fmt: skip
        face_directions(image, is_ray, shared, n_shared, dim, span, frame, picked)
        moved = correction(span, span_error, frame, n_span, dim, u, work)
    reach = 0.0
    for j in range(dim):
        reach += abs(u[j])
    for k in range(n_rest):
        off = relative(image, error, is_ray, rest[k], base, dim, row[k])
        value, total, length = 0.0, 0.0, 0.0
        for j in range(dim):
            value += row[k, j] * u[j]
            total += abs(row[k, j] * u[j])
            length += abs(row[k, j])
        bound = (dim + 4.0) * UNIT * total + off * (reach + dim * moved) + 1.0001 * moved * length
        if not value > 1.0001 * bound + 2.0**-900:
            return UNCERTAIN
    return answer


@njit(**ENTRY)
def separate_pairs(  # type: ignore[no-untyped-def]
    pairs, indptr, generator, image, error, is_ray, in_dim, answer, shared, rest, row, row_error,
    codes, span, span_error, frame, picked, corral, weight, work, found, u,
):  # fmt: skip
    """:func:`are_apart` for many pairs of regions."""
    for p in range(len(pairs)):
        a, b = pairs[p, 0], pairs[p, 1]
        first = generator[indptr[a] : indptr[a + 1]]
        second = generator[indptr[b] : indptr[b + 1]]
        answer[p] = are_apart(
            first, second, len(first), len(second), image, error, is_ray, image.shape[1], in_dim,
            shared, rest, row, row_error, codes, span, span_error, frame, picked, corral,
            weight, work, found, u,
        )  # fmt: skip
