"""A slow oracle for tangent features, and networks and points to try them on.

Where the pattern is fixed the output is affine in each single parameter. So its derivative is the
output with that parameter one greater, less the output: forward passes in fractions, nothing else.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
from networks import WEIGHTS, network

from polyrelu import Network, leaky_relu
from polyrelu.network import Affine


def parameters(net: Network) -> list[list[list[Fraction]]]:
    """Rows (weight, bias) of every affine factor."""
    return [
        [[Fraction(v) for v in (*row, b)] for row, b in zip(f.weight.tolist(), f.bias.tolist(),
                                                            strict=True)]
        for layer in net.layers for f in layer.factors
    ]  # fmt: skip


def pattern_at(net: Network, x) -> list[int]:
    return [int(sign > 0) for sign in net.exact(list(x))[1]]


def outputs(net: Network, tables, x, bits) -> list[Fraction]:
    """The outputs with other parameters, but the pieces of a pattern."""
    tables, bits = iter(tables), iter(bits)
    h = [Fraction(v) for v in x]
    for layer in net.layers:
        for factor in layer.factors:
            h = [sum(w * v for w, v in zip(row, [*h, 1], strict=True)) for row in next(tables)]
            if factor.divisor is not None:
                h = [v / Fraction(d) for v, d in zip(h, factor.divisor.tolist(), strict=True)]
        slopes = [unit.pieces[sum(next(bits) for _ in unit.breakpoints)] for unit in layer.units]
        h = [a * v + c for (a, c), v in zip(slopes, h, strict=True)]
    return h


def feature(net: Network, x) -> list[list[Fraction]]:
    """The derivatives of every output: per output, weights row by row, then the bias, by factor."""
    bits, tables = pattern_at(net, x), parameters(net)
    before = outputs(net, tables, x, bits)
    columns = []
    for table in tables:
        n_in = len(table[0]) - 1
        places = [(i, j) for i in range(len(table)) for j in range(n_in)]
        for i, j in [*places, *((i, n_in) for i in range(len(table)))]:
            table[i][j] += 1
            after = outputs(net, tables, x, bits)
            table[i][j] -= 1
            columns.append([a - b for a, b in zip(after, before, strict=True)])
    return [list(column) for column in zip(*columns, strict=True)]


def form(psi, entries, other) -> Fraction:
    """The sum over outputs of psi^T G psi', where G is given by its entries (i, j, value)."""
    pairs = list(zip(psi, other, strict=True))
    return sum(value * left[i] * right[j] for i, j, value in entries for left, right in pairs)


def nasty(choose: Random, inputs: int) -> Network:
    """A nasty network, small enough for the oracle."""
    return network(choose, inputs, 6)


def points(choose: Random, n: int, inputs: int) -> np.ndarray:
    """Some on walls, some the same, some far away."""
    kinds = [choose.choice(WEIGHTS) for _ in range(n)]
    x = np.concatenate([kind(choose, (1, inputs)) for kind in kinds])
    return x * choose.choice([1.0, 1.0, 1e-9, 1e9])


def homogeneous(choose: Random, inputs: int) -> Network:
    """Without biases, of units that are positively homogeneous."""
    widths = [inputs, *(choose.randint(1, 4) for _ in range(choose.randint(1, 3))), 1]
    pairs = [(choose.choice(WEIGHTS)(choose, (n, m)), np.zeros(n))
             for m, n in pairwise(widths)]  # fmt: skip
    return Network.from_layers(pairs, leaky_relu(choose.choice([0, 0.25, 0.1])))


def flat_parameters(factors: list[Affine]) -> np.ndarray:
    return np.concatenate([np.concatenate([f.weight.ravel(), f.bias]) for f in factors])
