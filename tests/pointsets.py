"""Point sets on which separability goes wrong, and slow judges of it: all pairs, in fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
from scipy.optimize import linprog

Sets = tuple[list, list]


def nasty_sets(rng, dim: int, most: int = 6) -> Sets:
    """Small integers, so that much is tied: repeated, shared and collinear points, flat sets; some
    far from 0, some one unit in the last place apart."""
    size = rng.choice([1, 2, 3, 10])
    a, b = ([_point(rng, dim, size) for _ in range(rng.randint(1, most))] for _ in range(2))
    kind = rng.random()
    if kind < 0.15:
        b[0] = list(a[0])
    elif kind < 0.3:  # in a hyperplane
        for x in (*a, *b):
            x[-1] = sum(x[:-1])
    elif kind < 0.4:
        a.append(list(a[0]))
        b.append(list(b[0]))
    elif kind < 0.55:  # pulled apart, so that they may touch
        for x in a:
            x[0] = abs(x[0])
        for x in b:
            x[0] = -abs(x[0])
    elif kind < 0.65:
        for x in (*a, *b):
            x[0] = np.nextafter(1.0, 2.0) if x[0] > 0 else 1.0
    elif kind < 0.75:
        for x in (*a, *b):
            x[0] = float(x[0]) * 2.0**60 + 2.0**80
            x[-1] = float(x[-1]) * 2.0**-70
    return a, b


def _point(rng, dim: int, size: int) -> list:
    return [rng.randint(-size, size) for _ in range(dim)]


def differences(a, b) -> list[list[Fraction]]:
    return [[Fraction(v) - Fraction(w) for v, w in zip(x, y, strict=True)] for x in a for y in b]


def along(w, m) -> Fraction:
    return sum((Fraction(u) * Fraction(v) for u, v in zip(w, m, strict=True)), Fraction(0))


def pair_score(name: str, w, a, b) -> Fraction:
    """What a direction scores, by all pairs."""
    values = [along(w, m) for m in differences(a, b)]
    if name == "LS0":
        return Fraction(sum(v > 0 for v in values), len(values))
    power = {"LS1": 1, "LS2": 2}[name]
    size = sum(abs(v) ** power for v in values)
    signed = sum(abs(v) ** power * ((v > 0) - (v < 0)) for v in values)
    return Fraction(signed) / size if size else Fraction(0)


def tied_directions(a, b) -> list[list[Fraction]]:
    """Of sets of the plane or of a line: a direction on each side of, and along, each line on which
    a difference is 0."""
    ways = [[-m[1], m[0]] if len(m) == 2 else [Fraction(1)] for m in differences(a, b) if any(m)]
    ways += [[-v for v in w] for w in ways]
    return ways


def chamber_directions(a, b) -> list[list[Fraction]]:
    """One direction inside each chamber at least: of the plane, sums of neighbouring ties."""
    ties = tied_directions(a, b)
    if not ties:
        return []
    if len(ties[0]) == 1:
        return ties
    ties.sort(key=lambda w: np.arctan2(float(w[1]), float(w[0])))
    unit = [[v / max(map(abs, w)) for v in w] for w in ties]
    sums = [[p + q for p, q in zip(u, v, strict=True)] for u, v in combinations(unit, 2)]
    return [*sums, *ties, *([-w[1], w[0]] for w in ties)]


def lp_ls1(a, b) -> float:
    """LS1 by its dual over all pairs: ``min t : s = sum of t_m m, |t_m| <= t``."""
    m = (np.asarray(a, float)[:, None] - np.asarray(b, float)[None]).reshape(-1, len(a[0]))
    n, dim = m.shape
    bound = np.ones((n, 1))
    found = linprog(
        np.append(np.zeros(n), 1.0),
        A_eq=np.hstack([m.T, np.zeros((dim, 1))]), b_eq=m.sum(axis=0),
        A_ub=np.vstack([np.hstack([np.eye(n), -bound]), np.hstack([-np.eye(n), -bound])]),
        b_ub=np.zeros(2 * n), bounds=[(None, None)] * (n + 1),
    )  # fmt: skip
    return float(found.fun)


def lp_separable(a, b) -> bool:
    rows = np.vstack([
        np.hstack([-np.asarray(a, float), np.ones((len(a), 1))]),
        np.hstack([np.asarray(b, float), -np.ones((len(b), 1))]),
    ])  # fmt: skip
    return linprog(np.zeros(rows.shape[1]), rows, -np.ones(len(rows)),
                   bounds=[(None, None)] * rows.shape[1]).status == 0  # fmt: skip


def exact_best(a, b) -> Fraction:
    """LS0 in any dimension by the largest set of differences in an open half space: subsets, from
    the largest on, each judged by an exact margin."""
    from polyrelu.rational import integer_row, margin

    rows = [integer_row(m) for m in differences(a, b) if any(m)]
    for k in range(len(rows), 0, -1):
        for chosen in combinations(rows, k):
            if margin([[*m, 0] for m in chosen]).value > 0:
                return Fraction(k, len(a) * len(b))
    return Fraction(0)
