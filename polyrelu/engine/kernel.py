"""The compiled core: depth-first splitting of vertex cells with certified signs.

A cell is a polyhedron in R^D, held by its homogeneous generators ``(x, w)``: points (w = 1) and
directions (w = 0). Each generator of a cell carries a bit mask of the facets that it lies on.
*Walls* are the hyperplanes that may cut: those of layer 0 bound the domain, those of layer k
are the zero sets of the pre-activations (minus breakpoints) of layer k, on the current cell.

Signs. The float64 value of a wall's form at a generator is believed only beyond a rigorous
bound: (row's l1 norm) * (radius of the generator + rounding) + (row's error) * (its size). A value
whose common denominator is known to be small is 0 if it is certainly smaller than one unit. What
the bounds leave open is marked in ``unknown``, and the kernel returns to its caller, who decides
in rational arithmetic (:mod:`polyrelu.engine.exact`). A NaN or an overflow leaves it open too:
tests are written so that both fail them.

All functions stay in this one file: numba's cache does not notice an edit in another one.
"""

# mypy: disable-error-code="assignment"

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from .compilation import CALLED, ENTRY, INLINED, call_at, reference

UNIT = 2.0**-53  # the unit roundoff of float64
TINY = 2.0**-600  # covers underflow; see SAFE_WEIGHT
# Relative errors of rows, beyond which they are bounded more tightly, and composed exactly. Only
# speed depends on them: a loose row leaves signs open, an exact one takes as long as some of these.
LOOSE_ERROR, WORST_ERROR = 2.0**-36, 2.0**-6
POOR = 2.0**-30  # a radius from which a generator that leaves signs open is solved anew
NEAR_COPY = 2.0**-20  # of a row, or of a difference of two: how small it is where they nearly agree
SAFE_WEIGHT = 2.0**-200  # weights between this and its inverse cannot underflow against TINY

# Why the kernel returned.
DONE, BLOCK_FULL, NEED_SIGNS, NEED_WITNESS, NEED_ROWS, PAUSE, LOST = range(7)
CONTINUE = -1  # not why, but what run is told when there is nothing to answer
GROW_STACK, GROW_VERTICES, GROW_POOL, GROW_FACETS, GROW_ATTACHED = GROWING = range(10, 15)

# What the top entry of the stack waits for.
DECIDE, BUILD_CHILDREN, ENTER_LAYER, EMIT = 0, 1, 2, 3

# Where the scalars of Stack.scalar are.
TOP, PHASE, CUT_WALL, NEW_BEGIN, NEW_END, NEXT_ID, SPLITS, READY, WORK, GUIDED = range(10)
N_SCALARS = 10

WORK_LIMIT = 1 << 24  # after so much work it returns, for its caller to look at the clock

ABOVE, BELOW = 1, 2  # where a generator is of the wall that cuts its cell; 0: on it

INFINITY = 0  # the facet slot that marks directions; no wall ever gets it


@intrinsic
def popcount(typingctx: Any, word: Any) -> Any:
    """The number of set bits of a uint64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


@intrinsic
def lowest_bit(typingctx: Any, word: Any) -> Any:
    """The index of the lowest set bit of a uint64 that is not 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


ONE = np.uint64(1)
ZERO = np.uint64(0)


@njit(**INLINED)
def test_bit(words, k):  # type: ignore[no-untyped-def]
    return (words[k >> 6] >> np.uint64(k & 63)) & ONE != ZERO


@njit(**INLINED)
def form_at(table, wall, x):  # type: ignore[no-untyped-def]
    """The float value of a wall's form (a column of the table) at a generator."""
    value = 0.0
    for j in range(len(x)):
        value += table[j, wall] * x[j]
    return value


@njit(**INLINED)
def sign_bound(norm, error, radius, size, dim):  # type: ignore[no-untyped-def]
    """How far the float value of a form at a generator can be from the true one.

    An exact 0 is possible: the bound of a row that is exactly 0 is 0.
    """
    if norm == 0.0 and error == 0.0:
        return 0.0
    rounding = 2.0 * (dim + 4) * UNIT * size
    return 1.0000001 * (norm * (radius + rounding) + error * (size + radius) + TINY)


@njit(**INLINED)
def is_zero(value, bound, gap):  # type: ignore[no-untyped-def]
    """Is the true value certainly 0, being either 0 or at least ``gap`` in absolute value?"""
    return (bound == 0.0 and value == 0.0) or abs(value) + bound < gap


# ---------------------------------------------------------------------------------------------
# Generators
# ---------------------------------------------------------------------------------------------


@njit(**INLINED)
def evaluate(program, stack, tables, layer, p, wanted):  # type: ignore[no-untyped-def]
    """Signs of the layer's walls in ``wanted`` (words of the layer) at generator p of the pool.

    Returns True if any is open.
    """
    word0, wall0 = program.first_word[layer], program.first_wall[layer]
    x, radius, size, gap = stack.x[p], stack.radius[p], stack.size[p], stack.gap[p]
    undecided = False
    for k in range(program.first_word[layer + 1] - word0):
        bits, pos, neg, unknown = wanted[word0 + k], ZERO, ZERO, ZERO
        while bits:
            low = lowest_bit(bits)
            bits &= bits - ONE
            wall = wall0 + 64 * k + np.int64(low)
            value = form_at(tables.wall, wall, x)
            bound = sign_bound(
                tables.wall_norm[wall], tables.wall_error[wall], radius, size, program.dim
            )
            above = np.uint64((bound < value) & (value < np.inf))
            below = np.uint64((bound < -value) & (-value < np.inf))
            pos |= above << low
            neg |= below << low
            if not (above | below) and not is_zero(value, bound, gap / tables.wall_scale[wall]):
                unknown |= ONE << low
        stack.pos[p, word0 + k] = pos
        stack.neg[p, word0 + k] = neg
        stack.unknown[p, word0 + k] = unknown
        undecided |= unknown != ZERO
    return undecided


@njit(**CALLED)
def evaluate_layer(program, stack, tables, layer, p):  # type: ignore[no-untyped-def]
    """As :func:`evaluate` for all walls of a layer, laid out so that it vectorises."""
    word0, wall0 = program.first_word[layer], program.first_wall[layer]
    n = program.first_wall[layer + 1] - wall0
    x, radius, size, gap = stack.x[p], stack.radius[p], stack.size[p], stack.gap[p]
    value = tables.values
    for j in range(program.dim + 1):
        add_multiple(tables.wall[j, wall0 : wall0 + n], x[j], j == 0, value)
    undecided = False
    for k in range(program.first_word[layer + 1] - word0):
        here = min(n - 64 * k, 64)
        begin = wall0 + 64 * k
        pos, neg = certain_signs(
            value[64 * k :], tables.wall_norm[begin:], tables.wall_error[begin:], here,
            radius, size, program.dim,
        )  # fmt: skip
        unknown = first_bits(here) & ~(pos | neg)
        if unknown:
            unknown = without_zeros(
                unknown, value[64 * k :], tables.wall_norm[begin:], tables.wall_error[begin:],
                tables.wall_scale[begin:], radius, size, gap, program.dim,
            )  # fmt: skip
            undecided |= unknown != ZERO
        stack.pos[p, word0 + k] = pos
        stack.neg[p, word0 + k] = neg
        stack.unknown[p, word0 + k] = unknown
    return undecided


@njit(**INLINED)
def first_bits(n):  # type: ignore[no-untyped-def]
    """A word with its n lowest bits set."""
    return ~ZERO if n == 64 else (ONE << np.uint64(n)) - ONE


@njit(**INLINED)
def add_multiple(row, factor, first, total):  # type: ignore[no-untyped-def]
    """Add a row, times the factor, to the total; the ``first`` overwrites it."""
    if first:
        for i in range(len(row)):
            total[i] = row[i] * factor
    else:
        for i in range(len(row)):
            total[i] += row[i] * factor


@njit(**INLINED)
def certain_signs(value, norm, error, n, radius, size, dim):  # type: ignore[no-untyped-def]
    """Which of n <= 64 forms are certainly positive, and negative, by :func:`sign_bound`.

    Without a branch, so that it vectorises: signs of one generator are hard to predict.
    """
    a = 1.0000001 * (radius + 2.0 * (dim + 4) * UNIT * size)
    b = 1.0000001 * (size + radius)
    pos, neg = ZERO, ZERO
    for i in range(n):
        bound = norm[i] * a + error[i] * b + (TINY if norm[i] + error[i] > 0.0 else 0.0)
        pos |= np.uint64((bound < value[i]) & (value[i] < np.inf)) << np.uint64(i)
        neg |= np.uint64((bound < -value[i]) & (-value[i] < np.inf)) << np.uint64(i)
    return pos, neg


@njit(**CALLED)
def without_zeros(unknown, value, norm, error, scale, radius, size, gap, dim):  # type: ignore[no-untyped-def]
    """Of the forms in a word whose signs are open, those that are not certainly 0."""
    bits = unknown
    while bits:
        low = lowest_bit(bits)
        bits &= bits - ONE
        i = np.int64(low)
        bound = sign_bound(norm[i], error[i], radius, size, dim)
        if is_zero(value[i], bound, gap / scale[i]):
            unknown &= ~(ONE << low)
    return unknown


# ---------------------------------------------------------------------------------------------
# Twice the precision
# ---------------------------------------------------------------------------------------------
#
# Where walls are an ulp or so apart, generators are solved and signs are taken once more, with
# two float64 numbers for each coordinate of a point, x + low, and for each coefficient of a form.
# See docs/engine.md, "Twice the precision". Seldom called, so calls all of them.


@njit(**CALLED)
def exact_sum(a, b):  # type: ignore[no-untyped-def]
    """a + b as a float64 and what its rounding lost (Knuth)."""
    total = a + b
    there = total - a
    return total, (a - (total - there)) + (b - there)


@njit(**CALLED)
def exact_product(a, b):  # type: ignore[no-untyped-def]
    """a b as a float64 and what its rounding lost (Dekker; NaN if a factor is above 2**996)."""
    product = a * b
    c, d = 134217729.0 * a, 134217729.0 * b  # 2**27 + 1: halves of 26 bits
    a0, b0 = c - (c - a), d - (d - b)
    a1, b1 = a - a0, b - b0
    return product, a1 * b1 - (((product - a0 * b0) - a1 * b0) - a0 * b1)


@njit(**CALLED)
def form_twice(table, table_low, wall, x, low):  # type: ignore[no-untyped-def]
    """The value of a wall's form at the generator x + low, within :func:`bound_twice`."""
    total, rest = 0.0, 0.0
    for j in range(len(x)):
        product, left = exact_product(table[j, wall], x[j])
        total, lost = exact_sum(total, product)
        rest += (lost + left) + (table[j, wall] * low[j] + table_low[j, wall] * x[j])
    return total + rest


@njit(**CALLED)
def bound_twice(norm, low_norm, error, radius, size, low, dim):  # type: ignore[no-untyped-def]
    """How far a value of :func:`form_twice` can be from the true one, but for its last rounding,
    which changes it by UNIT of itself. ``norm`` is that of the row, ``low_norm`` that of its small
    parts, ``error`` what it lacks with them; ``low`` bounds the point's small parts, ``size`` it.

    What is lost along the sum is known, and at most ``(d + 2) UNIT norm size``; it and the small
    parts' products, at most ``norm low + low_norm size``, are added up with ``d + 4`` roundings of
    each. The product of the small parts is left out.
    """
    terms = norm * ((dim + 3) * UNIT * size + low) + low_norm * size
    rest = (dim + 5) * UNIT * terms + low_norm * low
    return 1.0000001 * ((norm + low_norm) * radius + rest + error * (size + radius) + TINY)


@njit(**CALLED)
def wall_bound_twice(tables, wall, radius, size, low, dim):  # type: ignore[no-untyped-def]
    return bound_twice(
        tables.wall_norm[wall], tables.wall_low_norm[wall], tables.wall_low_error[wall], radius,
        size, low, dim,
    )  # fmt: skip


