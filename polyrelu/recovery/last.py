"""The affine output in the lifted features, by least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Array
from .lifted import Known
from .oracle import Oracle
from .places import Places


@dataclass(frozen=True)
class Output:
    """The outputs as affine functions of the features (|y|, h).

    Attributes:
        c, linear, constant: shapes (output_dim, n), (output_dim, inputs of the layer) and
            (output_dim,).
        misfit: the greatest deviation on points that the fit has not seen.
        size: the greatest deviation of the outputs from their mean.
    """

    c: Array
    linear: Array
    constant: Array
    misfit: float
    size: float


def fit_output(oracle: Oracle, places: Places, known: Known, rng: np.random.Generator) -> Output:
    """Fit to some 3 samples for each feature, judge on half as many others."""
    n = 3 * known.n_features + 20
    x = places.points(n + n // 2, rng)
    y = oracle(x)
    features = known.features(x)
    center, mean = features[:n].mean(axis=0), y[:n].mean(axis=0)
    spread = np.maximum(np.abs(features[:n] - center).max(axis=0), np.finfo(float).tiny)
    design = (features - center) / spread
    solution = np.linalg.lstsq(design[:n], y[:n] - mean, rcond=1e-12)[0]
    misfit = float(np.abs(design[n:] @ solution + mean - y[n:]).max())
    coefficients = (solution / spread[:, None]).T
    constant = mean - coefficients @ center
    c, linear = np.split(coefficients, [known.n_top], axis=1)
    return Output(c, linear, constant, misfit, float(np.abs(y - mean).max()))
