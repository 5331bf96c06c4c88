"""Cells without vertices: an interior point, rows, and one vertex to start linear programs from.

Where cells have many vertices, to hold them all is too much. A cell here is held by its rows
(walls with a side), a *witness* inside, and a *dictionary*: the rows as affine functions of the
slacks of d of them, at one vertex. Whether a wall cuts a cell is a linear program on it.

The dictionary is heuristic: it is updated in float64, drifts, and decides nothing. It proposes,
and each proposal is certified against the walls' own rows, with the bounds of ``kernel.py``:

* a cut, by a float64 point certainly inside the cell and certainly on the wall's other side;
* no cut, by a dual solution: multipliers y, certainly positive, of d rows whose combination is
  the wall's form minus a constant, and that constant (its value where the rows meet) positive;
* a facet, by a float64 point certainly beyond that row and inside of all others, or by a vertex
  where certainly just d rows vanish: each of them is a facet there;
* a redundant row, as no cut.

A point beyond one row alone stays that when the cell is split, for the child on whose side it is:
the child needs no program for this facet (``divide_facets``).

What cannot be certified is asked for: :mod:`polyrelu.engine.lp_enumerate` answers in integers.

*Levels.* A unit that is off hides its form from all later layers. With k units of layer m on, the
forms of layer m + 1 and after lie, but for their constants, in the span of k forms, V_m. A row's
level is the greatest m known of which its form is in V_m. If k rows of a basis are in V_m, they
span it: any other form of V_m is a combination of them alone, and the multipliers of the rest are
exactly 0, which no bound on rounding could tell.

*Facets by look-up.* Within one cell of the layer before, cells touch iff their signs differ on the
walls of one hyperplane. So which rows of the last layer are facets need not be asked here: they
are emitted as ``maybe``, and are facets if the region across is found (``assemble.py``).
"""

# mypy: disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numba import njit

from .compilation import CALLED, ENTRY, reference
from .kernel import (
    BLOCK_FULL,
    DONE,
    GROW_STACK,
    LOST,
    NEED_ROWS,
    NEED_WITNESS,
    ONE,
    PAUSE,
    WORK_LIMIT,
    compose,
    count_zero,
    emit_zero,
    form_at,
    has_arrived,
    piece_of,
    set_walls,
    sides_to_search,
    sign_bound,
    solve,
    test_bit,
    wall_bit,
)

NEED_SIDE, NEED_CUT, NEED_FACET, NEED_BOUNDED = 20, 21, 22, 23

# What the top entry waits for.
DECIDE, PRUNE, ENTER_LAYER, EMIT = 0, 1, 2, 3

# Scalars: SIDE, CUT, FACET, BOUNDED hold answers, 0 if none; RAY the slack whose edge seems to
# have no end, or -1.
TOP, PHASE, ROW, SPLITS, READY, SIDE, CUT, FACET, BOUNDED, RAY, WORK, CELL, GUIDED = range(13)
N_SCALARS = 13

ZERO_FORM = 2  # an answer to SIDE: the form is identically 0

# Kinds of rows of an entry.
FREE, CANDIDATE, KEPT, CERTAIN = 0, 1, 2, 3  # KEPT: redundant, but the vertex stands on it

# How a linear program ended.
OPTIMAL, CROSSED, UNBOUNDED, STUCK = 0, 1, 2, 3

# Which rows `certainly_inside` looks at.
ALL, BASIS = -2, -1

DEEPER = ALL_WALLS = 1 << 40  # a level that no row has, a number beyond those of walls

# What a linear program is for.
BLOCK, CROSS, FOLLOW = 0, 1, 2

PIVOT = 2.0**-34  # entries of dictionaries below it are taken for 0: a heuristic, see above
MAX_PIVOTS = 400
BEYOND = 1.0625  # times the way to a row that a ray meets is beyond it: anything above 1 will do


@njit(**CALLED)
def pivot(place, n, coordinate, lead, basis, r, j, dim):  # type: ignore[no-untyped-def]
    """Put the vertex where row r vanishes instead of basis row j."""
    width = len(lead)  # rows are padded with zeros, and lead is apart: loops of whole vectors
    for i in range(width):
        lead[i] = place[r, i]
    inverse = 1.0 / lead[j]
    for k in range(n):
        row = place[k]
        factor = row[j] * inverse
        if factor == 0.0:
            continue
        for i in range(width):
            row[i] -= factor * lead[i]
        row[j] = factor
    for k in range(dim):
        row = coordinate[k]
        factor = row[j] * inverse
        for i in range(width):
            row[i] -= factor * lead[i]
        row[j] = factor
    for i in range(dim + 1):
        place[r, i] = 0.0
    place[r, j] = 1.0
    basis[j] = r


@njit(**CALLED)
def minimise(place, n, coordinate, lead, basis, kind, r, sign, mode, dim):  # type: ignore[no-untyped-def]
    """Walk along edges that decrease ``sign * row r``, while the cell's rows stay >= 0.

    Modes: BLOCK: row r is one of them, and it ends where it vanishes; CROSS: it ends on the edge
    that crosses row r = 0; FOLLOW: row r may take any value. Returns (how it ended, j, t): with
    CROSSED and UNBOUNDED the edge leaves along slack j, and t on it is beyond the crossing.
    """
    for step in range(MAX_PIVOTS):
        enter, best = -1, -PIVOT
        for j in range(dim):
            slope = sign * place[r, j]
            if slope < best:
                enter, best = j, slope
                if step > MAX_PIVOTS // 2:
                    break  # the first, so as not to go round in circles
        if enter < 0:
            return OPTIMAL, -1, 0.0
        leave, limit = -1, np.inf
        for k in range(n):
            if kind[k] == FREE or (k == r and mode != BLOCK):
                continue
            slope = place[k, enter]
            if slope < -PIVOT:
                t = max(place[k, dim], 0.0) / -slope
                if t < limit:
                    leave, limit = k, t
        if mode == CROSS:
            t = max(sign * place[r, dim], 0.0) / -(sign * place[r, enter])
            if t < limit:
                return CROSSED, enter, 2.0 * t + 1.0 if limit == np.inf else 0.5 * (t + limit)
        if leave < 0:
            return UNBOUNDED, enter, 1.0
        pivot(place, n, coordinate, lead, basis, leave, enter, dim)
        if leave == r:
            return OPTIMAL, -1, 0.0
    return STUCK, -1, 0.0