@njit(**CALLED)
def set_low_parts(program, stack, tables, e):  # type: ignore[no-untyped-def]
    """Bring the small parts of the forms that entry e has composed up to date."""
    renewed = False
    for layer in range(1, stack.layer[e] + 1):
        first, last = program.first_wall[layer], program.first_wall[layer + 1]
        name = tables.name[first] if first < last else np.int64(-1)
        if name == tables.low_name[layer] and name >= 0 and not renewed:
            continue
        renewed = True
        if 1 < layer <= program.first_match:
            compose_low(program, stack, tables, e, layer)
        for wall in range(first, last):
            set_low_wall(program, tables, wall, layer <= program.first_match)
        tables.low_name[layer] = name


@njit(**CALLED)
def set_low_wall(program, tables, wall, of_unit):  # type: ignore[no-untyped-def]
    """The small part of a wall's form from that of its unit; none if it is not ``of_unit``."""
    dim, u = program.dim, program.wall_unit[wall]
    norm = 0.0
    for j in range(dim + 1):
        low = tables.unit_low[j, u] if of_unit else 0.0
        if of_unit and j == dim:
            low += exact_sum(tables.unit[j, u], -program.wall_shift[wall])[1]
        tables.wall_low[j, wall] = low
        norm += abs(low)
    tables.wall_low_norm[wall] = 1.0000001 * norm
    error = tables.wall_error[wall]
    if of_unit:
        error = tables.unit_low_error[u] + program.wall_shift_error[wall]
        error += UNIT * norm if program.wall_shift[wall] != 0.0 else 0.0
    tables.wall_low_error[wall] = 1.0000001 * error


@njit(**CALLED)
def compose_low(program, stack, tables, e, layer):  # type: ignore[no-untyped-def]
    """What the forms of the units of ``layer`` on entry e lack to the true ones, as
    :func:`compose` has these, and bounds on what is still missing then: on its l1 norm."""
    u1, u2, dim = program.first_unit[layer], program.first_unit[layer + 1], program.dim
    live, input_error = tables.live, tables.values
    n = list_low_inputs(program, stack, tables, e, layer)
    for u in range(u1, u2):
        inherited, rounding = 0.0, 0.0
        for k in range(n):
            inherited += abs(program.weight[live[k] + u - u1]) * input_error[k]
        for j in range(dim + 1):
            tables.unit_low[j, u], rounded = combine_twice(
                program.weight, live, u - u1, tables.coefficient[j], tables.coefficient_low[j], n,
                program.bias[u] if j == dim else 0.0, tables.unit[j, u],
            )  # fmt: skip
            rounding += rounded
        error = 1.0001 * (inherited + rounding + TINY)
        known = program.weight_error[layer] == 0.0 == program.left_out[u]
        if not (known and error < tables.unit_error[u]):
            error = tables.unit_error[u]
            for j in range(dim + 1):
                tables.unit_low[j, u] = 0.0
        tables.unit_low_error[u] = error


@njit(**CALLED)
def combine_twice(weight, start, i, high, low, n, bias, known):  # type: ignore[no-untyped-def]
    """The bias and n coefficients high + low, times ``weight[start[k] + i]``, less what is known of
    that sum; and a bound on what rounding changed.

    All that float64 loses on the way is added up, and each number of that sum is charged with the
    roundings that it goes through.
    """
    total, rest, terms = bias, 0.0, 0.0
    for k in range(n):
        factor = weight[start[k] + i]
        product, left = exact_product(factor, high[k])
        total, lost = exact_sum(total, product)
        small = factor * low[k]
        rest += (lost + left) + small
        terms += abs(lost) + abs(left) + abs(small)
    off, lost = exact_sum(total, -known)
    size = abs(off) + abs(lost) + abs(rest)
    return off + (lost + rest), UNIT * ((n + 3) * terms + 2.0 * size)


@njit(**CALLED)
def list_low_inputs(program, stack, tables, e, layer):  # type: ignore[no-untyped-def]
    """As :func:`list_inputs`, with the small parts of the forms and bounds on what they lack."""
    u0, u1, u2 = program.first_unit[layer - 1 : layer + 2]
    n = np.int64(0)
    for u in range(u0, u1):
        piece = piece_of(program, stack, e, u)
        slope, intercept = program.slope[piece], program.intercept[piece]
        if slope == 0.0 == intercept:
            continue
        terms = 0.0
        for j in range(program.dim + 1):
            high, lost = exact_product(slope, tables.unit[j, u])
            small, more = slope * tables.unit_low[j, u], 0.0
            if j == program.dim:
                high, more = exact_sum(high, intercept)
            tables.coefficient[j, n], tables.coefficient_low[j, n] = high, small + (lost + more)
            terms += abs(small) + abs(lost) + abs(more)
        error = abs(slope) * tables.unit_low_error[u] + 3.0 * UNIT * terms + TINY
        tables.values[n] = 1.0001 * error if program.piece_error[piece] == 0.0 else np.inf
        tables.live[n] = program.first_weight[layer] + (u - u0) * (u2 - u1)
        n += 1
    return n


@njit(**CALLED)
def difference(tables, v, w, dim, high, low):  # type: ignore[no-untyped-def]
    """If walls v and w have nearly the same normal, or opposite ones, writes v - w, or v + w, as
    high + low, and returns 1 or -1 for the sign with which w is subtracted, and a bound on what
    that lacks in the l1 norm. Else 0 and nothing of use.

    Of numbers that are close float64 has the difference exactly: what is small is as exact as
    what is large.
    """
    table, small = tables.wall, tables.wall_low
    axis = np.int64(0)
    for j in range(1, dim):
        if abs(table[j, v]) > abs(table[axis, v]):
            axis = j
    most = abs(table[axis, v])
    sign = 1.0 if (table[axis, v] > 0.0) == (table[axis, w] > 0.0) else -1.0
    for j in range(dim):
        if not abs(table[j, v] - sign * table[j, w]) < NEAR_COPY * most:
            return 0.0, 0.0
    terms = 0.0
    for j in range(dim + 1):
        off, lost = exact_sum(table[j, v], -sign * table[j, w])
        high[j], low[j] = exact_sum(off, lost + (small[j, v] - sign * small[j, w]))
        terms += abs(lost) + abs(small[j, v]) + abs(small[j, w])
    error = tables.wall_low_error[v] + tables.wall_low_error[w] + 2.0 * UNIT * terms
    return sign, 1.0000001 * error


@njit(**CALLED)
def take_apart(tables, n, dim):  # type: ignore[no-untyped-def]
    """Writes to ``scratch[0]`` + ``scratch[3]`` rows that vanish where the first n picked walls do,
    and to ``scratch[3, dim]`` what they lack: their own or, where two are nearly the same or
    opposite, one and what it differs by, times a power of 2."""
    a, a_low, walls = tables.scratch[0], tables.scratch[3], tables.picked
    for i in range(n):
        near = False
        for k in range(i):
            sign, error = difference(tables, walls[k], walls[i], dim, a[i], a_low[i])
            rest, most = 0.0, 0.0
            for j in range(dim):
                rest = max(rest, abs(a[i, j]))
                most = max(most, abs(tables.wall[j, walls[i]]))
            if sign != 0.0 and rest > TINY:
                near, scale = True, 1.0
                while rest * scale < most:
                    scale *= 2.0
                for j in range(dim + 1):
                    a[i, j] *= scale
                    a_low[i, j] *= scale
                a_low[dim, i] = error * scale
                break
        if not near:
            for j in range(dim + 1):
                a[i, j], a_low[i, j] = tables.wall[j, walls[i]], tables.wall_low[j, walls[i]]
            a_low[dim, i] = tables.wall_low_error[walls[i]]


@njit(**CALLED)
def invert_with_axis(scratch, need, axis, dim):  # type: ignore[no-untyped-def]
    """Inverse of the first ``need`` rows and, if one is missing, the unit vector of an axis."""
    a, r, work = scratch[0], scratch[1], scratch[2]
    if need < dim:
        for j in range(dim):
            a[need, j] = 0.0
        a[need, axis] = 1.0
    for i in range(dim):
        for j in range(dim):
            work[i, j] = a[i, j]
    return invert(work, r, dim)


@njit(**CALLED)
def start_anew(scratch, need, x, dim):  # type: ignore[no-untyped-def]
    """Writes to x about where the rows of ``scratch[0]`` vanish: a point, or if one row is missing
    a direction whose largest coordinate is 1. Leaves their inverse; returns that coordinate,
    ``dim`` for a point, and -1 if they do not tell."""
    a, r = scratch[0], scratch[1]
    if need == dim:
        if not invert_with_axis(scratch, need, dim, dim):
            return np.int64(-1)
        for j in range(dim):
            value = 0.0
            for i in range(dim):
                value -= r[j, i] * a[i, dim]
            x[j] = value
        return np.int64(dim)
    for axis in range(dim):
        if invert_with_axis(scratch, need, axis, dim):
            most = 0.0
            for j in range(dim):
                x[j] = r[j, need]
                most = max(most, abs(x[j]))
            if most < 1.000001:
                x[axis] = 1.0
                return np.int64(axis)
    return np.int64(-1)


@njit(**CALLED)
def list_walls(first, mask, used, facet, walls):  # type: ignore[no-untyped-def]
    """Writes the walls of the facets of ``mask``, after the wall ``first`` unless that is -1.
    Returns how many they are."""
    n = np.int64(0)
    if first >= 0:
        walls[0] = first
        n = np.int64(1)
    for k in range(len(used)):
        common = mask[k] & used[k]
        while common:
            walls[n] = facet[64 * k + np.int64(lowest_bit(common))] >> 1
            common &= common - ONE
            n += 1
    return n


@njit(**CALLED)
def refine(tables, n, x, low, dim, anew):  # type: ignore[no-untyped-def]
    """Writes to ``low`` what a generator x lacks to where the n picked walls meet, the best of
    which become the first. False if they do not tell.

    As :func:`solve`, from a float64 inverse: two steps of refinement, with residuals in twice the
    precision. A direction keeps a coordinate that is 1 or -1. If x is to be found ``anew``, it is
    written as well.
    """
    scratch = tables.scratch
    a, r, work, a_low = scratch[0], scratch[1], scratch[2], scratch[3]
    need = dim if x[dim] != 0.0 else dim - 1
    if n < need:
        return False
    if n > need:
        pick_rows(tables.wall, work, tables.picked, n, need, dim)
    take_apart(tables, need, dim)
    axis = np.int64(dim)
    if anew:
        axis = start_anew(scratch, need, x, dim)
        if axis < 0:
            return False
    else:
        if need < dim:
            axis = np.int64(0)
            while axis < dim and abs(x[axis]) != 1.0:
                axis += 1
            if axis == dim:
                return False
        if not invert_with_axis(scratch, need, axis, dim):
            return False
    for j in range(dim + 1):
        low[j] = 0.0
    for _ in range(3 if anew else 2):
        for i in range(dim):
            work[0, i] = form_twice(a.T, a_low.T, i, x, low) if i < need else 0.0
        for j in range(dim):
            for i in range(dim):
                low[j] -= r[j, i] * work[0, i]
        low[axis] = 0.0
        if anew:
            for j in range(dim):
                x[j], low[j] = exact_sum(x[j], low[j])
    return True


@njit(**CALLED)
def refined_radius(tables, x, low, dim):  # type: ignore[no-untyped-def]
    """The radius of the generator x + low of :func:`refine`, bounded as in :func:`solve`."""
    a, work, a_low = tables.scratch[0], tables.scratch[2], tables.scratch[3]
    need = dim if x[dim] != 0.0 else dim - 1
    size, small = sizes(x, low, dim)
    for i in range(dim):
        work[0, i], work[1, i] = TINY, 0.0
        if i < need:
            norm, low_norm = 0.0, 0.0
            for j in range(dim + 1 if x[dim] != 0.0 else dim):
                norm += 1.0000001 * abs(a[i, j])
                low_norm += 1.0000001 * abs(a_low[i, j])
            rest = abs(form_twice(a.T, a_low.T, i, x, low))
            error = a_low[dim, i]
            work[0, i] = rest + bound_twice(norm, low_norm, error, 0.0, size, small, dim)
            work[1, i] = low_norm + error
    return moved_at_most(tables.scratch, dim)


