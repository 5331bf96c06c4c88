"""Nasty networks and domains, drawn at random, and the classical arrangements.

Everything is drawn from a ``random.Random``, so that one generator serves seeded sweeps and,
through ``st.randoms(use_true_random=False)``, hypothesis, which then shrinks what it finds.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise, product
from math import comb, factorial
from random import Random

import numpy as np

from polyrelu.activations import (
    PiecewiseLinear,
    absolute,
    hard_tanh,
    identity,
    leaky_relu,
    relu,
    relu6,
)
from polyrelu.domain import Box, Polytope, Slice, Space, segment
from polyrelu.network import Affine, Layer, Network

# Thresholds in all, by input dimension: small enough for the oracle, some 150 regions at most.
THRESHOLDS = {1: 14, 2: 12, 3: 9, 4: 8, 5: 7, 6: 7}


# ---------------------------------------------------------------- weights


def gaussian(choose: Random, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(choose.randrange(2**32)).normal(size=shape)


def integers(choose: Random, shape: tuple[int, ...], high: int = 2) -> np.ndarray:
    entries = [choose.randint(-high, high) for _ in range(int(np.prod(shape)))]
    return np.array(entries, dtype=float).reshape(shape)


def ternary(choose: Random, shape: tuple[int, ...]) -> np.ndarray:
    return integers(choose, shape, high=1)


def quantised(choose: Random, shape: tuple[int, ...]) -> np.ndarray:
    return integers(choose, shape, high=8) / 4


def pruned(choose: Random, shape: tuple[int, ...]) -> np.ndarray:
    return gaussian(choose, shape) * (integers(choose, shape, high=1) > 0)


WEIGHTS = (gaussian, integers, ternary, quantised, pruned)


# ---------------------------------------------------------------- mishaps of a layer
#
# Each changes the weight W and bias b of a layer in place; i and j are rows of it.


def repeat(choose, W, b, i, j):
    W[i], b[i] = W[j], b[j]


def oppose(choose, W, b, i, j):
    W[i], b[i] = -W[j], -b[j]


def rescale(choose, W, b, i, j):
    """The same hyperplane after an exact scaling, one rounding away from it after another."""
    factor = choose.choice([0.5, 4.0, 3.0, 0.1, 1e9])
    W[i], b[i] = factor * W[j], factor * b[j]


def vanish(choose, W, b, i, j):
    """A constant neuron: 0 on the whole space, or positive, or negative."""
    W[i], b[i] = 0.0, choose.choice([0.0, 0.0, 1.0, -1.0])


def die(choose, W, b, i, j):
    b[i] = -1e4


def kill_layer(choose, W, b, i, j):
    b[:] = -1e4


def drop_biases(choose, W, b, i, j):
    b[:] = 0.0


def parallel(choose, W, b, i, j):
    W[i], b[i] = W[j], b[j] + choose.choice([-1.0, 0.25, 1.0])


def concurrent(choose, W, b, i, j):
    """All hyperplanes through one point, exactly so if the weights have few digits."""
    b[:] = -W @ quantised(choose, W.shape[1:])


def nudge_bias(choose, W, b, i, j):
    repeat(choose, W, b, i, j)
    b[i] = np.nextafter(b[i], choose.choice([-np.inf, np.inf]))


def nudge_weight(choose, W, b, i, j):
    repeat(choose, W, b, i, j)
    k = choose.randrange(W.shape[1])
    W[i, k] = np.nextafter(W[i, k], choose.choice([-np.inf, np.inf]))


def shrink(choose, W, b, i, j):
    W[i], b[i] = 1e-9 * W[i], 1e-9 * b[i]


def grow(choose, W, b, i, j):
    factor = choose.choice([1e9, 1e150])
    if max(abs(W[i]).max(), abs(b[i])) < 1e100:  # twice would overflow
        W[i], b[i] = factor * W[i], factor * b[i]


def far_away(choose, W, b, i, j):
    """The row crosses a billion units from the origin."""
    b[i] = 1e9 * choose.choice([-1, 1])


def close_together(choose, W, b, i, j):
    """Walls of the layer a billionth apart."""
    b[:] *= 1e-9


MISHAPS = (
    repeat, oppose, rescale, vanish, die, kill_layer, drop_biases, parallel, concurrent,
    nudge_bias, nudge_weight, shrink, grow, far_away, close_together,
)  # fmt: skip


# ---------------------------------------------------------------- networks

ZIGZAG = PiecewiseLinear((Fraction(-1, 2), Fraction(1, 3), 2), (1, -1, 0, 2), 1)
UNITS = (relu(), relu(), identity(), leaky_relu(), hard_tanh(), relu6(), absolute(), ZIGZAG)


def network(choose: Random, inputs: int, thresholds: int, centre=0.0, size=1.0) -> Network:
    """A small network with something wrong in it: at most that many thresholds.

    Its walls gather around ``centre``, at distances of order ``size``.
    """
    layers, width = [], inputs
    for _ in range(choose.choice([1, 1, 2, 2, 3, 4])):
        if thresholds == 0:
            break
        units = layer_units(choose, min(thresholds, choose.randint(2, 8)))
        thresholds -= sum(len(unit.breakpoints) for unit in units)
        layers.append(Layer(factors(choose, width, len(units), centre, size), units))
        width, centre = len(units), 0.0
    if not layers or choose.random() < 0.5:  # an affine output on top
        layers.append(Layer(factors(choose, width, choose.randint(1, 2), centre), identity()))
    return Network(tuple(layers))


def layer_units(choose: Random, thresholds: int) -> list[PiecewiseLinear]:
    """ReLUs, or a mixture, with that many thresholds at most; at least one unit."""
    if choose.random() < 0.6:
        return [relu()] * thresholds
    units = []
    while thresholds > 0:
        unit = choose.choice([u for u in UNITS if len(u.breakpoints) <= thresholds])
        units.append(unit)
        thresholds -= max(1, len(unit.breakpoints))
    return units


def factors(choose: Random, n_in: int, n_out: int, centre=0.0, size=1.0) -> list[Affine]:
    """Mostly one affine factor, now and then two, or one that divides."""
    if choose.random() < 0.8:
        return [Affine(*weight_and_bias(choose, n_in, n_out, centre, size))]
    between = choose.randint(1, 3)
    divisor = np.array([choose.choice([1.0, 3.0, 0.7, 2.0**60]) for _ in range(between)])
    return [
        Affine(*weight_and_bias(choose, n_in, between, centre, size), divisor),
        Affine(*weight_and_bias(choose, between, n_out, 0.0, size)),
    ]


def weight_and_bias(
    choose: Random, n_in: int, n_out: int, centre: float | np.ndarray, size: float
) -> tuple[np.ndarray, np.ndarray]:
    style = choose.choice(WEIGHTS)
    W = np.array(style(choose, (n_out, n_in)))
    b = np.array(style(choose, (n_out,))) * choose.choice([1.0, 0.5]) * size
    b -= W @ np.broadcast_to(centre, n_in)
    for _ in range(choose.choice([0, 0, 1, 1, 2, 3])):
        mishap = choose.choice(MISHAPS)
        mishap(choose, W, b, choose.randrange(n_out), choose.randrange(n_out))
    return W, b


def one_layer(weight, bias) -> Network:
    return Network.from_layers([(weight, bias)], output_activation=relu())


def he_layers(seed: int, *widths: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Gaussian weights of variance 2 / fan-in, biases of variance 1/4."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=(n, m)) * np.sqrt(2 / m), rng.normal(size=n) / 2)
        for m, n in pairwise(widths)
    ]


def he_network(seed: int, *widths: int) -> Network:
    """The last layer is affine."""
    return Network.from_layers(he_layers(seed, *widths))


def classifier(seed: int, *widths: int) -> Network:
    """In general position, with as many outputs as the last width says."""
    rng = np.random.default_rng(seed)
    return Network.from_layers(
        [(rng.normal(size=(n, m)), rng.normal(size=n)) for m, n in pairwise(widths)]
    )


def gaussian_network(seed: int, *widths: int) -> Network:
    """ReLU layers in general position and an affine output that sums."""
    layers = he_layers(seed, *widths)
    return Network.from_layers([*layers, (np.ones((1, widths[-1])), [0.0])])


# ---------------------------------------------------------------- domains


def domain(choose: Random, dim: int):
    """A box, the whole space or a polyhedron; tiny, huge, far away, flat, unbounded."""
    return choose.choice(DOMAINS)(choose, dim)


def unit_box(choose, dim):
    return Box(-1, 1, dim=dim)


def unequal_box(choose, dim):
    low = quantised(choose, (dim,))
    return Box(low, low + [choose.choice([0.1, 1.0, 7.0]) for _ in range(dim)])


def tiny_box(choose, dim):
    centre = ternary(choose, (dim,))
    return Box(centre - 1e-9, centre + 1e-9)


def huge_box(choose, dim):
    return Box(-1e9, 1e9, dim=dim)


def far_box(choose, dim):
    return Box(1e9, 1e9 + 1, dim=dim)


def flat_box(choose, dim):
    """One side has length zero (a box of dimension one keeps its only side)."""
    low, high = -np.ones(dim), np.ones(dim)
    if dim > 1:
        k = choose.randrange(dim)
        low[k] = high[k] = choose.choice([0.0, 0.5, 1 / 3])
    return Box(low, high)


def space(choose, dim):
    return Space(dim)


def simplex(choose, dim):
    return Polytope(np.vstack([-np.eye(dim), np.ones((1, dim))]), np.eye(dim + 1)[dim])


def redundant_rows(choose, dim):
    """The unit box, with a row twice, a row scaled, one that only touches, 0 <= 0, 0 <= 1."""
    A = np.vstack([np.eye(dim), -np.eye(dim), np.eye(dim)[:1], 3 * np.eye(dim)[:1]])
    A = np.vstack([A, np.ones((1, dim)), np.zeros((2, dim))])
    return Polytope(A, np.concatenate([np.ones(2 * dim + 1), [3.0, dim, 0.0, 1.0]]))


def half_space(choose, dim):
    return Polytope(np.array(quantised(choose, (1, dim))) + 1 / 8, [choose.choice([0.0, 1.0])])


def strip(choose, dim):
    normal = np.eye(dim)[:1]
    return Polytope(np.vstack([normal, -normal]), [1.0, 1.0])


def orthant(choose, dim):
    return Polytope(-np.eye(dim), np.zeros(dim))


def flat_polytope(choose, dim):
    """The probability simplex: it has dimension dim - 1 (and is all of [-1, 1] if dim = 1)."""
    if dim == 1:
        return unit_box(choose, dim)
    ones = np.ones((1, dim))
    return Polytope(np.vstack([-np.eye(dim), ones, -ones]), [*np.zeros(dim), 1.0, -1.0])


def random_polytope(choose, dim):
    """Around the origin, bounded or not."""
    rows = choose.randint(1, dim + 2)
    return Polytope(gaussian(choose, (rows, dim)), np.ones(rows))


DOMAINS = (
    unit_box, unit_box, unit_box, unequal_box, tiny_box, huge_box, far_box, flat_box, space,
    space, space, simplex, redundant_rows, half_space, strip, orthant, flat_polytope,
    random_polytope,
)  # fmt: skip


def slice_of(choose: Random, dim: int, inputs: int):
    """A segment, the hull of points, or a plane cut by a box, in a bigger input space."""
    kind = choose.choice(["segment", "through", "within", "plane"])
    if kind == "segment" and dim == 1:
        return segment(*gaussian(choose, (2, inputs)))
    if kind == "through":
        return Slice.through(*gaussian(choose, (dim + 1, inputs)))
    origin = quantised(choose, (inputs,)) / 8
    basis = np.eye(dim, inputs) + ternary(choose, (dim, inputs)) / 8  # independent for dim <= 3
    if kind == "within":
        return Slice(origin, basis, within=Box(-1, 1, dim=inputs))
    return Slice(origin, basis, choose.choice([None, Box(-1, 1, dim=dim)]))


def problem(choose: Random, max_inputs: int = 6):
    """A network and where to look at it."""
    dim = choose.choice([d for d in (1, 1, 2, 2, 2, 3, 3, 4, 5, 6) if d <= max_inputs])
    if dim <= 3 and choose.random() < 0.15:
        inputs = dim + choose.randint(1, 4)
        return network(choose, inputs, THRESHOLDS[dim]), slice_of(choose, dim, inputs)
    where = domain(choose, dim)
    if isinstance(where, Box):
        centre, size = (where.low + where.high) / 2, float(np.max(where.high - where.low)) / 2
        return network(choose, dim, THRESHOLDS[dim], centre, size), where
    return network(choose, dim, THRESHOLDS[dim]), where


# ---------------------------------------------------------------- arrangements


def arrangement(normals, offsets=None) -> Network:
    """The hyperplanes ``normal . x + offset = 0`` as one layer of ReLUs."""
    normals = np.array(normals, dtype=float)
    offsets = np.zeros(len(normals)) if offsets is None else offsets
    return Network.from_layers([(normals, offsets)], output_activation=relu())


def roots(dim: int, signs: tuple[int, ...]) -> list[np.ndarray]:
    """``x_i + sign * x_j`` for i < j and every sign."""
    unit = np.eye(dim)
    return [unit[i] + s * unit[j] for i, j in combinations(range(dim), 2) for s in signs]


def braid(dim: int) -> Network:
    return arrangement(roots(dim, (-1,)))


def type_b(dim: int) -> Network:
    return arrangement([*np.eye(dim), *roots(dim, (-1, 1))])


def type_d(dim: int) -> Network:
    return arrangement(roots(dim, (-1, 1)))


def boolean(dim: int) -> Network:
    return arrangement(np.eye(dim))


def resonance(dim: int) -> Network:
    """``sum of x_i over S = 0`` for every nonempty set S."""
    return arrangement([s for s in product((0, 1), repeat=dim) if any(s)])


def threshold(inputs: int) -> Network:
    """``x_0 + sum of x_i over S = 0`` for every set S of inputs."""
    return arrangement([(1, *s) for s in product((0, 1), repeat=inputs)])


def deformed_braid(dim: int, offsets: tuple[int, ...]) -> Network:
    """``x_i - x_j = offset`` for i < j and every offset: Shi, Catalan, Linial, semiorder."""
    normals = [row for row in roots(dim, (-1,)) for _ in offsets]
    return arrangement(normals, [-float(c) for _ in roots(dim, (-1,)) for c in offsets])


def doubled(seed: int, hyperplanes: int, dim: int) -> Network:
    """Hyperplanes in general position, each with a parallel copy one ulp of its bias away."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(hyperplanes, dim)), rng.normal(size=hyperplanes)
    return arrangement(np.vstack([W, W]), np.concatenate([b, np.nextafter(b, np.inf)]))