@njit(**CALLED)
def in_basis(basis, k, dim):  # type: ignore[no-untyped-def]
    found = False
    for j in range(dim):
        found |= basis[j] == k
    return found


@njit(**ENTRY)
def certainly_inside(  # type: ignore[no-untyped-def]
    wall, wall_norm, wall_error, code, kind, level, n, basis, skip, flat, x, radius, dim,
):  # fmt: skip
    """Are all rows certainly positive at the generator x, whose radius is given?

    ``skip``: ALL: all rows are meant; BASIS: those of the basis are not; j: they are not but for
    the one whose slack is j. Rows of level ``flat`` and deeper are not meant either.
    """
    size = 1.0
    for j in range(dim):
        size = max(size, abs(x[j]))
    for k in range(n):
        if kind[k] == FREE or level[k] >= flat:
            continue
        if skip != ALL and in_basis(basis, k, dim) and not (skip >= 0 and basis[skip] == k):
            continue
        w = code[k] >> 1
        value = form_at(wall, w, x)
        if code[k] & 1:
            value = -value
        if not sign_bound(wall_norm[w], wall_error[w], radius, size, dim) < value < np.inf:
            return False
    return True


@njit(**CALLED)
def is_combination(wall_error, scratch, codes, unused, dim, target, target_error, y):  # type: ignore[no-untyped-def]
    """Is the target (a linear form) certainly a positive combination of the rows ``codes``, but
    for those that are ``unused``, whose multipliers are known to be 0?

    Right after ``solve`` for the same rows, whose matrix A and approximate inverse R stand in
    ``scratch``. With y = R' target, |y - y*| <= |R'| (target - A' y) / (1 - |I - A R|), each
    with its rounding and the errors of the rows (:func:`kernel._radius`, transposed).
    """
    a, r, work = scratch[0], scratch[1], scratch[2]
    rounding = (2.0 * dim + 6.0) * 2.0**-53
    for j in range(dim):
        value = 0.0
        for i in range(dim):
            value += r[i, j] * target[i]
        y[j] = value
    for i in range(dim):
        rest, total = target[i], abs(target[i])
        for j in range(dim):
            rest -= a[j, i] * y[j]
            total += abs(a[j, i] * y[j])
        work[0, i] = abs(rest) + rounding * total
    row_errors = target_error
    for j in range(dim):
        row_errors += wall_error[codes[j] >> 1] * abs(y[j])
    worst, departure = 0.0, 0.0
    for j in range(dim):
        moved, off, reach = 0.0, 0.0, 0.0
        for i in range(dim):
            moved += abs(r[i, j]) * (work[0, i] + row_errors)
            reach += abs(r[i, j])
        for k in range(dim):  # column j of I - A R, rows k
            entry = -1.0 if j == k else 0.0
            total = 1.0
            for i in range(dim):
                entry += a[k, i] * r[i, j]
                total += abs(a[k, i] * r[i, j])
            off += abs(entry) + rounding * total + wall_error[codes[k] >> 1] * reach
        if not (off < 0.5 and moved < np.inf):
            return False
        departure = max(departure, off)
        worst = max(worst, moved)
    radius = 1.001 * worst / (1.0 - departure) + 2.0**-600
    for j in range(dim):
        value = -y[j] if codes[j] & 1 else y[j]
        if not (value > radius or unused[j]):
            return False
    return True


@njit(**CALLED)
def set_multipliers(inverse, codes, target, y, dim):  # type: ignore[no-untyped-def]
    """y = R' target for the rows ``codes``, whose approximate inverse is R, without its negative
    entries."""
    for j in range(dim):
        value = 0.0
        for i in range(dim):
            value += inverse[i, j] * target[i]
        y[j] = max(0.0, -value if codes[j] & 1 else value)


@njit(**CALLED)
def is_bounded_below(wall, wall_norm, wall_error, codes, w, sign, reach, y, dim):  # type: ignore[no-untyped-def]
    """Is ``sign * wall w`` certainly positive where the rows ``codes`` are >= 0 and no
    coordinate is beyond ``reach``?

    Any multipliers y >= 0 will do if what they leave of the form is charged with the reach
    (Neumaier and Shcherbina 2004).
    """
    left, size = 0.0, wall_norm[w]
    error = wall_error[w]
    for i in range(dim + 1):
        rest = sign * wall[i, w]
        for j in range(dim):
            entry = wall[i, codes[j] >> 1] * y[j]
            rest -= -entry if codes[j] & 1 else entry
        if i < dim:
            error += abs(rest)
        else:
            left = rest
    for j in range(dim):
        size += wall_norm[codes[j] >> 1] * y[j]
        error += wall_error[codes[j] >> 1] * y[j]
    error += (2.0 * dim + 8.0) * 2.0**-53 * size
    return left > 1.0000001 * (error * max(1.0, reach)) + 2.0**-600


@njit(**CALLED)
def spanned(level, n_live, basis, without, m, dim):  # type: ignore[no-untyped-def]
    """Do the basis rows, ``without`` the one of that slack, contain a basis of V_m?"""
    count = 0
    for j in range(dim):
        count += j != without and level[basis[j]] >= m
    return count == n_live[m]


@njit(**CALLED)
def mark_unused(level, n_live, basis, deepest, unused, dim):  # type: ignore[no-untyped-def]
    """Which basis rows have multiplier 0 in a form of V_deepest, as far as levels tell."""
    m = deepest
    while not spanned(level, n_live, basis, -1, m, dim):
        m -= 1  # ends: V_0 is the whole space
    for j in range(dim):
        unused[j] = level[basis[j]] < m


@njit(**CALLED)
def solve_vertex(cells, tables, e, x, dim):  # type: ignore[no-untyped-def]
    """Where the basis rows of entry e meet, into x; returns its radius, infinite if unsolved."""
    for i in range(dim):
        cells.walls[i] = cells.code[e, cells.basis[e, i]] >> 1
    return solve(tables.wall, tables.wall_error, tables.scratch, cells.walls, dim, -1, 0.0, x)