@njit(**CALLED)
def sizes(x, low, dim):  # type: ignore[no-untyped-def]
    """Bounds on the coordinates of x + low, and on those of low."""
    size, small = 1.0, 0.0
    for j in range(dim):
        small = max(small, abs(low[j]))
        size = max(size, abs(x[j]) + abs(low[j]))
    return size, small


@njit(**CALLED)
def settle(program, stack, tables, p, layer, low, radius):  # type: ignore[no-untyped-def]
    """Decide open signs of generator p, which is x + low within the radius, on the layer's walls
    where that can be done in twice the precision. Returns True if any is still open."""
    x, dim, gap = stack.x[p], program.dim, stack.gap[p]
    size, small = sizes(x, low, dim)
    word0, wall0 = program.first_word[layer], program.first_wall[layer]
    undecided = False
    for k in range(word0, program.first_word[layer + 1]):
        bits = stack.unknown[p, k]
        while bits:
            at = lowest_bit(bits)
            bits &= bits - ONE
            w = wall0 + 64 * (k - word0) + np.int64(at)
            value = form_twice(tables.wall, tables.wall_low, w, x, low)
            bound = wall_bound_twice(tables, w, radius, size, small, dim)
            undecided |= not note_sign(
                value, bound, gap / tables.wall_scale[w], stack.pos[p], stack.neg[p],
                stack.unknown[p], k, at,
            )  # fmt: skip
    return undecided


@njit(**CALLED)
def note_sign(value, bound, gap, pos, neg, unknown, k, at):  # type: ignore[no-untyped-def]
    """Note the sign of a value in bit ``at`` of words k if it is certain, and return if it is."""
    above, below = bound < value < np.inf, bound < -value < np.inf
    if not (above or below or is_zero(value, bound, gap)):
        return False
    pos[k] |= np.uint64(above) << at
    neg[k] |= np.uint64(below) << at
    unknown[k] &= ~(ONE << at)
    return True


@njit(**CALLED)
def settle_copies(program, stack, tables, p, layer, n):  # type: ignore[no-untyped-def]
    """Decide open signs of generator p on walls that are nearly the same as one of the n picked
    walls, which p is on: there both differ by what they differ by. Returns True if any sign is
    still open."""
    x, radius, size, dim = stack.x[p], stack.radius[p], stack.size[p], program.dim
    word0, wall0 = program.first_word[layer], program.first_wall[layer]
    high, low = tables.low[1], tables.low[2]
    last = dim + 1 if x[dim] != 0.0 else dim  # a direction has no use for the constant
    undecided = False
    for k in range(word0, program.first_word[layer + 1]):
        bits = stack.unknown[p, k]
        while bits:
            at = lowest_bit(bits)
            bits &= bits - ONE
            w, i, certain = wall0 + 64 * (k - word0) + np.int64(at), 0, False
            while i < n and not certain:
                sign, error = difference(tables, tables.picked[i], w, dim, high, low)
                if sign != 0.0:
                    value, norm = 0.0, 0.0
                    for j in range(last):
                        value -= sign * high[j] * x[j]
                        norm += 1.0000001 * abs(high[j])
                        error += 1.0000001 * abs(low[j])
                    bound = sign_bound(norm, error, radius, size, dim)
                    if last == dim and norm == 0.0:
                        if are_parallel(program, tables, tables.picked[i], w, layer, sign):
                            bound = 0.0
                    certain = note_sign(
                        value, bound, stack.gap[p] / tables.wall_scale[w], stack.pos[p],
                        stack.neg[p], stack.unknown[p], k, at,
                    )  # fmt: skip
                i += 1
            undecided |= not certain
    return undecided


@njit(**CALLED)
def are_parallel(program, tables, v, w, layer, sign):  # type: ignore[no-untyped-def]
    """Have walls v and w, whose float64 normals are the same but for the sign, the same true ones?

    They have if their rows are exact, or if their units take all inputs with the same weights.
    """
    if tables.wall_error[v] == 0.0 == tables.wall_error[w]:
        return True
    if layer < 2 or layer > program.first_match or v < program.first_wall[layer]:
        return False
    u, v_unit, w_unit = program.first_unit[layer], program.wall_unit[v], program.wall_unit[w]
    if program.weight_error[layer] + program.left_out[v_unit] + program.left_out[w_unit] != 0.0:
        return False
    width = program.first_unit[layer + 1] - u
    row = program.first_weight[layer] - u
    for _ in range(u - program.first_unit[layer - 1]):
        if program.weight[row + v_unit] != sign * program.weight[row + w_unit]:
            return False
        row += width
    return True


@njit(**CALLED)
def signs_twice(program, stack, tables):  # type: ignore[no-untyped-def]
    """Decide in twice the precision what signs the top entry asks for (NEED_SIGNS). True if none
    is open any more."""
    e = stack.scalar[TOP]
    cutting = stack.scalar[PHASE] != DECIDE
    begin = stack.scalar[NEW_BEGIN]
    n = stack.scalar[NEW_END] - begin if cutting else stack.n_vertices[e]
    first = stack.scalar[CUT_WALL] if cutting else np.int64(-1)
    set_low_parts(program, stack, tables, e)
    undecided = False
    for i in range(n):
        p = begin + i if cutting else np.int64(stack.vertex[e, i])
        mask = stack.new_mask[i] if cutting else stack.mask[e, i]
        undecided |= decide_twice(program, stack, tables, e, p, mask, first)
    return not undecided


@njit(**CALLED)
def decide_twice(program, stack, tables, e, p, mask, first):  # type: ignore[no-untyped-def]
    """Decide the open signs of generator p of entry e, as far as twice the precision goes; it is on
    the facets of ``mask`` and on the wall ``first``. True if any sign, or x itself, is open."""
    layer, dim, low = stack.layer[e], program.dim, tables.low[0]
    any_open = not stack.radius[p] < np.inf
    for k in range(program.first_word[layer], program.first_word[layer + 1]):
        any_open |= stack.unknown[p, k] != ZERO
    if not any_open:
        return False
    n = list_walls(first, mask, stack.used[e], stack.facet[e], tables.picked)
    # Poorly solved, or not at all; or a direction that might be the opposite one.
    anew = not stack.radius[p] < POOR
    refined = np.inf
    if anew:
        stack.radius[p] = np.inf  # that of an x which may be overwritten
        if not refine(tables, n, stack.x[p], low, dim, True):
            return True
        refined = refined_radius(tables, stack.x[p], low, dim)
        if not renew(program, stack, tables, e, p, mask, first, n, low, refined):
            return True
    if not settle_copies(program, stack, tables, p, layer, n):
        return False
    if not anew:
        if not refine(tables, n, stack.x[p], low, dim, False):
            return True
        refined = refined_radius(tables, stack.x[p], low, dim)
    return settle(program, stack, tables, p, layer, low, refined)


@njit(**CALLED)
def renew(program, stack, tables, e, p, mask, first, n, low, refined):  # type: ignore[no-untyped-def]
    """Generator p of entry e, on n picked walls, is x, which was found anew: its radius and size; a
    direction is turned to where the cell is. False if that is not certain."""
    x, dim = stack.x[p], program.dim
    if not refined < NEAR_COPY:
        return False
    if x[dim] == 0.0:
        side = facing(stack.used[e], mask, stack.facet[e], tables, x, low, refined, dim)
        if side == 0.0:
            return False
        for j in range(dim):
            x[j], low[j] = side * x[j], side * low[j]
    whole, small = sizes(x, low, dim)
    stack.radius[p], stack.size[p] = 1.001 * (refined + small), whole
    if n == dim and x[dim] != 0.0 and 0 <= first < program.first_wall[program.first_match]:
        cache(tables, stack, find_cached(tables, tables.picked, dim), p, dim)
    return True


@njit(**CALLED)
def facing(used, mask, facet, tables, x, low, radius, dim):  # type: ignore[no-untyped-def]
    """1 if the direction x + low certainly leads to the inner side of some facet that it is not on,
    -1 if its opposite does, 0 if neither is certain."""
    size, small = sizes(x, low, dim)
    for k in range(len(used)):
        facets = used[k] & ~mask[k]
        while facets:
            code = facet[64 * k + np.int64(lowest_bit(facets))]
            facets &= facets - ONE
            w = np.int64(code >> 1)
            value = form_twice(tables.wall, tables.wall_low, w, x, low)
            bound = wall_bound_twice(tables, w, radius, size, small, dim)
            if bound < abs(value) < np.inf:
                return 1.0 if (value > 0.0) != (code & 1 != 0) else -1.0
    return 0.0


@njit(**CALLED)
def most_off(n, vertex, mask, common, pool, dim, directions, any_one):  # type: ignore[no-untyped-def]
    """The point (or direction) of a cell that is off the most facets in ``common``, from which the
    facets that it is off are taken; -1 if it is on all, unless ``any_one`` will do."""
    best, most = -1, -1 if any_one else 0
    for i in range(n):
        if (pool[vertex[i], dim] == 0.0) == directions:
            off = 0
            for k in range(len(common)):
                off += np.int64(popcount(common[k] & ~mask[i, k]))
            if off > most:
                best, most = i, off
    if best >= 0:
        for k in range(len(common)):
            common[k] &= mask[best, k]
    return best


@njit(**CALLED)
def thin_witness(program, stack, tables, e, witness, rest):  # type: ignore[no-untyped-def]
    """Writes as witness + rest the mean of some points of entry e plus some of its directions, of
    which no facet holds all. True if it is certainly inside, as the exact point that it is."""
    n, dim, used, facet = stack.n_vertices[e], program.dim, stack.used[e], stack.facet[e]
    vertex, mask, common = stack.vertex[e], stack.mask[e], stack.new_mask[0]
    low, total, total_low = tables.low[0], tables.low[1], tables.low[2]
    total[:] = 0.0
    total_low[:] = 0.0
    copy_row(used, common)
    n_points, directions = 0, False
    while True:
        i = most_off(n, vertex, mask, common, stack.x, dim, directions, n_points == 0)
        if i < 0 and directions:
            break
        if i < 0:
            for j in range(dim):
                mean = total[j] / n_points
                product, left = exact_product(mean, 1.0 * n_points)
                total_low[j] = (((total[j] - product) - left) + total_low[j]) / n_points
                total[j] = mean
            directions = True
            continue
        n_points += 1
        x = stack.x[vertex[i]]
        on = list_walls(np.int64(-1), mask[i], used, facet, tables.picked)
        if not refine(tables, on, x, low, dim, False):
            return False
        for j in range(dim):
            total[j], lost = exact_sum(total[j], x[j])
            total_low[j] += lost + low[j]
    for j in range(dim):
        total[j], total_low[j] = exact_sum(total[j], total_low[j])
        witness[j], rest[j] = total[j], total_low[j]
    total[dim], total_low[dim] = 1.0, 0.0
    return is_inside_twice(used, facet, tables, total, total_low, dim)


@njit(**CALLED)
def is_inside_twice(used, facet, tables, x, low, dim):  # type: ignore[no-untyped-def]
    """Is the exact point x + low certainly inside of all facets?"""
    size, small = sizes(x, low, dim)
    for k in range(len(used)):
        facets = used[k]
        while facets:
            code = facet[64 * k + np.int64(lowest_bit(facets))]
            facets &= facets - ONE
            w = np.int64(code >> 1)
            value = form_twice(tables.wall, tables.wall_low, w, x, low)
            bound = wall_bound_twice(tables, w, 0.0, size, small, dim)
            if not bound < (-value if code & 1 else value) < np.inf:
                return False
    return True


