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

Modules build on those before them: names, bits; signs, points, cache, forms; their twins in twice
the precision (twice_*); generators, cut, children; matches, regions; search.
"""

from __future__ import annotations

from .names import (
    BLOCK_FULL,
    CONTINUE,
    DECIDE,
    DONE,
    ENTER_LAYER,
    GROW_ATTACHED,
    GROW_FACETS,
    GROW_POOL,
    GROW_STACK,
    GROW_VERTICES,
    GROWING,
    GUIDED,
    INFINITY,
    LOST,
    N_SCALARS,
    NEED_ROWS,
    NEED_SIGNS,
    NEED_WITNESS,
    NEXT_ID,
    PAUSE,
    PHASE,
    READY,
    SPLITS,
    TOP,
    UNIT,
    WORK,
    WORK_LIMIT,
)
from .search import run
from .twice import answer_twice

__all__ = [
    "BLOCK_FULL",
    "CONTINUE",
    "DECIDE",
    "DONE",
    "ENTER_LAYER",
    "GROWING",
    "GROW_ATTACHED",
    "GROW_FACETS",
    "GROW_POOL",
    "GROW_STACK",
    "GROW_VERTICES",
    "GUIDED",
    "INFINITY",
    "LOST",
    "NEED_ROWS",
    "NEED_SIGNS",
    "NEED_WITNESS",
    "NEXT_ID",
    "N_SCALARS",
    "PAUSE",
    "PHASE",
    "READY",
    "SPLITS",
    "TOP",
    "UNIT",
    "WORK",
    "WORK_LIMIT",
    "answer_twice",
    "run",
]