@njit(**CALLED)
def never_cuts(cells, tables, e, r, sign, dim):  # type: ignore[no-untyped-def]
    """Is ``sign *`` the wall of row r certainly positive on entry e, by the dual solution at its
    vertex?"""
    wall = cells.code[e, r] >> 1
    vertex, target = tables.scratch[2, dim + 1], cells.dual[0]
    norm, error = tables.wall_norm[wall], tables.wall_error[wall]
    for j in range(dim):
        cells.codes[j] = cells.code[e, cells.basis[e, j]]
    if cells.reach[0] > 0.0:
        # The dictionary's multipliers, which cost nothing, nearly always do.
        scale = -sign * norm if cells.code[e, r] & 1 else sign * norm
        for j in range(dim):
            y = scale * cells.place[e, r, j] / tables.wall_norm[cells.codes[j] >> 1]
            cells.dual[1, j] = max(0.0, y)
        if is_bounded_below(
            tables.wall, tables.wall_norm, tables.wall_error, cells.codes, wall, sign,
            cells.reach[0], cells.dual[1], dim,
        ):  # fmt: skip
            return True
    radius = solve_vertex(cells, tables, e, vertex, dim)
    if not radius < np.inf:
        return False
    size = 1.0
    for j in range(dim):
        size = max(size, abs(vertex[j]))
        target[j] = sign * tables.wall[j, wall]
    if cells.reach[0] > 0.0:
        set_multipliers(tables.scratch[1], cells.codes, target, cells.dual[1], dim)
        return is_bounded_below(
            tables.wall, tables.wall_norm, tables.wall_error, cells.codes, wall, sign,
            cells.reach[0], cells.dual[1], dim,
        )  # fmt: skip
    value = sign * form_at(tables.wall, wall, vertex)
    if not sign_bound(norm, error, radius, size, dim) < value < np.inf:
        return False
    mark_unused(
        cells.level[e], cells.n_live[e], cells.basis[e], cells.level[e, r], cells.unused, dim
    )
    return is_combination(
        tables.wall_error, tables.scratch, cells.codes, cells.unused, dim, target, error,
        cells.dual[1],
    )  # fmt: skip


@njit(**CALLED)
def stands_on_facets(cells, tables, e, dim):  # type: ignore[no-untyped-def]
    """Are the basis rows certainly all that vanish at the vertex? Each is then a facet."""
    vertex = tables.scratch[2, dim + 1]
    radius = solve_vertex(cells, tables, e, vertex, dim)
    if not radius < np.inf:
        return False
    for j in range(dim):
        if cells.kind[e, cells.basis[e, j]] == KEPT:
            return False
    return certainly_inside(
        tables.wall, tables.wall_norm, tables.wall_error, cells.code[e], cells.kind[e],
        cells.level[e], cells.n_rows[e], cells.basis[e], BASIS, DEEPER, vertex, radius, dim,
    )  # fmt: skip


@njit(**CALLED)
def remove_row(code, kind, level, place, beyond, basis, n, r, dim):  # type: ignore[no-untyped-def]
    """Put the last of n rows in the place of row r (not in the basis)."""
    last = n - 1
    if r != last:
        code[r], kind[r], level[r] = code[last], kind[last], level[last]
        for i in range(dim + 1):
            place[r, i], beyond[r, i] = place[last, i], beyond[last, i]
        for j in range(dim):
            if basis[j] == last:
                basis[j] = r


@njit(**CALLED)
def refresh(cells, tables, e, dim):  # type: ignore[no-untyped-def]
    """The dictionary of entry e anew from the walls' rows, at the vertex of its basis."""
    r = tables.scratch[1]
    solve_vertex(cells, tables, e, tables.scratch[2, dim + 1], dim)
    coordinate = cells.coordinate[e]
    for i in range(dim):
        code = cells.code[e, cells.basis[e, i]]
        wall = code >> 1
        norm = tables.wall_norm[wall]
        turned = -norm if code & 1 else norm
        for j in range(dim):
            coordinate[j, i] = r[j, i] * turned
    for j in range(dim):
        value = 0.0
        for i in range(dim):
            wall = cells.code[e, cells.basis[e, i]] >> 1
            value -= r[j, i] * tables.wall[dim, wall]
        coordinate[j, dim] = value
    for k in range(cells.n_rows[e]):
        place_row(cells, tables, e, k, dim)
    for i in range(dim):
        k = cells.basis[e, i]
        for j in range(dim + 1):
            cells.place[e, k, j] = 0.0
        cells.place[e, k, i] = 1.0


@njit(**CALLED)
def place_row(cells, tables, e, k, dim):  # type: ignore[no-untyped-def]
    """Row k of the dictionary from its wall's row; rows are scaled to norm 1."""
    wall = cells.code[e, k] >> 1
    norm = tables.wall_norm[wall]
    scale = 0.0 if norm == 0.0 else (-1.0 / norm if cells.code[e, k] & 1 else 1.0 / norm)
    for i in range(dim + 1):
        value = tables.wall[dim, wall] if i == dim else 0.0
        for j in range(dim):
            value += tables.wall[j, wall] * cells.coordinate[e, j, i]
        cells.place[e, k, i] = value * scale


@njit(**CALLED)
def set_levels(program, cells, e):  # type: ignore[no-untyped-def]
    """Levels of rows and the bound on dim V_m, now that layer m of entry e is decided."""
    m = cells.layer[e]
    live = 0
    for u in range(program.first_unit[m], program.first_unit[m + 1]):
        live += program.slope[piece_of(program, cells, e, u)] != 0.0
    cells.n_live[e, m] = min(live, cells.n_live[e, m - 1])
    for k in range(cells.n_rows[e]):
        wall = cells.code[e, k] >> 1
        if wall >= program.first_wall[m]:
            u = program.wall_unit[wall]
            if program.slope[piece_of(program, cells, e, u)] != 0.0:
                cells.level[e, k] = m


@njit(**CALLED)
def enter_layer(program, cells, tables, e, dim):  # type: ignore[no-untyped-def]
    """Move entry e, decided in its layer, to the next one, whose forms are set."""
    if cells.layer[e] > 0:
        set_levels(program, cells, e)
    layer = cells.layer[e] + 1
    cells.layer[e] = layer
    n = cells.n_rows[e]
    for wall in range(program.first_wall[layer], program.first_wall[layer + 1]):
        bit = wall_bit(program, layer, wall)
        if not (test_bit(cells.positive[e], bit) or test_bit(cells.negative[e], bit)):
            cells.code[e, n], cells.kind[e, n] = 2 * wall, FREE
            cells.level[e, n] = max(layer - 1, 0)
            n += 1
    cells.n_free[e] = n - cells.n_rows[e]
    cells.n_rows[e] = n
    refresh(cells, tables, e, dim)