@njit(**CALLED)
def witness_twice(program, stack, tables, block):  # type: ignore[no-untyped-def]
    """Write to the block a witness of the top entry in twice the precision (NEED_WITNESS). False if
    that is too little."""
    e, i, m = stack.scalar[TOP], block.count[0], block.count[4]
    set_low_parts(program, stack, tables, e)
    if not thin_witness(program, stack, tables, e, block.witness[i], block.low[m]):
        return False
    block.thin[m] = i
    block.count[4] = m + 1
    stack.scalar[READY] = 1
    return True


@njit(**CALLED)
def pick_rows(wall, basis, walls, n, need, dim):  # type: ignore[no-untyped-def]
    """Reorder ``walls[:n]`` so that the first ``need`` have well-conditioned normals.

    Greedy Gram-Schmidt on normalised rows; ``walls[0]`` stays. Only a heuristic: what a bad
    choice costs is a large radius, and then rational arithmetic.
    """
    for r in range(need):
        best, best_left = r, -1.0
        for i in range(r, 1 if r == 0 else n):
            left, norm = 0.0, 0.0
            for j in range(dim):
                norm += wall[j, walls[i]] ** 2
            left = norm
            for q in range(r):
                dot = 0.0
                for j in range(dim):
                    dot += basis[q, j] * wall[j, walls[i]]
                left -= dot * dot
            left = left / norm if norm > 0.0 else -1.0
            if left > best_left:
                best, best_left = i, left
        walls[r], walls[best] = walls[best], walls[r]
        for j in range(dim):
            basis[r, j] = wall[j, walls[r]]
        for q in range(r):
            dot = 0.0
            for j in range(dim):
                dot += basis[q, j] * basis[r, j]
            for j in range(dim):
                basis[r, j] -= dot * basis[q, j]
        norm = 0.0
        for j in range(dim):
            norm += basis[r, j] ** 2
        norm = np.sqrt(norm)
        for j in range(dim):
            basis[r, j] = basis[r, j] / norm if norm > 0.0 else 0.0


@njit(**CALLED)
def invert(matrix, inverse, dim):  # type: ignore[no-untyped-def]
    """Approximate inverse by Gauss-Jordan with partial pivoting; matrix is destroyed."""
    for i in range(dim):
        for j in range(dim):
            inverse[i, j] = 1.0 if i == j else 0.0
    for c in range(dim):
        pivot, best = c, abs(matrix[c, c])
        for i in range(c + 1, dim):
            if abs(matrix[i, c]) > best:
                pivot, best = i, abs(matrix[i, c])
        if best == 0.0:
            return False
        if pivot != c:
            for j in range(dim):
                matrix[c, j], matrix[pivot, j] = matrix[pivot, j], matrix[c, j]
                inverse[c, j], inverse[pivot, j] = inverse[pivot, j], inverse[c, j]
        lead = 1.0 / matrix[c, c]
        for j in range(dim):
            matrix[c, j] *= lead
            inverse[c, j] *= lead
        for i in range(dim):
            factor = matrix[i, c]
            if i != c and factor != 0.0:
                for j in range(dim):
                    matrix[i, j] -= factor * matrix[c, j]
                    inverse[i, j] -= factor * inverse[c, j]
    return True


@njit(**CALLED)
def solve(wall, wall_error, scratch, walls, dim, ray_axis, ray_sign, x):  # type: ignore[no-untyped-def]
    """The generator on ``dim`` walls, or, if ``ray_axis >= 0``, the direction on ``dim - 1``
    walls with ``x[ray_axis] = ray_sign``. Writes x; returns its radius (infinite if unsolved).

    The radius is a posteriori: with R the approximate inverse of the matrix A of true rows,
    ``|x - x*| <= |R (c - A x)| / (1 - |I - R A|)`` in the maximum norm, where residual and
    ``I - R A`` are bounded with their rounding and the errors of the rows.
    """
    a, r, work = scratch[0], scratch[1], scratch[2]
    n = dim if ray_axis < 0 else dim - 1
    for i in range(n):
        for j in range(dim):
            a[i, j] = wall[j, walls[i]]
        a[i, dim] = -wall[dim, walls[i]] if ray_axis < 0 else 0.0
    if ray_axis >= 0:
        for j in range(dim):
            a[n, j] = 0.0
        a[n, ray_axis], a[n, dim] = 1.0, ray_sign
    for i in range(dim):
        for j in range(dim):
            work[i, j] = a[i, j]
    if not invert(work, r, dim):
        return np.inf
    for i in range(dim):
        value = 0.0
        for j in range(dim):
            value += r[i, j] * a[j, dim]
        x[i] = value
    x[dim] = 1.0 if ray_axis < 0 else 0.0
    # One step of refinement: the residual then is rounding alone.
    for i in range(dim):
        rest = a[i, dim]
        for j in range(dim):
            rest -= a[i, j] * x[j]
        work[0, i] = rest
    for i in range(dim):
        value = x[i]
        for j in range(dim):
            value += r[i, j] * work[0, j]
        x[i] = value
    if ray_axis >= 0:
        x[ray_axis] = ray_sign
    return _radius(wall_error, scratch, walls, dim, n, x)


@njit(**CALLED)
def _radius(wall_error, scratch, walls, dim, n, x):  # type: ignore[no-untyped-def]
    a, work = scratch[0], scratch[2]
    rounding = (2.0 * dim + 6.0) * UNIT
    size = 1.0
    for j in range(dim):
        size = max(size, abs(x[j]))
    for i in range(dim):
        rest, total = a[i, dim], abs(a[i, dim])
        for j in range(dim):
            rest -= a[i, j] * x[j]
            total += abs(a[i, j] * x[j])
        row_error = wall_error[walls[i]] if i < n else 0.0
        work[0, i] = abs(rest) + rounding * total + row_error * size + TINY
        work[1, i] = row_error
    return moved_at_most(scratch, dim)


@njit(**CALLED)
def moved_at_most(scratch, dim):  # type: ignore[no-untyped-def]
    """The radius of a solution, from bounds on its residuals (``scratch[2, 0]``) and on the errors
    of the rows (``scratch[2, 1]``)."""
    a, r, work = scratch[0], scratch[1], scratch[2]
    rounding = (2.0 * dim + 6.0) * UNIT
    worst, departure = 0.0, 0.0
    for i in range(dim):
        off, moved = 0.0, 0.0
        for j in range(dim):
            entry = -1.0 if i == j else 0.0
            total = 1.0
            for k in range(dim):
                entry += r[i, k] * a[k, j]
                total += abs(r[i, k] * a[k, j])
            off += abs(entry) + rounding * total
        for k in range(dim):
            off += abs(r[i, k]) * work[1, k]
            moved += abs(r[i, k]) * work[0, k]
        if not (off < 0.5 and moved < np.inf):  # so that max never sees a NaN, which it drops
            return np.inf
        departure = max(departure, off)
        worst = max(worst, moved)
    return 1.001 * worst / (1.0 - departure)


@njit(**INLINED)
def solve_in_plane(wall, wall_error, walls, x):  # type: ignore[no-untyped-def]
    """As :func:`solve` for a point in two dimensions, all in registers, R by Cramer's rule.

    The same bound, as it asks nothing of R: a poor one (or a determinant that is 0 or not finite,
    which makes R so) only gives a large radius. Sums over j of |R||A| are taken row by row.
    """
    rounding = 10.0 * UNIT  # 2 d + 6
    i, j = walls[0], walls[1]
    a0, a1, a2 = wall[0, i], wall[1, i], -wall[2, i]
    b0, b1, b2 = wall[0, j], wall[1, j], -wall[2, j]
    lead = 1.0 / (a0 * b1 - a1 * b0)
    r00, r01, r10, r11 = b1 * lead, -a1 * lead, -b0 * lead, a0 * lead
    x0, x1 = r00 * a2 + r01 * b2, r10 * a2 + r11 * b2
    rest0, rest1 = a2 - a0 * x0 - a1 * x1, b2 - b0 * x0 - b1 * x1
    x0 += r00 * rest0 + r01 * rest1
    x1 += r10 * rest0 + r11 * rest1
    x[0], x[1] = x0, x1
    size = max(1.0, max(abs(x0), abs(x1)))
    rest0 = abs(a2 - a0 * x0 - a1 * x1) + wall_error[i] * size + TINY
    rest1 = abs(b2 - b0 * x0 - b1 * x1) + wall_error[j] * size + TINY
    rest0 += rounding * (abs(a2) + abs(a0 * x0) + abs(a1 * x1))
    rest1 += rounding * (abs(b2) + abs(b0 * x0) + abs(b1 * x1))
    norm0 = rounding * (abs(a0) + abs(a1)) + wall_error[i]
    norm1 = rounding * (abs(b0) + abs(b1)) + wall_error[j]
    off0 = abs(r00 * a0 + r01 * b0 - 1.0) + abs(r00 * a1 + r01 * b1)
    off1 = abs(r10 * a0 + r11 * b0) + abs(r10 * a1 + r11 * b1 - 1.0)
    off0 += 2.0 * rounding + abs(r00) * norm0 + abs(r01) * norm1
    off1 += 2.0 * rounding + abs(r10) * norm0 + abs(r11) * norm1
    moved0 = abs(r00) * rest0 + abs(r01) * rest1
    moved1 = abs(r10) * rest0 + abs(r11) * rest1
    if not (off0 < 0.5 and off1 < 0.5 and moved0 < np.inf and moved1 < np.inf):
        return np.inf
    return 1.001 * max(moved0, moved1) / (1.0 - max(off0, off1))


