"""Nasty square layers, drawn at random, for the geometry of one layer."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
from flint import fmpq, fmpq_mat


def gaussian(choose: Random, d: int):
    rng = np.random.default_rng(choose.randrange(2**32))
    return rng.normal(size=(d, d)), rng.normal(size=d)


def integers(choose: Random, d: int):
    return table(choose, d, lambda: choose.randint(-2, 2))


def fractions(choose: Random, d: int):
    return table(choose, d, lambda: Fraction(choose.randint(-9, 9), choose.randint(1, 9)))


def scaled(choose: Random, d: int):
    """Rows of very different sizes."""
    weight, bias = integers(choose, d)
    factor = [choose.choice([1e-150, 1e-9, 1.0, 1e9, 1e150]) for _ in range(d)]
    return np.array(weight) * np.array(factor)[:, None], np.array(bias) * np.array(factor)


def ulp_apart(choose: Random, d: int):
    """Rows that differ in the last bit of one entry: invertible, but hardly."""
    weight, bias = gaussian(choose, d)
    for i in range(1, d):
        weight[i] = weight[0]
        weight[i, i] = np.nextafter(weight[0, i], np.inf)
    return weight, bias


def orthogonal(choose: Random, d: int):
    """Rows of different lengths, pairwise orthogonal: a permutation, or a Householder matrix."""
    v = [choose.randint(-3, 3) for _ in range(d)]
    square = sum(a * a for a in v) or 1
    rows = [[square * (i == j) - 2 * v[i] * v[j] for j in range(d)] for i in range(d)]
    if not any(v):
        rows.reverse()
    stretch = [choose.choice([1, 2, 5]) for _ in range(d)]
    weight = [[s * a for a in row] for s, row in zip(stretch, rows, strict=True)]
    return weight, [choose.randint(-2, 2) for _ in range(d)]


def table(choose: Random, d: int, entry):
    return [[entry() for _ in range(d)] for _ in range(d)], [entry() for _ in range(d)]


KINDS = (gaussian, integers, fractions, scaled, ulp_apart, orthogonal)


def rank(weight) -> int:
    return rational(weight).rank()


def rational(rows) -> fmpq_mat:
    exact = [[Fraction(v) for v in row] for row in rows]
    return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in exact])


def square(choose: Random, d: int, kinds=KINDS):
    """The weight and bias of an invertible layer."""
    while True:
        weight, bias = choose.choice(kinds)(choose, d)
        if rank(weight) == d:
            return weight, bias