@njit(**CALLED)
def find_cut(program, cells, tables, e, r, side, dim):  # type: ignore[no-untyped-def]
    """Does the wall of row r cut entry e? 1: yes, and ``cells.other`` is on the side where the
    witness is not; 2: no; NEED_CUT: not certain."""
    place, coordinate = cells.place[e], cells.coordinate[e]
    wall = cells.code[e, r] >> 1
    n = cells.n_rows[e]
    at = side if side * place[r, dim] >= 0.0 else -side
    other = cells.other
    for j in range(dim):
        other[j] = coordinate[j, dim]
    other[dim] = 1.0
    how, j, t = minimise(
        place, n, coordinate, cells.lead, cells.basis[e], cells.kind[e], r, 1.0 * at, CROSS, dim
    )
    if how == CROSSED:
        if at == side:
            for i in range(dim):
                other[i] = coordinate[i, dim] + t * coordinate[i, j]
        if is_other_side(cells, tables, e, wall, side, dim):
            pivot(place, n, coordinate, cells.lead, cells.basis[e], r, j, dim)
            return 1
        # Too close to the wall for float64: as far from it as the cell goes, and back.
        minimise(
            place, n, coordinate, cells.lead, cells.basis[e], cells.kind[e], r, 1.0 * side,
            FOLLOW, dim,
        )  # fmt: skip
        for i in range(dim):
            other[i] = coordinate[i, dim]
        if is_other_side(cells, tables, e, wall, side, dim) or is_other_side_near_vertex(
            cells, tables, e, r, side, dim
        ):
            how, j, t = minimise(
                place, n, coordinate, cells.lead, cells.basis[e], cells.kind[e], r, -1.0 * side,
                CROSS, dim,
            )  # fmt: skip
            if how == CROSSED:
                pivot(place, n, coordinate, cells.lead, cells.basis[e], r, j, dim)
            return 1
        return NEED_CUT
    if how == OPTIMAL and at == side and never_cuts(cells, tables, e, r, 1.0 * side, dim):
        return 2
    return NEED_CUT


@njit(**CALLED)
def is_other_side(cells, tables, e, wall, side, dim):  # type: ignore[no-untyped-def]
    """Move ``cells.other`` half way to where the wall separates it from the witness: is it
    certainly inside entry e, and across?"""
    other, witness = cells.other, cells.witness[e]
    beyond = side * form_at(tables.wall, wall, other)
    here = side * form_at(tables.wall, wall, witness)
    if not (beyond < 0.0 and here > 0.0):
        return False
    step = -0.5 * beyond / (here - beyond)
    for j in range(dim):
        other[j] += step * (witness[j] - other[j])
    return is_across(cells, tables, e, wall, side, dim)


@njit(**CALLED)
def is_other_side_near_vertex(cells, tables, e, r, side, dim):  # type: ignore[no-untyped-def]
    """The same for a point near the vertex, inwards from all its rows: if the witness is so
    close to some row that nothing certain lies between."""
    coordinate = cells.coordinate[e]
    inwards = way_inwards(
        cells.place[e], cells.kind[e], cells.n_rows[e], r, 1.0 * side, cells.rays[1], dim
    )
    for i in range(dim):
        cells.other[i] = coordinate[i, dim]
        for j in range(dim):
            cells.other[i] += inwards * coordinate[i, j]
    return is_across(cells, tables, e, cells.code[e, r] >> 1, side, dim)


@njit(**CALLED)
def is_across(cells, tables, e, wall, side, dim):  # type: ignore[no-untyped-def]
    """Is ``cells.other`` certainly inside entry e, and on the other side of the wall?"""
    other = cells.other
    size = 1.0
    for j in range(dim):
        size = max(size, abs(other[j]))
    cells.other_about[0], cells.other_about[1], cells.other_about[2] = 0.0, size, 0.0
    bound = sign_bound(tables.wall_norm[wall], tables.wall_error[wall], 0.0, size, dim)
    if not bound < -side * form_at(tables.wall, wall, other) < np.inf:
        return False
    return certainly_inside(
        tables.wall, tables.wall_norm, tables.wall_error, cells.code[e], cells.kind[e],
        cells.level[e], cells.n_rows[e], cells.basis[e], ALL, DEEPER, other, 0.0, dim,
    )  # fmt: skip


@njit(**CALLED)
def take_side(program, cells, e, r, positive, dim):  # type: ignore[no-untyped-def]
    """Make the free row r a row of entry e."""
    code = cells.code[e, r]
    wall = code >> 1
    cells.kind[e, r] = CANDIDATE
    signs = cells.positive if positive else cells.negative
    bit = wall_bit(program, cells.layer[e], wall)
    signs[e, bit >> 6] |= ONE << np.uint64(bit & 63)
    if positive:
        return
    cells.code[e, r] = code + 1
    for j in range(dim):
        if cells.basis[e, j] == r:  # its slack turns round, and with it the column
            for k in range(cells.n_rows[e]):
                if k != r:
                    cells.place[e, k, j] = -cells.place[e, k, j]
            for i in range(dim):
                cells.coordinate[e, i, j] = -cells.coordinate[e, i, j]
            return
    for i in range(dim + 1):
        cells.place[e, r, i] = -cells.place[e, r, i]


@njit(**CALLED)
def use_other(cells, e, dim):  # type: ignore[no-untyped-def]
    """Make ``cells.other`` the witness of entry e."""
    for j in range(dim):
        cells.witness[e, j] = cells.other[j]
    cells.radius[e], cells.size[e] = cells.other_about[0], cells.other_about[1]
    cells.ident[e] = np.int64(cells.other_about[2])