@njit(**INLINED)
def solve_in_space(wall, wall_error, walls, x):  # type: ignore[no-untyped-def]
    """As :func:`solve_in_plane` in three dimensions."""
    rounding = 12.0 * UNIT  # 2 d + 6
    i, j, k = walls[0], walls[1], walls[2]
    a0, a1, a2, a3 = wall[0, i], wall[1, i], wall[2, i], -wall[3, i]
    b0, b1, b2, b3 = wall[0, j], wall[1, j], wall[2, j], -wall[3, j]
    c0, c1, c2, c3 = wall[0, k], wall[1, k], wall[2, k], -wall[3, k]
    r00, r01, r02 = b1 * c2 - b2 * c1, a2 * c1 - a1 * c2, a1 * b2 - a2 * b1
    r10, r11, r12 = b2 * c0 - b0 * c2, a0 * c2 - a2 * c0, a2 * b0 - a0 * b2
    r20, r21, r22 = b0 * c1 - b1 * c0, a1 * c0 - a0 * c1, a0 * b1 - a1 * b0
    lead = 1.0 / (a0 * r00 + a1 * r10 + a2 * r20)
    r00, r01, r02 = r00 * lead, r01 * lead, r02 * lead
    r10, r11, r12 = r10 * lead, r11 * lead, r12 * lead
    r20, r21, r22 = r20 * lead, r21 * lead, r22 * lead
    x0 = r00 * a3 + r01 * b3 + r02 * c3
    x1 = r10 * a3 + r11 * b3 + r12 * c3
    x2 = r20 * a3 + r21 * b3 + r22 * c3
    rest0 = a3 - a0 * x0 - a1 * x1 - a2 * x2
    rest1 = b3 - b0 * x0 - b1 * x1 - b2 * x2
    rest2 = c3 - c0 * x0 - c1 * x1 - c2 * x2
    x0 += r00 * rest0 + r01 * rest1 + r02 * rest2
    x1 += r10 * rest0 + r11 * rest1 + r12 * rest2
    x2 += r20 * rest0 + r21 * rest1 + r22 * rest2
    x[0], x[1], x[2] = x0, x1, x2
    size = max(max(1.0, abs(x0)), max(abs(x1), abs(x2)))
    rest0 = abs(a3 - a0 * x0 - a1 * x1 - a2 * x2) + wall_error[i] * size + TINY
    rest1 = abs(b3 - b0 * x0 - b1 * x1 - b2 * x2) + wall_error[j] * size + TINY
    rest2 = abs(c3 - c0 * x0 - c1 * x1 - c2 * x2) + wall_error[k] * size + TINY
    rest0 += rounding * (abs(a3) + abs(a0 * x0) + abs(a1 * x1) + abs(a2 * x2))
    rest1 += rounding * (abs(b3) + abs(b0 * x0) + abs(b1 * x1) + abs(b2 * x2))
    rest2 += rounding * (abs(c3) + abs(c0 * x0) + abs(c1 * x1) + abs(c2 * x2))
    norm0 = rounding * (abs(a0) + abs(a1) + abs(a2)) + wall_error[i]
    norm1 = rounding * (abs(b0) + abs(b1) + abs(b2)) + wall_error[j]
    norm2 = rounding * (abs(c0) + abs(c1) + abs(c2)) + wall_error[k]
    off0 = 3.0 * rounding + abs(r00) * norm0 + abs(r01) * norm1 + abs(r02) * norm2
    off1 = 3.0 * rounding + abs(r10) * norm0 + abs(r11) * norm1 + abs(r12) * norm2
    off2 = 3.0 * rounding + abs(r20) * norm0 + abs(r21) * norm1 + abs(r22) * norm2
    off0 += abs(r00 * a0 + r01 * b0 + r02 * c0 - 1.0)
    off0 += abs(r00 * a1 + r01 * b1 + r02 * c1) + abs(r00 * a2 + r01 * b2 + r02 * c2)
    off1 += abs(r10 * a1 + r11 * b1 + r12 * c1 - 1.0)
    off1 += abs(r10 * a0 + r11 * b0 + r12 * c0) + abs(r10 * a2 + r11 * b2 + r12 * c2)
    off2 += abs(r20 * a2 + r21 * b2 + r22 * c2 - 1.0)
    off2 += abs(r20 * a0 + r21 * b0 + r22 * c0) + abs(r20 * a1 + r21 * b1 + r22 * c1)
    moved0 = abs(r00) * rest0 + abs(r01) * rest1 + abs(r02) * rest2
    moved1 = abs(r10) * rest0 + abs(r11) * rest1 + abs(r12) * rest2
    moved2 = abs(r20) * rest0 + abs(r21) * rest1 + abs(r22) * rest2
    if not (off0 < 0.5 and off1 < 0.5 and off2 < 0.5):  # max would drop a NaN
        return np.inf
    if not (moved0 < np.inf and moved1 < np.inf and moved2 < np.inf):
        return np.inf
    return 1.001 * max(max(moved0, moved1), moved2) / (1.0 - max(max(off0, off1), off2))


@njit(**INLINED)
def solve_point(wall, wall_error, scratch, walls, dim, x):  # type: ignore[no-untyped-def]
    """The point on ``dim`` walls and its radius, the quickest way that bounds it."""
    radius = np.inf
    if dim == 3:
        radius = solve_in_space(wall, wall_error, walls, x)
    elif dim == 2:
        radius = solve_in_plane(wall, wall_error, walls, x)
    if radius == np.inf:
        return solve(wall, wall_error, scratch, walls, dim, np.int64(-1), 0.0, x)
    return radius


@njit(**INLINED)
def gap_of(wall, wall_error, wall_scale, walls, n, dim):  # type: ignore[no-untyped-def]
    """A lower bound on 1 / (common denominator of the generator on ``walls[:n]``).

    The denominator is the determinant of the walls' integer rows: Hadamard's inequality.
    """
    gap = 0.999999
    for i in range(n):
        if wall_scale[walls[i]] == np.inf:
            return 0.0
        total = 0.0
        for j in range(dim):
            total += wall[j, walls[i]] ** 2
        gap /= (np.sqrt(total) + wall_error[walls[i]]) * wall_scale[walls[i]]
    return gap


@njit(**INLINED)
def find_cached(tables, walls, dim):  # type: ignore[no-untyped-def]
    """The cache slot for the point on ``dim`` walls; its ident is 0 if it holds another.

    A point is made anew in each of the up to 2^(dim - 1) cells around the edge that it is on. The
    walls are sorted, so that it is the same to the last bit whichever edge it was solved on.
    """
    names = tables.names
    h = np.uint64(0)
    for i in range(dim):
        wall = walls[i]
        for j in range(i):  # insertion without a branch
            wall, walls[j] = max(wall, walls[j]), min(wall, walls[j])
        walls[i] = wall
    for i in range(dim):
        names[i] = tables.name[walls[i]]
        mixed = np.uint64(names[i]) * np.uint64(0x9E3779B97F4A7C15)
        h += mixed ^ (mixed >> np.uint64(29))
    h *= np.uint64(0xBF58476D1CE4E5B9)
    at = np.int64((h >> np.uint64(20)) & np.uint64(len(tables.cache_ident) - 1))
    for i in range(dim):
        if tables.cache_names[at, i] != names[i]:
            tables.cache_ident[at] = 0
            break
    return at


@njit(**INLINED)
def cache(tables, stack, at, p, dim):  # type: ignore[no-untyped-def]
    """Put generator p into the slot that :func:`find_cached` has just found for it."""
    for j in range(dim):
        tables.cache_names[at, j] = tables.names[j]
        tables.cache_x[at, j] = stack.x[p, j]
    tables.cache_radius[at] = stack.radius[p]
    tables.cache_gap[at] = stack.gap[p]
    tables.cache_size[at] = stack.size[p]
    tables.cache_ident[at] = stack.ident[p]


@njit(**CALLED)
def largest_between(table, wall, u, v, dim):  # type: ignore[no-untyped-def]
    """Largest coordinate of the direction between directions u and v on a wall, and its sign.

    From interpolation, so not to be trusted: see :func:`is_forward`.
    """
    fu, fv = abs(form_at(table, wall, u)), abs(form_at(table, wall, v))
    axis, largest = np.int64(0), 0.0
    for j in range(dim):
        between = fv * u[j] + fu * v[j]
        if abs(between) > abs(largest):
            axis, largest = j, between
    return axis, 1.0 if largest > 0.0 else -1.0


@njit(**CALLED)
def is_forward(stack, tables, e, iu, iv, x, radius, dim):  # type: ignore[no-untyped-def]
    """Is direction x, found between generators iu and iv, certainly not the opposite one?

    It is if a facet that holds iu but not iv has it strictly inside.
    """
    for k in range(stack.used.shape[1]):
        only = stack.mask[e, iu, k] & ~stack.mask[e, iv, k] & stack.used[e, k]
        while only:
            facet = stack.facet[e, 64 * k + np.int64(lowest_bit(only))]
            only &= only - ONE
            norm, error = tables.wall_norm[facet >> 1], tables.wall_error[facet >> 1]
            value = form_at(tables.wall, facet >> 1, x)
            size = 1.0
            for j in range(dim):
                size = max(size, abs(x[j]))
            bound = sign_bound(norm, error, radius, size, dim)
            if bound < (-value if facet & 1 else value) < np.inf:
                return True
    return False


@njit(**INLINED)
def new_generator(program, stack, tables, e, iu, iv, wall):  # type: ignore[no-untyped-def]
    """Where the wall cuts the edge between generators iu and iv of entry e.

    Appends it to the pool without signs; its mask goes to ``stack.new_mask``.
    """
    dim = program.dim
    p = stack.scalar[NEW_END]
    slot = p - stack.scalar[NEW_BEGIN]
    u, v = stack.vertex[e, iu], stack.vertex[e, iv]
    ray = stack.x[u, dim] == 0.0 and stack.x[v, dim] == 0.0
    walls, n = tables.picked, np.int64(1)
    walls[0] = wall
    for k in range(stack.used.shape[1]):
        common = stack.mask[e, iu, k] & stack.mask[e, iv, k]
        stack.new_mask[slot, k] = common
        while common:
            s = 64 * k + np.int64(lowest_bit(common))
            common &= common - ONE
            if s != INFINITY:
                walls[n] = stack.facet[e, s] >> 1
                n += 1
    need = dim - 1 if ray else dim
    if n > need:
        pick_rows(tables.wall, tables.scratch[2], walls, n, need, dim)
    x = stack.x[p]
    at = -1
    if n == dim and not ray and wall < program.first_wall[program.first_match]:
        at = find_cached(tables, walls, dim)
    if at >= 0 and tables.cache_ident[at] > 0:
        for j in range(dim):
            x[j] = tables.cache_x[at, j]
        stack.radius[p] = tables.cache_radius[at]
        stack.gap[p] = tables.cache_gap[at]
        stack.size[p] = tables.cache_size[at]
        stack.ident[p] = tables.cache_ident[at]
    elif n < need:
        stack.radius[p] = np.inf
        stack.gap[p] = 0.0
    else:
        if ray:
            axis, sign = largest_between(tables.wall, wall, stack.x[u], stack.x[v], dim)
            radius = solve(
                tables.wall, tables.wall_error, tables.scratch, walls, dim, axis, sign, x
            )
            if not is_forward(stack, tables, e, iu, iv, x, radius, dim):
                radius = np.inf
        else:
            radius = solve_point(tables.wall, tables.wall_error, tables.scratch, walls, dim, x)
        stack.radius[p] = radius
        stack.gap[p] = gap_of(tables.wall, tables.wall_error, tables.wall_scale, walls, need, dim)
    x[dim] = 0.0 if ray else 1.0
    stack.scalar[NEW_END] = p + 1
    if at >= 0 and tables.cache_ident[at] > 0:
        return p
    size = 1.0
    for j in range(dim):
        size = max(size, abs(x[j]))
    stack.size[p] = size
    stack.ident[p] = stack.scalar[NEXT_ID]
    stack.scalar[NEXT_ID] += 1
    if at >= 0 and stack.radius[p] < np.inf:
        cache(tables, stack, at, p, dim)
    return p


# ---------------------------------------------------------------------------------------------
# Cells
# ---------------------------------------------------------------------------------------------


@njit(**CALLED)
def decide(program, stack, e):  # type: ignore[no-untyped-def]
    """Fix the signs of the walls that do not cut entry e; leave in ``undecided`` those that do.

    Returns the wall in the middle of these, or -1; or -2 if the attached walls need room.
    """
    layer, n = stack.layer[e], stack.n_vertices[e]
    word0, word1 = program.first_word[layer], program.first_word[layer + 1]
    vertex = stack.vertex[e]
    n_cutting = 0
    for k in range(word0, word1):
        todo = stack.undecided[e, k]
        if not todo:
            continue
        pos, neg, everywhere = ZERO, ZERO, ~ZERO
        for i in range(n):
            p = vertex[i]
            above, below = stack.pos[p, k], stack.neg[p, k]
            pos |= above
            neg |= below
            everywhere &= above | below
        fixed = todo & ~(pos & neg)
        touching = fixed & ~everywhere & (pos | neg)
        if touching:
            m = attach(
                program.n_domain, program.first_wall[layer] + 64 * (k - word0), k, touching,
                stack.used[e], vertex, n, stack.mask[e], stack.facet[e], stack.pos, stack.neg,
                stack.attached[e], stack.n_attached[e],
            )  # fmt: skip
            if m < 0:
                return -2
            stack.n_attached[e] = m
        stack.positive[e, k] |= fixed & pos
        stack.negative[e, k] |= fixed & neg
        stack.undecided[e, k] = todo & ~fixed
        n_cutting += np.int64(popcount(todo & ~fixed))
    if n_cutting == 0:
        return -1
    left = n_cutting >> 1
    for k in range(word0, word1):
        bits = stack.undecided[e, k]
        here = np.int64(popcount(bits))
        if left >= here:
            left -= here
            continue
        for _ in range(left):
            bits &= bits - ONE
        low = np.int64(lowest_bit(bits))
        return program.first_wall[layer] + 64 * (k - word0) + low
    return -1


