"""What the kernel works on, as named tuples of arrays. It reads fields by these names."""

from __future__ import annotations

from typing import Any, NamedTuple


class Program(NamedTuple):
    """The network as the kernel reads it; never written. Layer 0 is the domain."""

    dim: int
    n_layers: int  # layers with units, numbered 1 .. n_layers
    first_match: int  # the first layer that is a match, see polyrelu/challenges.py
    n_domain: int  # walls of the domain; those from here to first_wall[1] are auxiliary
    first_wall: Any  # (n_layers + 2,) walls of layer l: first_wall[l] <= wall < first_wall[l + 1]
    first_word: Any  # (n_layers + 2,) and the words that hold their bits
    first_unit: Any  # (n_layers + 2,)
    is_plain: Any  # (n_layers + 2,) whether all of a layer's units are ReLUs, each with a wall
    wall_unit: Any  # (walls,) unit of a wall; -1 for the domain
    wall_shift: Any  # (walls,) breakpoint, rounded
    wall_shift_error: Any
    unit_threshold: Any  # (units + 1,) thresholds of a unit, in increasing order of breakpoint
    threshold_bit: Any  # (thresholds,) where the sign of its wall stands in an entry's words
    threshold_side: Any  # (thresholds,) 1: positive where the wall's form is, -1: where not
    slope: Any  # (thresholds + units,) pieces of unit u start at unit_threshold[u] + u
    intercept: Any
    piece_error: Any  # rounding of slope and intercept, relative
    weight: Any  # flat; of layer l: (units of l - 1) x (units of l), from first_weight[l]
    first_weight: Any  # (n_layers + 2,)
    weight_norm: Any  # (units,) l1 norms of the units' weights
    left_out: Any  # (units,) what of these stands for weights too small for `weight`
    weight_error: Any  # (n_layers + 1,) relative rounding of the weights, 0 if none
    bias: Any  # (units,)


class Stack(NamedTuple):
    """The open cells (a stack) and the generators that they refer to (a pool, also a stack)."""

    scalar: Any  # (N_SCALARS,)
    layer: Any  # (entries,)
    n_vertices: Any
    vertex: Any  # (entries, vertices) index into the pool
    mask: Any  # (entries, vertices, facet words)
    facet: Any  # (entries, facet slots) 2 * wall + (1 if the cell is on the negative side)
    used: Any  # (entries, facet words) slots that hold facets
    undecided: Any  # (entries, words)
    positive: Any
    negative: Any
    pool_top: Any  # (entries,) everything above is garbage when the entry is on top
    n_attached: Any  # (entries,) walls that coincide with a facet
    attached: Any  # (entries, capacity, 2) slot, wall
    x: Any  # (pool, dim + 1)
    radius: Any  # (pool,)
    gap: Any  # (pool,) at most 1 / (a common denominator of the exact generator); 0: unknown
    size: Any  # (pool,)
    ident: Any  # (pool,) names the exact generator, also if it is made again
    pos: Any  # (pool, words)
    neg: Any
    unknown: Any
    new_mask: Any  # (vertices, facet words) masks of the generators that a cut makes
    above: Any  # (vertices,) scratch: the generators of a cell that are above the wall that cuts it
    below: Any  # (vertices,) scratch: and those that are below
    side: Any  # (vertices,) and for each generator ABOVE, BELOW, or 0
    guide: Any  # (3, words) of the cell to go on from: positive, negative, sides still to search