@njit(**CALLED)
def copy_entry(cells, e, f, dim):  # type: ignore[no-untyped-def]
    n = cells.n_rows[e]
    cells.layer[f], cells.n_rows[f], cells.n_free[f] = cells.layer[e], n, cells.n_free[e]
    for k in range(n):
        cells.code[f, k], cells.kind[f, k] = cells.code[e, k], cells.kind[e, k]
        cells.level[f, k] = cells.level[e, k]
        for i in range(dim + 1):
            cells.place[f, k, i] = cells.place[e, k, i]
        if cells.kind[e, k] == CERTAIN:
            for i in range(dim + 1):
                cells.beyond[f, k, i] = cells.beyond[e, k, i]
    for j in range(dim):
        cells.basis[f, j] = cells.basis[e, j]
        cells.witness[f, j] = cells.witness[e, j]
        for i in range(dim + 1):
            cells.coordinate[f, j, i] = cells.coordinate[e, j, i]
    cells.witness[f, dim] = 1.0
    cells.radius[f], cells.size[f] = cells.radius[e], cells.size[e]
    cells.ident[f] = cells.ident[e]
    for k in range(cells.positive.shape[1]):
        cells.positive[f, k], cells.negative[f, k] = cells.positive[e, k], cells.negative[e, k]
    for m in range(cells.layer[e]):
        cells.n_live[f, m] = cells.n_live[e, m]
    cells.n_attached[f] = cells.n_attached[e]
    for k in range(cells.n_attached[e]):
        cells.attached[f, k, 0] = cells.attached[e, k, 0]
        cells.attached[f, k, 1] = cells.attached[e, k, 1]


@njit(**CALLED)
def divide_facets(cells, tables, e, wall, side, dim):  # type: ignore[no-untyped-def]
    """Of entry e and its copy e + 1, on that side of the wall, each keeps the facets that have
    their points beyond on its side: they are beyond that row alone still."""
    norm, error = tables.wall_norm[wall], tables.wall_error[wall]
    for k in range(cells.n_rows[e]):
        if cells.kind[e, k] != CERTAIN:
            continue
        x = cells.beyond[e, k]
        size = 1.0
        for j in range(dim):
            size = max(size, abs(x[j]))
        value = side * form_at(tables.wall, wall, x)
        bound = sign_bound(norm, error, 0.0, size, dim)
        if x[dim] == 0.0 or not bound < -value < np.inf:
            cells.kind[e, k] = CANDIDATE
        if x[dim] == 0.0 or not bound < value < np.inf:
            cells.kind[e + 1, k] = CANDIDATE


@njit(**CALLED)
def decide_row(program, cells, tables, e, r, dim):  # type: ignore[no-untyped-def]
    """Split entry e by the wall of its free row r, or fix its sign. Returns a status."""
    scalar = cells.scalar
    wall = cells.code[e, r] >> 1
    if scalar[SIDE] == 0:
        value = form_at(tables.wall, wall, cells.witness[e])
        bound = sign_bound(
            tables.wall_norm[wall], tables.wall_error[wall], cells.radius[e], cells.size[e], dim
        )
        if not bound < abs(value) < np.inf:
            return NEED_SIDE
        scalar[SIDE] = 1 if value > 0.0 else -1
    side, cuts = scalar[SIDE], scalar[CUT]
    if side == ZERO_FORM:
        cuts = 2
    if cuts == 0:
        cuts = find_cut(program, cells, tables, e, r, side, dim)
        if cuts == NEED_CUT:
            return NEED_CUT
    scalar[SIDE] = scalar[CUT] = 0
    layer = cells.layer[e]
    if cuts == 2:
        if layer == 0 and side == -1:
            scalar[TOP] = e - 1
            return DONE
        if side != ZERO_FORM:
            signs = cells.positive if side == 1 else cells.negative
            bit = wall_bit(program, layer, wall)
            signs[e, bit >> 6] |= ONE << np.uint64(bit & 63)
        remove_row(
            cells.code[e], cells.kind[e], cells.level[e], cells.place[e], cells.beyond[e],
            cells.basis[e], cells.n_rows[e], r, dim,
        )  # fmt: skip
        cells.n_rows[e] -= 1
    elif layer == 0:
        if side == -1:
            use_other(cells, e, dim)
        take_side(program, cells, e, r, True, dim)
    else:
        copy_entry(cells, e, e + 1, dim)
        divide_facets(cells, tables, e, wall, side, dim)
        take_side(program, cells, e + 1, r, side == 1, dim)
        use_other(cells, e, dim)
        take_side(program, cells, e, r, side == -1, dim)
        scalar[TOP] = e + 1
        if scalar[GUIDED]:
            above, below = sides_to_search(cells.guide, wall_bit(program, layer, wall))
            here, there = (above, below) if side == 1 else (below, above)
            if not here | there and not has_arrived(
                cells.guide, cells.positive[e], cells.negative[e], e
            ):
                return LOST
            if here and not there:
                copy_entry(cells, e + 1, e, dim)
            if here != there:
                scalar[TOP] = e
            scalar[GUIDED] = here | there
        if not scalar[GUIDED]:  # else it was counted when it was first made
            scalar[SPLITS] += 1
    return DONE


@njit(**CALLED)
def is_beyond_alone(wall, wall_norm, wall_error, code, kind, n, r, x, dim):  # type: ignore[no-untyped-def]
    """Is the float64 point x certainly beyond row r and inside of all others?

    Then r is a facet: between x and a point inside, r alone vanishes.
    """
    size = 1.0
    for j in range(dim):
        size = max(size, abs(x[j]))
    for k in range(n):
        if kind[k] == FREE:
            continue
        w = code[k] >> 1
        value = form_at(wall, w, x)
        if (code[k] & 1 != 0) != (k == r):
            value = -value
        if not sign_bound(wall_norm[w], wall_error[w], 0.0, size, dim) < value < np.inf:
            return False
    return True


@njit(**CALLED)
def way_inwards(place, kind, n, r, sign, slope, dim):  # type: ignore[no-untyped-def]
    """How far to go from the vertex, along the sum of its edges, for half way to the first row
    that is met; row r, which need not be one of the cell's, is to stay ``sign * row r < 0``.

    Each row's ``slope`` along the sum is written.
    """
    reach = np.inf
    for k in range(n):
        if kind[k] == FREE and k != r:
            continue
        total, value = 0.0, max(place[k, dim], 0.0)
        for j in range(dim):
            total += place[k, j]
        if k == r:
            total, value = -sign * total, max(-sign * place[k, dim], 0.0)
        slope[k] = total
        if total < -PIVOT:
            reach = min(reach, value / -total)
    return 0.5 * reach if reach < np.inf else 1.0