@njit(**CALLED)
def attach(n_domain, wall0, k, touching, used, vertex, n, mask, facet, pos, neg, attached, m):  # type: ignore[no-untyped-def]
    """Note the walls ``wall0 + i``, i in ``touching`` (word k of the signs), that contain a whole
    facet of the cell with these n generators. Returns how many are noted then, from m on; or -1
    if there is no room."""
    while touching:
        low = lowest_bit(touching)
        touching &= touching - ONE
        for w in range(len(used)):
            facets = used[w]
            for i in range(n):
                p = vertex[i]
                if ((pos[p, k] | neg[p, k]) >> low) & ONE:
                    facets &= ~mask[i, w]
            while facets:
                slot = 64 * w + np.int64(lowest_bit(facets))
                facets &= facets - ONE
                if facet[slot] >> 1 < n_domain:
                    continue  # a wall of the domain has no other side
                if m == len(attached):
                    return -1
                attached[m, 0] = slot
                attached[m, 1] = wall0 + np.int64(low)
                m += 1
    return m


@njit(**INLINED)
def outside(program, stack, e):  # type: ignore[no-untyped-def]
    """Is entry e on the wrong side of a wall of the domain?"""
    for k in range(program.first_word[1]):
        if stack.negative[e, k]:
            return True
    return False


@njit(**INLINED)
def is_edge(mask, n, iu, iv, dim):  # type: ignore[no-untyped-def]
    """Do generators iu and iv of a cell span an edge (a 2-face of the homogeneous cone)?

    ``mask`` holds the facets of the cell's n generators, a row for each.
    """
    words = mask.shape[1]
    n_common = 0
    for k in range(words):
        n_common += np.int64(popcount(mask[iu, k] & mask[iv, k]))
    if n_common < dim - 1:
        return False
    n_u, n_v = 0, 0
    for k in range(words):
        n_u += np.int64(popcount(mask[iu, k]))
        n_v += np.int64(popcount(mask[iv, k]))
    if n_u == dim or n_v == dim:
        return True
    for i in range(n):
        if i == iu or i == iv:
            continue
        inside = True
        for k in range(words):
            common = mask[iu, k] & mask[iv, k]
            if mask[i, k] & common != common:
                inside = False
                break
        if inside:
            return False
    return True


@njit(**CALLED)
def cut(program, stack, tables, e, wall):  # type: ignore[no-untyped-def]
    """Make the generators on the wall. Returns a status: DONE, NEED_SIGNS or GROW_*."""
    layer, n = stack.layer[e], stack.n_vertices[e]
    k = program.first_word[layer] + ((wall - program.first_wall[layer]) >> 6)
    bit = np.uint64((wall - program.first_wall[layer]) & 63)
    stack.undecided[e, k] &= ~(ONE << bit)
    begin = stack.pool_top[e]
    stack.scalar[NEW_BEGIN] = begin
    stack.scalar[NEW_END] = begin
    undecided = False
    status = DONE
    mask, above, below, side = stack.mask[e], stack.above, stack.below, stack.side
    n_above, n_below = 0, 0
    for i in range(n):  # without a branch, as which are above is hard to predict
        p = stack.vertex[e, i]
        is_above, is_below = (stack.pos[p, k] >> bit) & ONE, (stack.neg[p, k] >> bit) & ONE
        side[i] = is_above * np.uint64(ABOVE) | is_below * np.uint64(BELOW)
        above[n_above], below[n_below] = i, i
        n_above += np.int64(is_above)
        n_below += np.int64(is_below)
    for i_above in range(n_above):
        iu = above[i_above]
        for i_below in range(n_below):
            iv = below[i_below]
            if not is_edge(mask, n, iu, iv, program.dim):
                continue
            if stack.scalar[NEW_END] == stack.x.shape[0]:
                status = GROW_POOL
            elif stack.scalar[NEW_END] - begin + n >= stack.vertex.shape[1]:
                status = GROW_VERTICES
            if status != DONE:
                stack.undecided[e, k] |= ONE << bit
                return status
            p = new_generator(program, stack, tables, e, iu, iv, wall)
            undecided |= evaluate(program, stack, tables, layer, p, stack.undecided[e])
            undecided |= stack.radius[p] == np.inf
    return NEED_SIGNS if undecided else DONE


@njit(**INLINED)
def free_slot(stack, e):  # type: ignore[no-untyped-def]
    for w in range(stack.used.shape[1]):
        free = ~stack.used[e, w]
        if w == 0:
            free &= ~(ONE << np.uint64(INFINITY))
        if free:
            return 64 * w + np.int64(lowest_bit(free))
    return -1


@njit(**CALLED)
def write_child(program, stack, source, e, k, bit, positive, slot, wall):  # type: ignore[no-untyped-def]
    """Write into entry e (which may be ``source`` itself) one side of entry ``source``.

    Reading is ahead of writing, so that the parent may be overwritten.
    """
    inside = np.uint64(ABOVE if positive else BELOW)
    n_old, n_new = stack.n_vertices[source], stack.scalar[NEW_END] - stack.scalar[NEW_BEGIN]
    used = stack.new_mask[stack.new_mask.shape[0] - 1]  # scratch
    surviving(stack.mask[source], stack.side, n_old, inside, stack.used[source], used)
    n = keep_inside(
        stack.vertex[source], stack.mask[source], stack.side, n_old, inside, used, slot,
        stack.vertex[e], stack.mask[e],
    )  # fmt: skip
    for i in range(n_new):
        stack.vertex[e, n + i] = stack.scalar[NEW_BEGIN] + i
    put_on_wall(stack.new_mask, n_new, used, slot, stack.mask[e, n:])
    stack.n_vertices[e] = n + n_new
    m = 0
    for i in range(stack.n_attached[source]):
        if test_bit(used, stack.attached[source, i, 0]):
            stack.attached[e, m, 0] = stack.attached[source, i, 0]
            stack.attached[e, m, 1] = stack.attached[source, i, 1]
            m += 1
    stack.n_attached[e] = m
    if e != source:
        stack.layer[e] = stack.layer[source]
        copy_row(stack.facet[source], stack.facet[e])
        copy_row(stack.undecided[source], stack.undecided[e])
        copy_row(stack.positive[source], stack.positive[e])
        copy_row(stack.negative[source], stack.negative[e])
    copy_row(used, stack.used[e])
    stack.used[e, slot >> 6] |= ONE << np.uint64(slot & 63)
    stack.facet[e, slot] = 2 * wall + (0 if positive else 1)
    (stack.positive if positive else stack.negative)[e, k] |= ONE << bit
    stack.pool_top[e] = stack.scalar[NEW_END]


@njit(**INLINED)
def surviving(mask, side, n, inside, facets, used):  # type: ignore[no-untyped-def]
    """Writes to ``used`` the facets on which a generator strictly inside lies: these survive."""
    for w in range(len(used)):
        through = ZERO
        for i in range(n):
            through |= mask[i, w] if side[i] == inside else ZERO
        used[w] = through & facets[w]


@njit(**INLINED)
def keep_inside(vertex, mask, side, n, inside, used, slot, child, child_mask):  # type: ignore[no-untyped-def]
    """The generators that are inside, or on the wall, whose facet is in ``slot``; returns how many.

    ``child`` may be ``vertex``: one that goes is overwritten by the next.
    """
    word, bit = slot >> 6, ONE << np.uint64(slot & 63)
    at_infinity = ONE << np.uint64(INFINITY)
    m = 0
    for i in range(n):
        child[m] = vertex[i]
        child_mask[m, 0] = mask[i, 0] & (used[0] | at_infinity)
        for w in range(1, len(used)):
            child_mask[m, w] = mask[i, w] & used[w]
        child_mask[m, word] |= bit if side[i] == ZERO else ZERO
        m += np.int64((side[i] == ZERO) | (side[i] == inside))
    return m


@njit(**INLINED)
def put_on_wall(mask, n, used, slot, child_mask):  # type: ignore[no-untyped-def]
    """The masks of n new generators in a child: without facets that are gone, with the wall's."""
    word, bit = slot >> 6, ONE << np.uint64(slot & 63)
    at_infinity = ONE << np.uint64(INFINITY)
    for i in range(n):
        child_mask[i, 0] = mask[i, 0] & (used[0] | at_infinity)
        for w in range(1, len(used)):
            child_mask[i, w] = mask[i, w] & used[w]
        child_mask[i, word] |= bit


@njit(**CALLED)
def copy_row(row, target):  # type: ignore[no-untyped-def]
    for i in range(len(row)):
        target[i] = row[i]


@njit(**INLINED)
def sides_to_search(guide, at):  # type: ignore[no-untyped-def]
    """Which sides of a wall (a bit of the words) a search that goes on where another stopped is
    to take: above, below. Neither: here it stopped. See :class:`.open_cells.OpenCells`."""
    above, below = test_bit(guide[0], at), test_bit(guide[1], at)
    also = test_bit(guide[2], at)
    return above | (below & also), below | (above & also)


@njit(**CALLED)
def has_arrived(guide, positive, negative, n_waiting):  # type: ignore[no-untyped-def]
    """Is a guided search, now in a cell with these signs, where the other stopped?"""
    missing = ZERO
    for k in range(len(positive)):
        missing |= (guide[0, k] & ~positive[k]) | (guide[1, k] & ~negative[k])
        n_waiting -= np.int64(popcount(guide[2, k]))
    return missing == ZERO and n_waiting == 0


@njit(**CALLED)
def build_children(program, stack, e, wall):  # type: ignore[no-untyped-def]
    """Replace entry e by its two sides (in layer 0, the domain, only the positive one)."""
    layer, scalar = stack.layer[e], stack.scalar
    k = program.first_word[layer] + ((wall - program.first_wall[layer]) >> 6)
    bit = np.uint64((wall - program.first_wall[layer]) & 63)
    slot = free_slot(stack, e)
    if slot < 0:
        return GROW_FACETS
    above, below = True, layer > 0
    if scalar[GUIDED] and layer > 0:
        above, below = sides_to_search(stack.guide, 64 * k + np.int64(bit))
        if not above | below:
            if not has_arrived(stack.guide, stack.positive[e], stack.negative[e], e):
                return LOST
            scalar[GUIDED] = 0
            above, below = True, True
    top = e + np.int64(above & below)
    if top == len(stack.layer):
        return GROW_STACK
    if above:
        write_child(program, stack, e, top, k, bit, True, slot, wall)
    if below:  # last, as it overwrites its parent
        write_child(program, stack, e, e, k, bit, False, slot, wall)
    scalar[TOP] = top
    if above & below and not scalar[GUIDED]:  # else it was counted when it was first made
        scalar[SPLITS] += 1
    return DONE


# ---------------------------------------------------------------------------------------------
# Layers
# ---------------------------------------------------------------------------------------------


@njit(**INLINED)
def piece_of(program, stack, e, unit):  # type: ignore[no-untyped-def]
    """Index of the linear piece of a unit on entry e: how many breakpoints lie below."""
    first = program.unit_threshold[unit]
    piece = first + unit
    for t in range(first, program.unit_threshold[unit + 1]):
        signs = stack.positive if program.threshold_side[t] > 0 else stack.negative
        if test_bit(signs[e], program.threshold_bit[t]):
            piece += 1
    return piece


@njit(**INLINED)
def wall_bit(program, layer, wall):  # type: ignore[no-untyped-def]
    return 64 * program.first_word[layer] + (wall - program.first_wall[layer])


