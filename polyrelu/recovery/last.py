"""The affine output in the lifted features, by least squares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Array
from .lifted import Known
from .oracle import Oracle
from .places import Places

_JUDGES = 1000  # samples that judge: a neuron that few inputs switch is not to be overlooked
_FITS = 1e-6  # a misfit that rounding in the rows explains


@dataclass(frozen=True)
class Output:
    """The outputs as affine functions of the features (|y|, h).

    Attributes:
        c: shape (output_dim, n), the coefficients of |y|.
        points, values: the samples, shapes (s, d) and (s, output_dim).
        fits: is the deviation on points that the fit has not seen small beside the outputs?
        worst: shape (d,), the point of them at which it is greatest.
        misfit: that deviation, relative to the size of the outputs there.
    """

    c: Array
    points: Array
    values: Array
    worst: Array
    misfit: float

    @property
    def fits(self) -> bool:
        return self.misfit <= _FITS


def fit_output(oracle: Oracle, places: Places, known: Known, rng: np.random.Generator) -> Output:
    """Fit to some 6 samples for each feature, judge on others.

    Samples far out weigh less, as their noise is greater.
    """
    n = 6 * known.n_features + 30
    x = places.mixed(n + _JUDGES, rng)
    y = oracle(x)
    weight = oracle.typical_noise / oracle.noise(x)[:, None]
    design = weight * np.concatenate([known.features(x), np.ones((len(x), 1))], axis=1)
    spread = np.maximum(np.abs(design[:n]).max(axis=0), np.finfo(float).tiny)
    solution = np.linalg.lstsq(design[:n] / spread, weight[:n] * y[:n], rcond=1e-13)[0]
    off = np.abs(design[n:] / spread @ solution - weight[n:] * y[n:]).max(axis=1)
    size = np.abs(weight * (y - np.median(y, axis=0))).max()
    c = (solution / spread[:, None]).T[:, : known.n_top]
    worst = x[n + int(np.argmax(off))]
    return Output(c, x, y, worst, float(off.max() / size) if size > 0 else 0.0)