@njit(**CALLED)
def find_facets(  # type: ignore[no-untyped-def]
    wall, wall_norm, wall_error, code, kind, n, end, place, coordinate, rays, beyond, x, dim
):  # fmt: skip
    """Some facets among the candidates of walls before ``end``, by rays from a point near the
    vertex, along its edges and back: what a ray meets first is a facet.

    The dictionary tells what is met, and then the walls' rows, if it is certain.
    """
    last, inverse, soonest, latest = rays[0], rays[1], rays[2], rays[3]
    asked = 0
    for k in range(n):
        asked += kind[k] == CANDIDATE and code[k] >> 1 < end
    if asked == 0:
        return
    inwards = way_inwards(place, kind, n, -1, 0.0, inverse, dim)
    if not inwards > 0.0:
        return
    for j in range(dim):
        soonest[j] = latest[j] = 0.0
    for k in range(n):
        if kind[k] == FREE:
            continue
        inverse[k] = 1.0 / (place[k, dim] + inwards * inverse[k])
        for j in range(dim):  # one over the way from there to the row, < 0 if it lies behind
            soon = place[k, j] * inverse[k]
            soonest[j] = max(soonest[j], soon)
            latest[j] = min(latest[j], soon)
    for i in range(dim):
        last[i] = coordinate[i, dim]
        for j in range(dim):
            last[i] += inwards * coordinate[i, j]
    x[dim] = 1.0
    for k in range(n):
        if kind[k] != CANDIDATE or code[k] >> 1 >= end:
            continue
        for j in range(dim):
            soon = place[k, j] * inverse[k]
            if soon == 0.0 or not (soon == soonest[j] or soon == latest[j]):
                continue
            for i in range(dim):
                x[i] = last[i] - BEYOND / soon * coordinate[i, j]
            if is_beyond_alone(wall, wall_norm, wall_error, code, kind, n, k, x, dim):
                kind[k] = CERTAIN
                for i in range(dim + 1):
                    beyond[k, i] = x[i]
                break


@njit(**CALLED)
def look_around(cells, tables, e, end, dim):  # type: ignore[no-untyped-def]
    find_facets(
        tables.wall, tables.wall_norm, tables.wall_error, cells.code[e], cells.kind[e],
        cells.n_rows[e], end, cells.place[e], cells.coordinate[e], cells.rays, cells.beyond[e],
        tables.scratch[2, dim + 1], dim,
    )  # fmt: skip


@njit(**CALLED)
def classify_row(cells, tables, e, r, end, dim):  # type: ignore[no-untyped-def]
    """Is row r a facet of entry e (1), redundant (2), or is it not certain (NEED_FACET)?"""
    place, basis, n = cells.place[e], cells.basis[e], cells.n_rows[e]
    if not in_basis(basis, r, dim):
        minimise(
            place, n, cells.coordinate[e], cells.lead, basis, cells.kind[e], r, 1.0, BLOCK, dim
        )
    if in_basis(basis, r, dim):
        look_around(cells, tables, e, end, dim)
        if cells.kind[e, r] == CERTAIN:
            return 1
        if not stands_on_facets(cells, tables, e, dim):
            return NEED_FACET
        for j in range(dim):
            if cells.kind[e, basis[j]] != CERTAIN:
                cells.kind[e, basis[j]] = CERTAIN
                cells.beyond[e, basis[j], dim] = 0.0
        return 1
    for j in range(dim):
        if cells.kind[e, basis[j]] == KEPT:  # two rows must not each be dropped for the other
            return NEED_FACET
    code = cells.code[e, r]
    sign = -1.0 if code & 1 else 1.0
    certain = never_cuts(cells, tables, e, r, sign, dim)
    return 2 if certain else NEED_FACET


@njit(**CALLED)
def prune(cells, tables, e, end, dim):  # type: ignore[no-untyped-def]
    """Tell the facets of entry e from redundant rows, and drop these; of walls before ``end``.
    Returns a status."""
    scalar = cells.scalar
    if scalar[ROW] == 0 and scalar[FACET] == 0:
        look_around(cells, tables, e, end, dim)
    while scalar[ROW] < cells.n_rows[e]:
        r = scalar[ROW]
        if cells.kind[e, r] != CANDIDATE or cells.code[e, r] >> 1 >= end:
            scalar[ROW] = r + 1
            continue
        answer = scalar[FACET]
        if answer == 0:
            answer = classify_row(cells, tables, e, r, end, dim)
            if answer == NEED_FACET:
                return NEED_FACET
        scalar[FACET] = 0
        if answer == 1:
            if cells.kind[e, r] != CERTAIN:
                cells.kind[e, r] = CERTAIN
                cells.beyond[e, r, dim] = 0.0
        elif in_basis(cells.basis[e], r, dim):
            cells.kind[e, r] = KEPT
        else:
            remove_row(
                cells.code[e], cells.kind[e], cells.level[e], cells.place[e], cells.beyond[e],
                cells.basis[e], cells.n_rows[e], r, dim,
            )  # fmt: skip
            cells.n_rows[e] -= 1
    return DONE


@njit(**CALLED)
def find_bounded(cells, tables, e, dim):  # type: ignore[no-untyped-def]
    """Is entry e bounded (1), unbounded (2), or is it not certain (NEED_BOUNDED)?

    Bounded iff the sum of its rows has a maximum: along a ray no row decreases, and some grow.
    """
    n = cells.n_rows[e]
    place, coordinate, basis = cells.place[e], cells.coordinate[e], cells.basis[e]
    for i in range(dim + 1):
        total = 0.0
        for k in range(n):
            total += place[k, i]
        place[n, i] = -total
    cells.kind[e, n] = FREE
    how, leave, _ = minimise(
        place, n + 1, coordinate, cells.lead, basis, cells.kind[e], n, 1.0, FOLLOW, dim
    )
    cells.scalar[RAY] = leave
    if how == UNBOUNDED:
        return 2 if is_ray(cells, tables, e, leave, dim) else NEED_BOUNDED
    if how != OPTIMAL:
        return NEED_BOUNDED
    vertex, target = tables.scratch[2, dim + 1], cells.dual[0]
    if not solve_vertex(cells, tables, e, vertex, dim) < np.inf:
        return NEED_BOUNDED
    error = 0.0
    for j in range(dim):
        target[j] = 0.0
        cells.codes[j] = cells.code[e, basis[j]]
    for k in range(n):
        wall = cells.code[e, k] >> 1
        scale = (1.0 if cells.code[e, k] & 1 else -1.0) / tables.wall_norm[wall]
        for j in range(dim):
            target[j] += scale * tables.wall[j, wall]
        error += abs(scale) * tables.wall_error[wall] + (n + 4) * 2.0**-52
    cells.unused[:] = False
    certain = is_combination(
        tables.wall_error, tables.scratch, cells.codes, cells.unused, dim, target, error,
        cells.dual[1],
    )  # fmt: skip
    return 1 if certain else NEED_BOUNDED


