"""Cells without vertices: an interior point, rows, and one vertex to start linear programs from.

Where cells have many vertices, to hold them all is too much. A cell here is held by its rows
(walls with a side), a *witness* inside, and a *dictionary*: the rows as affine functions of the
slacks of d of them, at one vertex. Whether a wall cuts a cell is a linear program on it.

The dictionary is heuristic: it is updated in float64, drifts, and decides nothing. It proposes,
and each proposal is certified against the walls' own rows, with the bounds of :mod:`.kernel.signs`:

* a cut, by a float64 point certainly inside the cell and certainly on the wall's other side;
* no cut, by a dual solution: multipliers y, certainly positive, of d rows whose combination is
  the wall's form minus a constant, and that constant (its value where the rows meet) positive;
* a facet, by a float64 point certainly beyond that row and inside of all others, or by a vertex
  where certainly just d rows vanish: each of them is a facet there;
* a redundant row, as no cut.

A point beyond one row alone stays that when the cell is split, for the child on whose side it is:
the child needs no program for this facet (:func:`.cut.divide_facets`).

What cannot be certified is asked for: :mod:`polyrelu.engine.lp_answers` answers in integers.

*Levels.* A unit that is off hides its form from all later layers. With k units of layer m on, the
forms of layer m + 1 and after lie, but for their constants, in the span of k forms, V_m. A row's
level is the greatest m known of which its form is in V_m. If k rows of a basis are in V_m, they
span it: any other form of V_m is a combination of them alone, and the multipliers of the rest are
exactly 0, which no bound on rounding could tell.

*Facets by look-up.* Within one cell of the layer before, cells touch iff their signs differ on the
walls of one hyperplane. So which rows of the last layer are facets need not be asked here: they
are emitted as ``maybe``, and are facets if the region across is found (``assemble.py``).
"""

from __future__ import annotations

from .certificates import certainly_inside
from .names import (
    ALL,
    ALL_WALLS,
    BOUNDED,
    CANDIDATE,
    CUT,
    DEEPER,
    ENTER_LAYER,
    FACET,
    FREE,
    GUIDED,
    KEPT,
    N_SCALARS,
    NEED_BOUNDED,
    NEED_CUT,
    NEED_FACET,
    NEED_SIDE,
    PHASE,
    RAY,
    READY,
    ROW,
    SIDE,
    SPLITS,
    TOP,
    WORK,
    ZERO_FORM,
)
from .search import run_cells
from .single import follow, settle

__all__ = [
    "ALL",
    "ALL_WALLS",
    "BOUNDED",
    "CANDIDATE",
    "CUT",
    "DEEPER",
    "ENTER_LAYER",
    "FACET",
    "FREE",
    "GUIDED",
    "KEPT",
    "NEED_BOUNDED",
    "NEED_CUT",
    "NEED_FACET",
    "NEED_SIDE",
    "N_SCALARS",
    "PHASE",
    "RAY",
    "READY",
    "ROW",
    "SIDE",
    "SPLITS",
    "TOP",
    "WORK",
    "ZERO_FORM",
    "certainly_inside",
    "follow",
    "run_cells",
    "settle",
]