def general_position(seed: int, hyperplanes: int, dim: int, central: bool = False) -> Network:
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(hyperplanes, dim)), rng.normal(size=hyperplanes)
    return arrangement(W, np.zeros(hyperplanes) if central else b)


def cells_in_general_position(hyperplanes: int, dim: int) -> int:
    """Zaslavsky 1975."""
    return sum(comb(hyperplanes, k) for k in range(dim + 1))


def walls_in_general_position(hyperplanes: int, dim: int) -> int:
    """Each hyperplane is cut by the others into as many cells, one dimension lower."""
    return hyperplanes * cells_in_general_position(hyperplanes - 1, dim - 1)


def cells_in_central_position(hyperplanes: int, dim: int) -> int:
    """Through the origin and otherwise general (Schlaefli, Cover 1965)."""
    return 2 * sum(comb(hyperplanes - 1, k) for k in range(dim))


def catalan_number(n: int) -> int:
    return comb(2 * n, n) // (n + 1)


def known_arrangements() -> dict[str, tuple[Network, int, int | None]]:
    """Name: (network on the whole space, number of regions, number of walls if known).

    A reflection arrangement has one chamber for each element of its group W, and each has
    one wall for each simple reflection: rank * |W| / 2 walls (Humphreys, Reflection Groups
    and Coxeter Groups, 1.12). Shi, Catalan, Linial, semiorder: Stanley, An Introduction to
    Hyperplane Arrangements, lecture 5; Linial also OEIS A007889, semiorders A006531.
    Resonance arrangement: OEIS A034997. Threshold arrangement: its chambers are the threshold
    functions of n inputs, OEIS A000609.
    """
    known: dict[str, tuple[Network, int, int | None]] = {}
    for d in (1, 2, 3, 4, 5, 6):
        known[f"boolean {d}"] = boolean(d), 2**d, d * 2 ** (d - 1)
    for d in (2, 3, 4, 5):
        known[f"braid {d}"] = braid(d), factorial(d), (d - 1) * factorial(d) // 2
    for d in (2, 3, 4):
        order = 2**d * factorial(d)
        known[f"type B {d}"] = type_b(d), order, d * order // 2
        known[f"type D {d}"] = type_d(d), order // 2, d * order // 4
    for d, count in enumerate((2, 6, 32, 370), start=1):
        known[f"resonance {d}"] = resonance(d), count, None
    for inputs, count in enumerate((2, 4, 14, 104)):
        known[f"threshold {inputs}"] = threshold(inputs), count, None
    for d in (2, 3, 4):
        known[f"Shi {d}"] = deformed_braid(d, (0, 1)), (d + 1) ** (d - 1), None
        catalan = factorial(d) * catalan_number(d)
        known[f"Catalan {d}"] = deformed_braid(d, (-1, 0, 1)), catalan, None
    for d, count in ((2, 2), (3, 7), (4, 36), (5, 246)):
        known[f"Linial {d}"] = deformed_braid(d, (1,)), count, None
    for d, count in ((2, 3), (3, 19), (4, 183)):
        known[f"semiorder {d}"] = deformed_braid(d, (-1, 1)), count, None
    for n, d in ((12, 1), (10, 2), (8, 3), (7, 4), (7, 5), (7, 6)):
        known[f"general {n} in {d}"] = (
            general_position(n, n, d),
            cells_in_general_position(n, d),
            walls_in_general_position(n, d),
        )
        # A central wall: the cells that the others cut out of the hyperplane.
        known[f"central {n} in {d}"] = (
            general_position(n, n, d, central=True),
            cells_in_central_position(n, d),
            n * cells_in_central_position(n - 1, d - 1) if d > 1 else 1,
        )
    for n, d in ((6, 2), (4, 3), (3, 4)):
        # Choose k hyperplanes in general position that meet, and for each one of its copies.
        known[f"one ulp apart {n} in {d}"] = (
            doubled(n, n, d),
            sum(comb(n, k) * 2**k for k in range(d + 1)),
            2 * n * sum(comb(n - 1, k) * 2**k for k in range(d)),
        )
    return known


def folded_line(depth: int) -> Network:
    """4**depth linear pieces on the line, with three ReLUs a layer: the most there can be.

    Each layer maps its pieces alternately onto [0, 1], the next one stretches that over its
    three breakpoints. Stretching is a factor of its own: nothing is rounded in composing.
    """
    split = Affine([[1.0], [1.0], [-1.0]], [-1.0, -2.0, 4.0])
    readout = Affine([[-2.0, 1.5, -1.0]], [4.0])
    stretch = Affine([[6.2]], [-0.1])
    first = Layer([split], relu())
    return Network((first, *(Layer([readout, stretch, split], relu()) for _ in range(depth - 1))))


def cantor_net(depth: int, top: bool = False) -> Network:
    """CantorNet: in the middle third its second layer is identically 0."""
    one = ([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0]], [-2.0, 1.0, 0.0])
    two = ([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0, 0.0])
    head = [([[-0.5, 1.0]], [-0.5])] if top else []
    return Network.from_layers([one, two] * depth + head, output_activation=relu())