@njit(**CALLED)
def is_ray(cells, tables, e, leave, dim):  # type: ignore[no-untyped-def]
    """Is the edge of the vertex along slack ``leave`` certainly a ray of entry e?"""
    coordinate = cells.coordinate[e]
    axis, m = 0, 0
    for j in range(dim):
        if abs(coordinate[j, leave]) > abs(coordinate[axis, leave]):
            axis = j
        if j != leave:
            cells.walls[m] = cells.code[e, cells.basis[e, j]] >> 1
            m += 1
    sign = 1.0 if coordinate[axis, leave] > 0.0 else -1.0
    ray = tables.scratch[2, dim + 1]
    radius = solve(
        tables.wall, tables.wall_error, tables.scratch, cells.walls, dim, axis, sign, ray
    )
    if not radius < np.inf:
        return False
    flat = 1  # forms of V_flat are 0 along the ray
    while flat < cells.layer[e] and not spanned(
        cells.level[e], cells.n_live[e], cells.basis[e], leave, flat, dim
    ):
        flat += 1
    return certainly_inside(
        tables.wall, tables.wall_norm, tables.wall_error, cells.code[e], cells.kind[e],
        cells.level[e], cells.n_rows[e], cells.basis[e], leave, flat, ray, radius, dim,
    )  # fmt: skip


@njit(**CALLED)
def is_listed(kind, wall, end):  # type: ignore[no-untyped-def]
    """Is the row a facet, or one that may be?"""
    return kind == CERTAIN or (kind == CANDIDATE and wall >= end)


@njit(**CALLED)
def emit(program, cells, tables, block, e, bounded, end, dim):  # type: ignore[no-untyped-def]
    """Append entry e, pruned before wall ``end``, to the block. Returns a status."""
    i, n_facets = block.count[0], 0
    for k in range(cells.n_rows[e]):
        n_facets += is_listed(cells.kind[e, k], cells.code[e, k] >> 1, end)
    n_zero = count_zero(
        program.first_wall, program.first_word, cells.positive[e], cells.negative[e]
    )
    if (
        i == len(block.pattern)
        or block.count[1] + n_facets > len(block.facet)
        or block.count[2] + cells.n_attached[e] * n_facets > len(block.attached)
        or block.count[3] + n_zero > len(block.zero)
    ):
        return BLOCK_FULL
    if cells.ident[e] != 0 and not cells.scalar[READY]:
        return NEED_WITNESS
    answer = 1 if bounded else cells.scalar[BOUNDED]
    if answer == 0:
        answer = find_bounded(cells, tables, e, dim)
        if answer == NEED_BOUNDED:
            return NEED_BOUNDED
    cells.scalar[BOUNDED] = 0
    block.unbounded[i] = answer == 2
    word0 = program.first_word[1]
    for k in range(block.pattern.shape[1]):
        block.pattern[i, k] = cells.positive[e, word0 + k]
    if cells.ident[e] == 0:
        for j in range(dim):
            block.witness[i, j] = cells.witness[e, j]
    f = block.count[1]
    for k in range(cells.n_rows[e]):
        wall = cells.code[e, k] >> 1
        if not is_listed(cells.kind[e, k], wall, end):
            continue
        for a in range(cells.n_attached[e]):
            if cells.attached[e, a, 0] == wall:
                m = block.count[2]
                block.attached[m, 0] = i
                block.attached[m, 1] = f
                block.attached[m, 2] = cells.attached[e, a, 1]
                block.count[2] = m + 1
        block.facet[f] = wall
        block.maybe[f] = cells.kind[e, k] != CERTAIN
        f += 1
    if n_zero:
        emit_zero(
            program.first_wall, program.first_word, cells.positive[e], cells.negative[e],
            block.count, block.zero,
        )  # fmt: skip
    block.n_facets[i] = n_facets
    block.n_vertices[i] = 0
    block.count[1] = f
    block.count[0] = i + 1
    return DONE


@njit(**ENTRY)
def run_cells(program, cells, tables, block, counting, bounded, end):  # type: ignore[no-untyped-def]
    """Work on the stack until it is empty or the caller is needed. Returns a status.

    The same contract as :func:`kernel.run`. In the last layer, rows of walls from ``end`` on may
    be facets or not: that is left to whoever sees all regions.
    """
    program, cells = reference(program), reference(cells)
    tables, block = reference(tables), reference(block)
    scalar, dim = cells.scalar, program.dim
    while scalar[TOP] >= 0:
        e = scalar[TOP]
        scalar[WORK] += cells.n_rows[e] * (dim + 1) ** 2
        if scalar[WORK] > WORK_LIMIT:
            scalar[WORK] = 0
            return PAUSE
        if scalar[PHASE] == DECIDE:
            free, n_free = -1, 0
            for k in range(cells.n_rows[e] - 1, -1, -1):
                if cells.kind[e, k] == FREE:
                    free = k
                    n_free += 1
            if not counting and cells.layer[e] > 0 and 1 <= n_free < cells.n_free[e]:
                # What is dropped now is dropped for all children, and of facets that are known
                # now each child keeps its own.
                cells.n_free[e] = n_free
                scalar[ROW] = 0
                scalar[PHASE] = PRUNE
                continue
            if free >= 0:
                if e + 2 > len(cells.layer):
                    return GROW_STACK
                status = decide_row(program, cells, tables, e, free, dim)
                if status != DONE:
                    return status
                continue
            last = cells.layer[e] == program.n_layers
            scalar[ROW] = 0
            scalar[READY] = 0
            scalar[PHASE] = PRUNE
            if counting:
                scalar[PHASE] = EMIT if last else ENTER_LAYER
        elif scalar[PHASE] == PRUNE:
            last = cells.layer[e] == program.n_layers
            status = prune(cells, tables, e, end if last else ALL_WALLS, dim)
            if status != DONE:
                return status
            scalar[PHASE] = EMIT if last else ENTER_LAYER
            for k in range(cells.n_rows[e]):
                if cells.kind[e, k] == FREE:
                    scalar[PHASE] = DECIDE
        elif scalar[PHASE] == ENTER_LAYER:
            layer = cells.layer[e] + 1
            if layer > 1 and not scalar[READY]:
                if compose(program, cells, tables, e, layer):
                    return NEED_ROWS
                set_walls(program, tables, layer)
            scalar[READY] = 0
            enter_layer(program, cells, tables, e, dim)
            scalar[PHASE] = DECIDE
        else:
            if scalar[GUIDED]:
                if not has_arrived(cells.guide, cells.positive[e], cells.negative[e], e):
                    return LOST
                scalar[GUIDED] = 0
            if counting:
                if block.count[0] == len(block.n_facets):
                    return BLOCK_FULL
                block.count[0] += 1
            else:
                status = emit(program, cells, tables, block, e, bounded, end, dim)
                if status != DONE:
                    return status
            scalar[READY] = 0
            scalar[TOP] = e - 1
            scalar[PHASE] = DECIDE
    return DONE