@njit(**CALLED)
def compose(program, stack, tables, e, layer):  # type: ignore[no-untyped-def]
    """Forms of the units of ``layer`` on entry e (a decided cell of the layer before).

    The error of a unit's row is a bound on the l1 norm of what float64 did to its
    coefficients: the greatest error among the inputs, inherited and by rounding, times the
    row's weights; or, where that has grown, each input's own. Returns True if the errors have
    grown so far that exact composition is the cheaper way.
    """
    u0, u1 = program.first_unit[layer - 1], program.first_unit[layer]
    n = program.first_unit[layer + 1] - u1
    rounding = (u1 - u0 + 4) * UNIT * 1.01 + program.weight_error[layer]
    live, coefficient, input_errors = tables.live, tables.coefficient, tables.values
    if program.is_plain[layer - 1]:
        n_live = list_positive(program, stack, tables, e, layer, rounding)
    else:
        n_live = list_inputs(program, stack, tables, e, layer, rounding)
    input_error = 0.0
    for k in range(n_live):
        if not input_errors[k] < np.inf:
            return True
        input_error = max(input_error, input_errors[k])
    combine(
        program.weight, live, coefficient, n_live, program.first_weight[layer],
        program.bias[u1 : u1 + n], tables.unit, u1,
    )  # fmt: skip
    norms, errors = tables.unit_norm[u1 : u1 + n], tables.unit_error[u1 : u1 + n]
    l1_norms(tables.unit, u1, norms)
    for i in range(n):
        errors[i] = input_error * program.weight_norm[u1 + i]
    if is_beyond(errors, norms, LOOSE_ERROR):
        for i in range(n):
            errors[i] = input_error * program.left_out[u1 + i]
        add_errors(program.weight, live, input_errors, n_live, errors)
    if n_live == 0:
        rounding = program.weight_error[layer]
    for i in range(n):
        errors[i] = 1.0001 * (errors[i] + abs(program.bias[u1 + i]) * rounding)
    return is_beyond(errors, norms, WORST_ERROR)


@njit(**CALLED)
def list_inputs(program, stack, tables, e, layer, rounding):  # type: ignore[no-untyped-def]
    """Write of the units before ``layer``, but for those that are identically 0 on entry e: where
    the weights that take them start, their forms, and the errors that they pass on, for a weight
    of 1. Returns how many they are."""
    u0, u1, u2 = program.first_unit[layer - 1 : layer + 2]
    dim, n = program.dim, np.int64(0)
    live, errors, slopes = tables.live, tables.values, tables.coefficient[dim + 1]
    constant = tables.coefficient[dim]
    for u in range(u0, u1):
        piece = piece_of(program, stack, e, u)
        slope, intercept = program.slope[piece], program.intercept[piece]
        unit_norm, unit_error = tables.unit_norm[u], tables.unit_error[u]
        norm = abs(slope) * unit_norm + abs(intercept)
        # Every unit is written, and one that is off overwritten by the next: which are off
        # cannot be predicted.
        passed = norm * (rounding + program.piece_error[piece])
        errors[n] = abs(slope) * unit_error + passed + TINY
        live[n], slopes[n], constant[n] = u, slope, intercept
        is_zero_unit = (slope == 0.0) | ((unit_norm == 0.0) & (unit_error == 0.0))
        n += np.int64(not (is_zero_unit & (intercept == 0.0)))
    for j in range(dim + 1):
        form, row = tables.unit[j], tables.coefficient[j]
        for k in range(n):
            row[k] = slopes[k] * form[live[k]] + (constant[k] if j == dim else 0.0)
    for k in range(n):
        live[k] = program.first_weight[layer] + (live[k] - u0) * (u2 - u1)
    return n


@njit(**CALLED)
def list_positive(program, stack, tables, e, layer, rounding):  # type: ignore[no-untyped-def]
    """As :func:`list_inputs`, for ReLUs that have walls of their own: those that are on."""
    u0, word0 = program.first_unit[layer - 1], program.first_word[layer - 1]
    width = program.first_unit[layer + 1] - program.first_unit[layer]
    live, errors, n = tables.live, tables.values, np.int64(0)
    for word in range(word0, program.first_word[layer]):
        bits = stack.positive[e, word]
        while bits:
            live[n] = 64 * (word - word0) + np.int64(lowest_bit(bits))
            bits &= bits - ONE
            n += 1
    for k in range(n):
        u = u0 + live[k]
        errors[k] = tables.unit_error[u] + tables.unit_norm[u] * rounding + TINY
    for j in range(program.dim + 1):
        form, row = tables.unit[j, u0:], tables.coefficient[j]
        for k in range(n):
            row[k] = form[live[k]]
    for k in range(n):
        live[k] = program.first_weight[layer] + live[k] * width
    return n


@njit(**CALLED)
def is_beyond(error, norm, most):  # type: ignore[no-untyped-def]
    """Is the relative error of some row, but for zeros, not below ``most``?"""
    beyond = False
    for i in range(len(norm)):
        beyond |= (norm[i] > 0.0) & (not error[i] < most * norm[i])
    return beyond


@njit(**INLINED)
def l1_norms(unit, first, norm):  # type: ignore[no-untyped-def]
    """The norms of the units' forms from column ``first`` on."""
    n = len(norm)
    for i in range(n):
        norm[i] = 0.0
    for j in range(len(unit)):
        row = unit[j, first : first + n]
        for i in range(n):
            norm[i] += abs(row[i])


@njit(**CALLED)
def add_errors(weight, start, error, n, total):  # type: ignore[no-untyped-def]
    """Add to ``total`` the rows of absolute weights from ``start[k]`` on, times ``error[k]``."""
    for k in range(n):
        w = weight[start[k] :][: len(total)]
        for i in range(len(total)):
            total[i] += error[k] * abs(w[i])


@njit(**INLINED)
def combine(weight, start, coefficient, n, any_row, bias, unit, first):  # type: ignore[no-untyped-def]
    """Write the forms of a layer's units, from column ``first`` of ``unit`` on: the bias, and the
    n rows of ``weight`` from ``start[k]`` on, times the columns of ``coefficient``.

    Four rows at a time: a form is then read and written a quarter as often. What is missing to a
    multiple of four is filled up with zeros times ``any_row`` of the weights.
    """
    width, last = len(bias), len(unit) - 1
    while n & 3:
        start[n] = any_row
        for j in range(last + 1):
            coefficient[j, n] = 0.0
        n += 1
    for j in range(last + 1):
        total = unit[j, first : first + width]
        for i in range(width):
            total[i] = bias[i] if j == last else 0.0
    for k in range(0, n, 4):
        w0, w1 = weight[start[k] :][:width], weight[start[k + 1] :][:width]
        w2, w3 = weight[start[k + 2] :][:width], weight[start[k + 3] :][:width]
        for j in range(last + 1):
            c0, c1 = coefficient[j, k], coefficient[j, k + 1]
            c2, c3 = coefficient[j, k + 2], coefficient[j, k + 3]
            total = unit[j, first : first + width]
            for i in range(width):
                total[i] += (c0 * w0[i] + c1 * w1[i]) + (c2 * w2[i] + c3 * w3[i])


@njit(**(ENTRY | {"forceinline": True}))
def put_walls(  # type: ignore[no-untyped-def]
    first, last, dim, of_unit, shifts, shift_errors, unit, unit_norm, unit_error, table,
    table_norm, table_error, name,
):  # fmt: skip
    """See :func:`set_walls`, for walls ``first``, ..., ``last - 1``."""
    while first < last:  # runs of walls of consecutive units, which is nearly always one
        u, end = of_unit[first], first + 1
        while end < last and of_unit[end] == u + (end - first):
            end += 1
        n = end - first
        for j in range(dim + 1):
            copy_row(unit[j, u : u + n], table[j, first:end])
        put_errors(
            shifts[first:end], shift_errors[first:end], unit_norm[u : u + n],
            unit_error[u : u + n], table[dim, first:end], table_norm[first:end],
            table_error[first:end],
        )  # fmt: skip
        for wall in range(first, end):
            name[wall] += len(name)
        first = end


@njit(**CALLED)
def put_errors(shift, shift_error, norm, error, constant, table_norm, table_error):  # type: ignore[no-untyped-def]
    """Subtract the breakpoints from the constants of a run of walls; their norms and errors."""
    for i in range(len(shift)):
        moved = norm[i] + abs(shift[i])
        rounding = shift_error[i] + 2.0 * UNIT * moved
        is_moved = (shift[i] != 0.0) | (shift_error[i] != 0.0)
        constant[i] -= shift[i]
        table_norm[i] = moved * 1.0000001
        table_error[i] = (error[i] + (rounding if is_moved else 0.0)) * 1.0000001


@njit(**INLINED)
def set_walls(program, tables, layer):  # type: ignore[no-untyped-def]
    """The layer's wall forms from its units' forms: minus the breakpoint."""
    put_walls(
        program.first_wall[layer], program.first_wall[layer + 1], program.dim, program.wall_unit,
        program.wall_shift, program.wall_shift_error, tables.unit, tables.unit_norm,
        tables.unit_error, tables.wall, tables.wall_norm, tables.wall_error, tables.name,
    )  # fmt: skip


# Matches (polyrelu/challenges.py) are the last layers: each has one wall, and the forms of all but
# the first are differences of the first one's units. Few of them cut a cell; all that do not are
# fixed here, without a composition, without signs of generators, and without an entry each.


@njit(**CALLED)
def play(program, stack, tables, e):  # type: ignore[no-untyped-def]
    """Move entry e past the next matches that certainly do not cut it, and set the form of the
    first one that may. True if the entry waits for what its PHASE says; else that match is to be
    entered as any layer."""
    first, last, dim = program.first_match, program.n_layers, program.dim
    positive, unit, x, form = stack.positive[e], tables.unit, stack.x, tables.low[0]
    middle, half = tables.low[1], tables.low[2]
    u, layer = program.first_unit[first], stack.layer[e] + 1
    bound = bound_matches(program, stack, tables, e)
    winner, certain = np.int64(0), True
    for k in range(first, layer):
        if positive[program.first_word[k]]:
            winner = k - first + 1
    while layer <= last:
        k = program.first_word[layer]
        table, column, against = unit, u + layer - first + 1, 1.0
        if layer == first:
            table, column, against = tables.wall, program.first_wall[first], 0.0
        # The second one's unit holds what it is greater by than the first.
        more = against if winner == 1 else 0.0
        value, spread = 0.0, bound
        for j in range(dim + 1):
            form[j] = table[j, column] - (against * unit[j, u + winner] + more * unit[j, u])
            value += form[j] * middle[j]
            spread += abs(form[j]) * half[j]
        n = stack.n_vertices[e]
        n_above = n if spread < value else 0
        n_below = n if spread < -value else 0
        if n_above == n_below:  # the box is too wide to tell
            for i in range(n):
                p = stack.vertex[e, i]
                value = form[0] * x[p, 0]
                for j in range(1, dim + 1):
                    value += form[j] * x[p, j]
                above, below = bound < value, bound < -value
                stack.pos[p, k], stack.neg[p, k] = np.uint64(above), np.uint64(below)
                n_above += np.int64(above)
                n_below += np.int64(below)
        if n_above == n:
            positive[k] = ONE
            winner = layer - first + 1 if layer < last else winner
        elif n_below == n:
            stack.negative[e, k] = ONE
        else:
            certain = n_above + n_below == n
            break
        layer += 1
    if first < layer <= last:
        set_match(program, tables, layer, winner)
    stack.layer[e] = layer - 1
    if layer > last:
        stack.scalar[PHASE], stack.scalar[READY] = EMIT, 0
    elif certain:
        stack.layer[e], stack.undecided[e, program.first_word[layer]] = layer, ONE
        stack.scalar[PHASE] = DECIDE
    return layer > last or certain


