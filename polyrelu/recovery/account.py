"""What a search found, in words and as layers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .first_layer import FirstLayer
from .lifted import Rows
from .next_layer import NextLayer
from .result import RecoveredLayer

Bools = npt.NDArray[np.bool_]

_COARSE = 1e-9  # noise that is more than the rounding of float64
_NAMED = 6  # neurons, before the rest is dots


def recovered_layers(
    first: FirstLayer,
    deeper: list[NextLayer],
    rows: tuple[Rows, ...],
    signs: list[Bools],
    weights: list[Bools],
) -> tuple[RecoveredLayer, ...]:
    """Rows with how far they were confirmed.

    Args:
        rows: of each hidden layer, perhaps with a pair at the end that carries an affine part.
        signs, weights: which signs of each layer are known, and which weights; layers that are not
            in the lists: no sign, every weight.
    """
    if not first.planes:
        return ()
    measured = [([p.error for p in first.planes], [p.witnesses for p in first.planes])]
    for layer in deeper:
        seen = layer.neurons
        measured.append(([n.residual for n in seen], [len(n.points) for n in seen]))
    out = []
    for k, ((weight, bias), (error, count)) in enumerate(zip(rows, measured, strict=False)):
        n = len(error)
        known = signs[k] if k < len(signs) else np.zeros(n, dtype=bool)
        shown = weights[k] if k < len(weights) else np.ones(weight.shape, dtype=bool)
        out.append(
            RecoveredLayer(
                weight[:n], bias[:n], known[:n], shown[:n], np.array(error), np.array(count)
            )
        )
    return tuple(out)


def provisos(signs: list[Bools], weights: list[Bools], noise: float) -> list[str]:
    """What the outputs do not tell of the rows.

    Args:
        noise: relative to the outputs.
    """
    out = []
    if noise > _COARSE:
        out.append(
            f"the noise is {noise:.0e} of the outputs: it hides weak kinks, rows are as inexact, "
            "and a neuron may be there twice"
        )
    for k, known in enumerate(signs):
        if not known.all():
            out.append(
                f"layer {k}: the signs of neurons {_named(np.flatnonzero(~known))} are open: other "
                "functions of the layer below make up for them (a neuron that is always on, or "
                "more neurons than equations)"
            )
    for k, shown in enumerate(weights):
        pairs = np.argwhere(~shown)
        if len(pairs):
            first = ", ".join(f"{i} on input {j}" for i, j in pairs[:_NAMED])
            more = ", ..." if len(pairs) > _NAMED else ""
            out.append(
                f"layer {k}: no input seen shows {len(pairs)} weights (of neuron {first}{more}): "
                "the neuron is off wherever that input is positive, or shares it with others that "
                "are on there"
            )
    return out


def reasons(first: FirstLayer, deeper: list[NextLayer], disagreement: str | None) -> list[str]:
    """Why a search ended before the outputs were explained."""
    last = deeper[-1] if deeper else None
    others = len(last.others if last else first.others)
    found = f"{1 + len(deeper)} hidden layer{'s' if deeper else ''} found"
    if not first.planes:
        found = "inputs, and no first layer was found"
    out = [
        f"the outputs are not affine in the {found}; kinks that belong to no neuron found: {others}"
    ]
    if last and last.partial:
        out.append(
            f"layer {len(deeper)}: {len(last.partial)} walls meet too few walls of the layers "
            "below to be followed to the end"
        )
    if first.unclear:
        out.append(f"{first.unclear} places had kinks too close to be told apart")
    if disagreement:
        out.append(disagreement)
    return out


def _named(indices: npt.NDArray[np.intp]) -> str:
    more = ", ..." if len(indices) > _NAMED else ""
    return ", ".join(map(str, indices[:_NAMED])) + more