@njit(**CALLED)
def load_cell(program, cells, tables, pattern, walls, doubtful, witness, dim):  # type: ignore[no-untyped-def]
    """Make entry 0 an emitted cell again: its listed rows, and a vertex of these.

    The earlier layers' signs must stand there already, and its tables be set.
    """
    word0, last = program.first_word[1], program.n_layers
    for k in range(program.first_word[last] - word0, len(pattern)):
        cells.positive[0, word0 + k] = pattern[k]
    n = len(walls)
    layer = 0
    for k in range(n):
        wall = walls[k]
        layer = last
        while wall < program.first_wall[layer]:
            layer -= 1
        below = layer > 0 and not test_bit(cells.positive[0], wall_bit(program, layer, wall))
        cells.code[0, k] = 2 * wall + below
        cells.kind[0, k] = CANDIDATE if doubtful[k] else CERTAIN
        cells.level[0, k] = max(layer - 1, 0)
    cells.n_rows[0] = n
    for m in range(1, last):
        cells.layer[0] = m
        set_levels(program, cells, 0)
    cells.layer[0] = last
    for i in range(dim):
        for j in range(dim + 1):
            cells.coordinate[0, i, j] = 1.0 if i == j else 0.0
        cells.coordinate[0, i, dim] = witness[i]
        cells.basis[0, i] = 0
    for k in range(n):
        place_row(cells, tables, 0, k, dim)
    find_vertex(cells.place[0], n, cells.coordinate[0], cells.lead, cells.basis[0], dim)


@njit(**CALLED)
def find_vertex(place, n, coordinate, lead, basis, dim):  # type: ignore[no-untyped-def]
    """From the dictionary at an interior point, in the coordinates, to one at a vertex."""
    for j in range(dim):
        row, least = -1, np.inf
        for k in range(n):
            t = np.inf
            if abs(place[k, j]) > PIVOT and not in_basis(basis, k, j):
                t = max(place[k, dim], 0.0) / abs(place[k, j])
            if t < least:
                row, least = k, t
        if row < 0:
            return
        pivot(place, n, coordinate, lead, basis, row, j, dim)


@njit(**ENTRY)
def settle(  # type: ignore[no-untyped-def]
    program, cells, tables, pattern, indptr, walls, doubtful, witness, facet, bounded,
):  # fmt: skip
    """Which ``doubtful`` rows of emitted cells are facets, into ``facet``; and, of cells for which
    ``bounded`` is 0, whether they are bounded: 1, or not: 2. Returns a status."""
    program, cells, tables = reference(program), reference(cells), reference(tables)
    scalar, dim = cells.scalar, program.dim
    while scalar[CELL] < len(pattern):
        i = scalar[CELL]
        here = slice(indptr[i], indptr[i + 1])
        if scalar[PHASE] != PRUNE:
            load_cell(
                program, cells, tables, pattern[i], walls[here], doubtful[here], witness[i], dim
            )
            scalar[PHASE] = PRUNE
            scalar[ROW] = 0
        status = prune(cells, tables, 0, ALL_WALLS, dim)
        if status != DONE:
            return status
        if bounded[i] == 0:
            answer = scalar[BOUNDED]
            if answer == 0:
                answer = find_bounded(cells, tables, 0, dim)
            if answer == NEED_BOUNDED:
                return NEED_BOUNDED
            bounded[i] = answer
            scalar[BOUNDED] = 0
        for k in range(cells.n_rows[0]):
            for f in range(indptr[i], indptr[i + 1]):
                if cells.kind[0, k] == CERTAIN and walls[f] == cells.code[0, k] >> 1:
                    facet[f] = True
        scalar[PHASE] = DECIDE
        scalar[CELL] = i + 1
    return DONE


@njit(**ENTRY)
def follow(program, cells, tables):  # type: ignore[no-untyped-def]
    """The signs of all walls at the witness of entry 0, layer by layer. Returns a status:
    NEED_SIDE asks about wall ``scalar[ROW]``."""
    program, cells, tables = reference(program), reference(cells), reference(tables)
    scalar = cells.scalar
    while True:
        layer = cells.layer[0]
        for wall in range(
            max(scalar[ROW], program.first_wall[layer]), program.first_wall[layer + 1]
        ):
            side = scalar[SIDE]
            if side == 0:
                value = form_at(tables.wall, wall, cells.witness[0])
                bound = sign_bound(
                    tables.wall_norm[wall], tables.wall_error[wall], cells.radius[0],
                    cells.size[0], program.dim,
                )  # fmt: skip
                if not bound < abs(value) < np.inf:
                    scalar[ROW] = wall
                    return NEED_SIDE
                side = 1 if value > 0.0 else -1
            scalar[SIDE] = 0
            if side != ZERO_FORM:
                signs = cells.positive if side == 1 else cells.negative
                bit = wall_bit(program, layer, wall)
                signs[0, bit >> 6] |= ONE << np.uint64(bit & 63)
        if layer == program.n_layers:
            return DONE
        if layer > 0 and not scalar[READY]:
            scalar[ROW] = program.first_wall[layer + 1]
            if compose(program, cells, tables, 0, layer + 1):
                return NEED_ROWS
            set_walls(program, tables, layer + 1)
        scalar[READY] = 0
        cells.layer[0] = layer + 1