@njit(**CALLED)
def bound_matches(program, stack, tables, e):  # type: ignore[no-untyped-def]
    """How far values of matches' forms at entry e's generators can be from the true ones, by
    :func:`sign_bound`. Writes the least box that holds the generators.

    A form is the first match's, or a sum of different units' of its layer, with two roundings: the
    sum of all norms stands for each.
    """
    n, vertex, dim, x = stack.n_vertices[e], stack.vertex[e], program.dim, stack.x
    radius, size = 0.0, 1.0
    for i in range(n):
        radius = max(radius, stack.radius[vertex[i]])
        size = max(size, stack.size[vertex[i]])
    for j in range(dim + 1):
        least, most = np.inf, -np.inf
        for i in range(n):
            least, most = min(least, x[vertex[i], j]), max(most, x[vertex[i], j])
        tables.low[1, j], tables.low[2, j] = 0.5 * (least + most), 0.5 * (most - least)
    layer = program.first_match
    wall = program.first_wall[layer]
    norm, error = tables.wall_norm[wall], tables.wall_error[wall]
    if layer < program.n_layers:
        for u in range(program.first_unit[layer], program.first_unit[layer + 1]):
            norm += tables.unit_norm[u]
            error += tables.unit_error[u]
    if not 4.0 * norm * size < np.inf:  # a value might overflow
        return np.inf
    rounding = 2.0 * (dim + 8) * UNIT * size
    return 1.0001 * (norm * (radius + rounding) + error * (size + radius)) + TINY


@njit(**CALLED)
def set_match(program, tables, layer, winner):  # type: ignore[no-untyped-def]
    """The form of a later match, which ``tables.low[0]`` holds, against the winner so far."""
    wall, u = program.first_wall[layer], program.first_unit[program.first_match]
    v = u + layer - program.first_match + 1
    norm, error = 0.0, tables.unit_error[v] + tables.unit_error[u + winner]
    for j in range(program.dim + 1):
        tables.wall[j, wall] = tables.low[0, j]
        norm += abs(tables.low[0, j])
    if winner == 1:
        error += tables.unit_error[u] + 2.0 * UNIT * (tables.unit_norm[u] + tables.unit_norm[u + 1])
    tables.wall_norm[wall] = norm * 1.0000001
    tables.wall_error[wall] = (error + 2.0 * UNIT * norm) * 1.0000001
    tables.name[wall] += len(tables.name)


@njit(**CALLED)
def is_loose(program, tables, layer):  # type: ignore[no-untyped-def]
    """Is the error of a match's form so large that to compose it exactly is the cheaper way?"""
    wall = program.first_wall[layer]
    error, norm = tables.wall_error[wall], tables.wall_norm[wall]
    return error > 0.0 and not error < WORST_ERROR * norm


@njit(**CALLED)
def enter_layer(program, stack, tables, e):  # type: ignore[no-untyped-def]
    """Move entry e, decided in its layer, to the next one, whose forms are set.

    The cells that wait below share its generators, and still need their signs in the layers that
    they are in; in this one all is evaluated anew. Returns DONE or NEED_SIGNS.
    """
    layer = stack.layer[e] + 1
    stack.layer[e] = layer
    mark_all_undecided(program, stack, e)
    undecided = False
    for i in range(stack.n_vertices[e]):
        undecided |= evaluate_layer(program, stack, tables, layer, stack.vertex[e, i])
    return NEED_SIGNS if undecided else DONE


@njit(**INLINED)
def mark_all_undecided(program, stack, e):  # type: ignore[no-untyped-def]
    """All walls of entry e's layer are open, but for those that the root cones fixed."""
    layer = stack.layer[e]
    word0 = program.first_word[layer]
    n = program.first_wall[layer + 1] - program.first_wall[layer]
    for k in range(program.first_word[layer + 1] - word0):
        bits = first_bits(min(64, n - 64 * k))
        done = stack.positive[e, word0 + k] | stack.negative[e, word0 + k]
        stack.undecided[e, word0 + k] = bits & ~done


# ---------------------------------------------------------------------------------------------
# Regions
# ---------------------------------------------------------------------------------------------


@njit(**CALLED)
def certified_witness(program, stack, tables, e, witness):  # type: ignore[no-untyped-def]
    """Writes the mean of the points plus that of the directions; True if it is certainly
    inside, as the float64 point that it is."""
    dim, n = program.dim, stack.n_vertices[e]
    n_points = 0
    for i in range(n):
        n_points += stack.x[stack.vertex[e, i], dim] != 0.0
    for j in range(dim):
        total, away = 0.0, 0.0
        for i in range(n):
            p = stack.vertex[e, i]
            if stack.x[p, dim] != 0.0:
                total += stack.x[p, j]
            else:
                away += stack.x[p, j]
        witness[j] = total / n_points
        if n_points < n:
            witness[j] += away
    x = tables.scratch[2, 0]
    size = 1.0
    for j in range(dim):
        x[j] = witness[j]
        size = max(size, abs(x[j]))
    x[dim] = 1.0
    for k in range(stack.used.shape[1]):
        facets = stack.used[e, k]
        while facets:
            s = 64 * k + np.int64(lowest_bit(facets))
            facets &= facets - ONE
            facet = stack.facet[e, s]
            value = form_at(tables.wall, facet >> 1, x)
            if facet & 1:
                value = -value
            bound = sign_bound(
                tables.wall_norm[facet >> 1], tables.wall_error[facet >> 1], 0.0, size, dim
            )
            if not bound < value < np.inf:
                return False
    return True


@njit(**CALLED)
def emit(program, stack, tables, block, e, ready):  # type: ignore[no-untyped-def]
    """Append entry e to the block. Returns a status."""
    i = block.count[0]
    n_facets = 0
    for k in range(stack.used.shape[1]):
        n_facets += np.int64(popcount(stack.used[e, k]))
    n_zero = count_zero(
        program.first_wall, program.first_word, stack.positive[e], stack.negative[e]
    )
    if (
        i == len(block.pattern)
        or block.count[1] + n_facets > len(block.facet)
        or block.count[2] + stack.n_attached[e] > len(block.attached)
        or block.count[3] + n_zero > len(block.zero)
    ):
        return BLOCK_FULL
    if not ready and not certified_witness(program, stack, tables, e, block.witness[i]):
        return NEED_WITNESS
    word0 = program.first_word[1]
    for k in range(block.pattern.shape[1]):
        block.pattern[i, k] = stack.positive[e, word0 + k]
    f = block.count[1]
    for k in range(stack.used.shape[1]):
        facets = stack.used[e, k]
        while facets:
            s = 64 * k + np.int64(lowest_bit(facets))
            facets &= facets - ONE
            for a in range(stack.n_attached[e]):
                if stack.attached[e, a, 0] == s:
                    m = block.count[2]
                    block.attached[m, 0] = i
                    block.attached[m, 1] = f
                    block.attached[m, 2] = stack.attached[e, a, 1]
                    block.count[2] = m + 1
            block.facet[f], block.maybe[f] = stack.facet[e, s] >> 1, False
            f += 1
    if n_zero:
        emit_zero(
            program.first_wall, program.first_word, stack.positive[e], stack.negative[e],
            block.count, block.zero,
        )  # fmt: skip
    unbounded = False
    for v in range(stack.n_vertices[e]):
        unbounded |= stack.x[stack.vertex[e, v], program.dim] == 0.0
    block.unbounded[i] = unbounded
    block.n_facets[i] = n_facets
    block.n_vertices[i] = stack.n_vertices[e]
    block.count[1] = f
    block.count[0] = i + 1
    return DONE


@njit(**CALLED)
def count_zero(first_wall, first_word, positive, negative):  # type: ignore[no-untyped-def]
    """How many walls have neither sign on a cell: their forms are identically 0 there."""
    n = first_wall[len(first_wall) - 1] - first_wall[1]
    for k in range(first_word[1], first_word[len(first_word) - 1]):
        n -= np.int64(popcount(positive[k] | negative[k]))
    return n


@njit(**CALLED)
def emit_zero(first_wall, first_word, positive, negative, count, zero):  # type: ignore[no-untyped-def]
    for layer in range(1, len(first_wall) - 1):
        for wall in range(first_wall[layer], first_wall[layer + 1]):
            bit = 64 * first_word[layer] + wall - first_wall[layer]
            if not (test_bit(positive, bit) or test_bit(negative, bit)):
                m = count[3]
                zero[m, 0] = count[0]
                zero[m, 1] = wall
                count[3] = m + 1


@njit(**CALLED)
def search(program, stack, tables, block, counting):  # type: ignore[no-untyped-def]
    """Work on the stack until it is empty or the caller is needed. Returns a status.

    See :func:`run`, which has the tuples themselves.
    """
    scalar = stack.scalar
    while scalar[TOP] >= 0:
        e = scalar[TOP]
        if stack.layer[e] < 0:  # a root cone
            scalar[PHASE] = ENTER_LAYER
        if scalar[PHASE] == DECIDE:
            wall = decide(program, stack, e)
            if wall == -2:
                return GROW_ATTACHED
            if stack.layer[e] == 0 and outside(program, stack, e):
                scalar[TOP] = e - 1
                continue
            if wall == -1:
                last = stack.layer[e] == program.n_layers
                scalar[PHASE] = EMIT if last else ENTER_LAYER
                scalar[READY] = 0
                continue
            scalar[WORK] += stack.n_vertices[e] ** 2
            if scalar[WORK] > WORK_LIMIT:
                scalar[WORK] = 0
                return PAUSE
            status = cut(program, stack, tables, e, wall)
            if status >= GROW_STACK:
                return status
            scalar[CUT_WALL] = wall
            scalar[PHASE] = BUILD_CHILDREN
            if status != DONE:
                return status
        if scalar[PHASE] == BUILD_CHILDREN:
            status = build_children(program, stack, e, scalar[CUT_WALL])
            if status != DONE:
                return status
            scalar[PHASE] = DECIDE
        elif scalar[PHASE] == ENTER_LAYER:
            layer = stack.layer[e] + 1
            if 1 < layer <= program.first_match and not scalar[READY]:
                if compose(program, stack, tables, e, layer):
                    return NEED_ROWS
                set_walls(program, tables, layer)
                scalar[READY] = 1
            is_match = layer >= program.first_match and layer > 1
            if is_match and (layer == program.first_match or not scalar[READY]):
                if play(program, stack, tables, e):
                    continue
                layer = stack.layer[e] + 1
                scalar[READY] = layer == program.first_match or not is_loose(program, tables, layer)
                if not scalar[READY]:
                    return NEED_ROWS
            status = enter_layer(program, stack, tables, e)
            scalar[PHASE] = DECIDE
            if status != DONE:
                return status
        elif scalar[PHASE] == EMIT:
            if scalar[GUIDED]:
                if not has_arrived(stack.guide, stack.positive[e], stack.negative[e], e):
                    return LOST
                scalar[GUIDED] = 0
            if counting:
                if block.count[0] == len(block.n_facets):
                    return BLOCK_FULL
                block.count[0] += 1
            else:
                status = emit(program, stack, tables, block, e, scalar[READY] == 1)
                if status != DONE:
                    return status
            scalar[TOP] = e - 1
            scalar[PHASE] = DECIDE
    return DONE


def answer_twice(program, stack, tables, block, status):  # type: ignore[no-untyped-def]
    """Answer in twice the precision what :func:`search` asks for by ``status``. 0 if that is too
    little. Compiled when float64 first leaves something open: see :func:`run`."""
    if status == NEED_SIGNS:
        return np.int64(signs_twice(program, stack, tables))
    return np.int64(witness_twice(program, stack, tables, block))


@njit(**ENTRY)
def run(program, stack, tables, block, counting, twice, status):  # type: ignore[no-untyped-def]
    """Work on the stack until it is empty or the caller is needed. Returns a status.

    With ``counting`` regions are counted in ``block.count[0]``, up to ``len(block.n_facets)``,
    and nothing else is written. ``twice`` is 0, or the address of :func:`answer_twice`, which is
    asked before the caller is, and ``status`` what was returned when it was still 0; else CONTINUE.
    """
    program, stack = reference(program), reference(stack)
    tables, block = reference(tables), reference(block)
    while True:
        if status != CONTINUE:
            if twice == 0 or not (status == NEED_SIGNS or status == NEED_WITNESS):
                return status
            if call_at(twice, program, stack, tables, block, status) == 0:
                return status
        status = search(program, stack, tables, block, counting)
