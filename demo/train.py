"""Train the demo's network on the handwritten digits that scikit-learn ships.

    python demo/train.py        (needs scikit-learn; `make train` runs it)

The 64 pixels of a digit are reduced to its first four principal components, scaled to unit
variance; a 4-20-20-10 ReLU network tells the ten digits apart from those. Written to
``demo/network.npz``: ``W0, b0, W1, b1, W2, b2`` in float64, ``W`` of shape (out, in), and the
box ``lo, hi`` that holds all the digits, rounded outward to quarters.

Every step is seeded. Another BLAS may still change last bits, and so the number of regions:
that is why the trained network is kept under version control.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main() -> None:
    pixels, digit = load_digits(return_X_y=True)
    train, test, train_digit, test_digit = train_test_split(
        pixels, digit, test_size=0.25, stratify=digit, random_state=0
    )
    pca = PCA(4, whiten=True, svd_solver="full").fit(train)
    model = MLPClassifier((20, 20), alpha=1.0, max_iter=2000, random_state=0)
    model.fit(pca.transform(train), train_digit)

    inputs = pca.transform(pixels)
    arrays = {
        "lo": np.floor(inputs.min(axis=0) * 4) / 4,
        "hi": np.ceil(inputs.max(axis=0) * 4) / 4,
    }
    for k, (weight, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        arrays[f"W{k}"] = np.ascontiguousarray(weight.T, dtype=np.float64)
        arrays[f"b{k}"] = np.asarray(bias, dtype=np.float64)
    target = Path(__file__).with_name("network.npz")
    np.savez(target, **arrays)

    print(f"variance kept by four components: {pca.explained_variance_ratio_.sum():.1%}")
    print(f"accuracy: {model.score(pca.transform(train), train_digit):.1%} on {len(train)} digits")
    print(f"          {model.score(pca.transform(test), test_digit):.1%} on {len(test)} held out")
    print(f"box: {arrays['lo']} to {arrays['hi']}")
    print(f"written: {target}")


if __name__ == "__main__":
    main()
