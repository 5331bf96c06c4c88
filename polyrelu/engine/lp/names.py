"""Numbers that the functions of this package share with each other and with their callers."""

from __future__ import annotations

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
