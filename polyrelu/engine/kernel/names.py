"""Numbers that the kernel's functions share with each other and with their callers."""

from __future__ import annotations

UNIT = 2.0**-53  # the unit roundoff of float64
TINY = 2.0**-600  # covers underflow; see SAFE_WEIGHT

# Relative errors of rows, beyond which they are bounded more tightly, and composed exactly. Only
# speed depends on them: a loose row leaves signs open, an exact one takes as long as some of these.
LOOSE_ERROR, WORST_ERROR = 2.0**-36, 2.0**-6
# Of its size: a radius from which a new generator is solved anew. Only speed depends on it: 2^-28
# is usual in trained networks of six layers, and leaves nearly no sign open.
POOR = 2.0**-20
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
WORK_LIMIT = 1 << 20  # after so much work it returns, for its caller to look at the clock
ABOVE, BELOW = 1, 2  # where a generator is of the wall that cuts its cell; 0: on it
INFINITY = 0  # the facet slot that marks directions; no wall ever gets it
