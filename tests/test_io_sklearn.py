"""``from_sklearn`` against scikit-learn's own predictions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from polyrelu.errors import NetworkError, UnsupportedLayerError
from polyrelu.network import Network

pytest.importorskip("sklearn")
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    StandardScaler,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) * [1, 10, 0.1] + [0, 5, 0]
Y = np.abs(X[:, 0]) - X[:, 1]


def fitted(model: Any, y: Any = Y) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few iterations do not converge, and need not
        return model.fit(X, y)


def mlp(**options: Any) -> MLPRegressor:
    return MLPRegressor(hidden_layer_sizes=(5, 4), max_iter=5, random_state=0, **options)


@pytest.mark.parametrize(
    "model",
    [
        mlp(),
        mlp(activation="identity"),
        make_pipeline(StandardScaler(), mlp()),
        make_pipeline(StandardScaler(with_std=False), mlp()),
        make_pipeline(StandardScaler(with_mean=False), mlp()),
        make_pipeline(MinMaxScaler((-2, 1)), mlp()),
        make_pipeline(MinMaxScaler(clip=True), "passthrough", mlp()),
        make_pipeline(MaxAbsScaler(), StandardScaler(), mlp()),
    ],
)
def test_regressors_agree(model: Any) -> None:
    network = Network.from_sklearn(fitted(model))
    points = np.concatenate([X, 3 * X])  # beyond the data, where clipping shows
    expected = model.predict(points)
    np.testing.assert_allclose(network(points)[:, 0], expected, rtol=1e-9, atol=1e-9)
    exact = network.exact(points[-1].tolist())[0]
    np.testing.assert_allclose(float(exact[0]), expected[-1], rtol=1e-9, atol=1e-9)
    assert network.notes == ()


def test_several_outputs() -> None:
    model = fitted(mlp(), np.stack([Y, -Y], 1))
    np.testing.assert_allclose(Network.from_sklearn(model)(X), model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_give_logits(classes: int) -> None:
    labels = np.digitize(Y, np.quantile(Y, np.arange(1, classes) / classes))
    model = fitted(MLPClassifier(hidden_layer_sizes=(5,), max_iter=5, random_state=0), labels)
    network = Network.from_sklearn(model)
    logits = network(X)
    assert logits.shape == (60, 1 if classes == 2 else 3)
    predicted = logits[:, 0] > 0 if classes == 2 else logits.argmax(1)
    assert np.array_equal(predicted.astype(int), model.predict(X))
    assert network.notes == (
        f"The output activation {model.out_activation_} is left off: the outputs are its inputs.",
    )


def test_standard_scaler_is_exact() -> None:
    model = fitted(make_pipeline(StandardScaler(), mlp()))
    first = Network.from_sklearn(model).layers[0].factors[0]
    assert first.divisor is not None
    assert np.array_equal(first.divisor, model[0].scale_)
    assert np.array_equal(first.bias, -model[0].mean_)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (mlp(), NetworkError, "MLPRegressor must be fitted"),
        (make_pipeline(StandardScaler(), mlp()), NetworkError, "must be fitted"),
        (fitted(mlp(activation="tanh")), UnsupportedLayerError, "not 'tanh'"),
        (fitted(mlp(activation="logistic")), UnsupportedLayerError, "not 'logistic'"),
        (LinearRegression(), UnsupportedLayerError, "not LinearRegression"),
        (object(), UnsupportedLayerError, "not object"),
        (
            fitted(make_pipeline(PolynomialFeatures(1), mlp())),
            UnsupportedLayerError,
            "not PolynomialFeatures",
        ),
    ],
)
def test_other_models_are_refused(model: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Network.from_sklearn(model)
