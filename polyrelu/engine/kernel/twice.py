"""Twice the precision, where walls are an ulp or so apart.

Generators are solved and signs are taken once more, with two float64 numbers for each coordinate
of a point, x + low, and for each coefficient of a form. See docs/engine.md, "Twice the precision".

Seldom needed, so it is compiled apart, and calls all of its parts.
"""

from __future__ import annotations

import numpy as np

from .names import NEED_SIGNS
from .twice_signs import signs_twice
from .twice_witness import witness_twice


def answer_twice(program, stack, tables, block, status):
    """Answer in twice the precision what :func:`search` asks for by ``status``. 0 if that is too
    little. Compiled when float64 first leaves something open: see :func:`run`."""
    if status == NEED_SIGNS:
        return np.int64(signs_twice(program, stack, tables))
    return np.int64(witness_twice(program, stack, tables, block))
