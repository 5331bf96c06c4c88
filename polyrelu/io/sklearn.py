"""Networks from scikit-learn. Needs ``pip install polyrelu[sklearn]``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import activations
from ..errors import NetworkError, UnsupportedLayerError
from ..network import Array, Network
from ._extras import require
from .tape import Index, Tape


def from_sklearn(model: Any) -> Network:
    """The function of a fitted ``MLPClassifier`` or ``MLPRegressor``.

    Args:
        model: its activation must be ``relu`` or ``identity``. A ``Pipeline`` may put
            ``StandardScaler``, ``MinMaxScaler`` and ``MaxAbsScaler`` in front; they become
            exact factors, so the network takes the pipeline's raw inputs.

    A classifier's softmax or logistic output is left off (it moves no region boundary), so a
    binary classifier has one output, positive for the second class; ``notes`` says so.

    Raises:
        NetworkError: the model is not fitted, or not of these classes.
        UnsupportedLayerError: another activation, or another step in the pipeline.
        MissingExtraError: scikit-learn is not installed.
    """
    pipeline = require("sklearn.pipeline", "sklearn")
    steps = [model]
    if isinstance(model, pipeline.Pipeline):
        steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    if not steps:
        raise NetworkError("a pipeline must have at least one step")
    *scalers, mlp = steps
    _check_mlp(mlp)
    tape = Tape(len(mlp.coefs_[0]))
    x: Index = np.arange(len(mlp.coefs_[0]))
    for scaler in scalers:
        x = _scale(tape, scaler, x)
    return _layers(tape, mlp, x)


def _fitted(estimator: Any) -> None:
    exceptions = require("sklearn.exceptions", "sklearn")
    validation = require("sklearn.utils.validation", "sklearn")
    try:
        validation.check_is_fitted(estimator)
    except exceptions.NotFittedError:
        raise NetworkError(f"{type(estimator).__name__} must be fitted first") from None


def _check_mlp(mlp: Any) -> None:
    neural = require("sklearn.neural_network", "sklearn")
    if not isinstance(mlp, neural.MLPClassifier | neural.MLPRegressor):
        raise UnsupportedLayerError(
            f"a model must be an MLPClassifier or MLPRegressor, not {type(mlp).__name__}"
        )
    _fitted(mlp)
    if mlp.activation not in ("relu", "identity"):
        raise UnsupportedLayerError(
            f"the activation must be 'relu' or 'identity', not {mlp.activation!r}: "
            "it is not piecewise affine"
        )
    if mlp.out_activation_ not in ("identity", "softmax", "logistic"):
        raise UnsupportedLayerError(
            f"the output activation must be identity, softmax or logistic, "
            f"not {mlp.out_activation_!r}"
        )


def _layers(tape: Tape, mlp: Any, x: Index) -> Network:
    last = len(mlp.coefs_) - 1
    for k, (weight, bias) in enumerate(zip(mlp.coefs_, mlp.intercepts_, strict=True)):
        x = tape.matmul(x, _array(weight), _array(bias))
        if k < last and mlp.activation == "relu":
            tape.activate([("x", x, [activations.relu()] * x.size)])
            x = tape.tensors.pop("x")
    if mlp.out_activation_ != "identity":
        tape.notes.append(
            f"The output activation {mlp.out_activation_} is left off: the outputs are its inputs."
        )
    return tape.finish([x])


def _array(value: npt.ArrayLike) -> Array:
    return np.asarray(value, dtype=np.float64)


def _scale(tape: Tape, scaler: Any, x: Index) -> Index:
    """What ``scaler.transform`` computes, without its rounding."""
    scalers = require("sklearn.preprocessing", "sklearn")
    kind = type(scaler)
    if kind not in (scalers.StandardScaler, scalers.MinMaxScaler, scalers.MaxAbsScaler):
        raise UnsupportedLayerError(
            "a step before the network must be StandardScaler, MinMaxScaler or MaxAbsScaler, "
            f"not {kind.__name__}"
        )
    _fitted(scaler)
    if kind is scalers.MinMaxScaler:
        x = tape.elementwise(x, scale=_array(scaler.scale_), shift=_array(scaler.min_))
        if not scaler.clip:
            return x
        return _clip(tape, x, *scaler.feature_range)
    if getattr(scaler, "clip", False):  # MaxAbsScaler has it in later versions
        return _clip(tape, _divide(tape, scaler, x), -1, 1)
    if kind is scalers.StandardScaler and scaler.with_mean:
        x = tape.elementwise(x, shift=-_array(scaler.mean_))
    return _divide(tape, scaler, x)


def _divide(tape: Tape, scaler: Any, x: Index) -> Index:
    return x if scaler.scale_ is None else tape.elementwise(x, divisor=_array(scaler.scale_))


def _clip(tape: Tape, x: Index, low: float, high: float) -> Index:
    tape.activate([("x", x, [activations.hard_tanh(low, high)] * x.size)])
    return tape.tensors.pop("x")