class Cells(NamedTuple):
    """The open cells without vertices (:mod:`polyrelu.engine.lp`), a stack."""

    scalar: Any  # (N_SCALARS,)
    layer: Any  # (entries,)
    n_rows: Any
    code: Any  # (entries, rows) 2 * wall + (1 if the cell is on the negative side)
    kind: Any
    level: Any  # (entries, rows) see engine/lp/__init__.py
    n_free: Any  # (entries,) walls that were open when redundant rows were last dropped
    n_live: Any  # (entries, n_layers + 1) a bound on the dimension of V_m
    place: Any  # (entries, rows, width) the dictionary: rows as functions of the slacks; 0s from
    coordinate: Any  # (entries, dim, width) dim + 1 on; and the coordinates
    beyond: Any  # (entries, rows, dim + 1) of CERTAIN rows: a point beyond it alone; or last a 0
    basis: Any  # (entries, dim) the rows whose slacks these are
    witness: Any  # (entries, dim + 1)
    radius: Any  # (entries,) 0: the float64 point is the witness
    size: Any
    ident: Any  # names an exact witness, 0 if there is none
    positive: Any  # (entries, words)
    negative: Any
    n_attached: Any
    attached: Any  # (entries, capacity, 2) wall of the facet, wall that contains it as well
    other: Any  # (dim + 1,) a point on the other side of the wall that is looked at
    other_about: Any  # (3,) its radius, size, ident
    walls: Any  # (dim,) scratch
    codes: Any  # (dim,) scratch
    dual: Any  # (2, dim) scratch
    unused: Any  # (dim,) scratch
    lead: Any  # (width,) scratch
    rays: Any  # (4, max(rows, dim)) scratch
    reach: Any  # (1,) a bound on the coordinates' absolute values; 0: the domain is unbounded
    guide: Any  # (3, words) as that of Stack


class Tables(NamedTuple):
    """Composed affine forms on the current path, one column per unit and per wall."""

    unit: Any  # (dim + 1, units)
    unit_norm: Any
    unit_error: Any
    wall: Any  # (dim + 1, walls)
    wall_norm: Any
    wall_error: Any
    wall_scale: Any  # (walls,) a multiple of the true row's common denominator, or infinite
    unit_low: Any  # (dim + 1, units) what the forms lack to the true ones, where that is known
    unit_low_error: Any  # (units,) and bounds on the l1 norms of what they lack even so; these, the
    wall_low: Any  # next four and coefficient_low are empty until they are needed: see twice.py
    wall_low_norm: Any
    wall_low_error: Any
    low_name: Any  # (n_layers + 2,) the name of a layer's first wall when these were worked out
    scratch: Any  # (4, dim + 2, dim + 1)
    low: Any  # (3, dim + 1) scratch: see twice_points, twice_witness and matches in kernel/
    values: Any  # (max(units in a layer, walls in a layer),) scratch
    live: Any  # (units in a layer + 3,) scratch: where the weights of the units that are on start
    coefficient: Any  # (dim + 2, units in a layer + 3) scratch: their forms, and their slopes
    coefficient_low: Any  # as coefficient; scratch: what these lack
    picked: Any  # (facet slots + 1,) scratch: walls through a new generator
    name: Any  # (walls,) names a wall's present form: changes when it is composed anew
    names: Any  # (dim + 1,) scratch: the sorted names of the walls through a new point
    cache_names: Any  # (slots, dim) points that were solved before, by their walls' names
    cache_x: Any  # (slots, dim)
    cache_radius: Any
    cache_gap: Any
    cache_size: Any
    cache_ident: Any


class Block(NamedTuple):
    """Regions found since the last return; capacities are checked before an emission."""

    count: Any  # (5,) regions, facets, attached, zeros, thin ones
    pattern: Any  # (capacity, words)
    witness: Any  # (capacity, dim)
    n_facets: Any  # (capacity,)
    n_vertices: Any
    unbounded: Any
    facet: Any  # (facet capacity,) wall
    maybe: Any  # (facet capacity,) it is a facet if a region is found across
    attached: Any  # (attached capacity, 3) region, facet (both within the block), wall
    zero: Any  # (zero capacity, 2) region, wall whose form is identically 0
    thin: Any  # (capacity,) regions whose exact witness is their witness plus a row of `low`
    low: Any  # (capacity, dim)
