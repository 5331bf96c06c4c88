"""Train a small classifier of digits with and without a term for space folding.

    python scripts/train_folding.py        (needs torch and scikit-learn; under a minute)

The table gives the exact chi of segments between test images of different classes, its mean and
the share of them that fold at all, and the accuracy on the test set, for some seeds. A positive
weight rewards folding, a negative one punishes it.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import polyrelu as pr
from polyrelu.torch_folding import folding_surrogate

WIDTHS = (64, 24, 24, 24, 10)
EPOCHS, BATCH, SEEDS, PAIRS = 30, 64, (0, 1, 2), 60
WEIGHTS = (0.0, 0.5, -0.5)

torch.set_num_threads(1)


def data() -> tuple[torch.Tensor, ...]:
    x, y = load_digits(return_X_y=True)
    parts = train_test_split(x / 16, y, test_size=0.3, random_state=0, stratify=y)
    x0, x1, y0, y1 = (torch.tensor(part) for part in parts)
    return x0.float(), y0, x1.float(), y1


def classifier(seed: int) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    parts: list[torch.nn.Module] = []
    for a, b in pairwise(WIDTHS):
        parts += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    return torch.nn.Sequential(*parts[:-1])


def train(model: torch.nn.Sequential, x: torch.Tensor, y: torch.Tensor, weight: float) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    chance = torch.Generator().manual_seed(0)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x), generator=chance).split(BATCH):
            loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
            if weight:
                other = rows.roll(1)
                differ = y[rows] != y[other]
                chi = folding_surrogate(model, x[rows][differ], x[other][differ], samples=16)
                loss = loss - weight * chi.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def between_classes(model: torch.nn.Sequential, x: torch.Tensor, y: torch.Tensor) -> list[Fraction]:
    """chi of segments between images of different classes, always the same ones."""
    network = pr.Network.from_torch(model)
    rng = np.random.default_rng(0)
    found = []
    while len(found) < PAIRS:
        i, j = rng.integers(len(x), size=2)
        if y[i] != y[j]:
            path = pr.activation_path(network, x[[i, j]].double().numpy())
            found.append(path.folding().chi)
    return found


def main() -> None:
    x0, y0, x1, y1 = data()
    print("| weight | seed | mean exact chi before | after | pairs that fold | accuracy |")
    print("|---:|---:|---:|---:|---:|---:|")
    before = {seed: between_classes(classifier(seed), x1, y1) for seed in SEEDS}
    for weight in WEIGHTS:
        for seed in SEEDS:
            model = classifier(seed)
            train(model, x0, y0, weight)
            after = between_classes(model, x1, y1)
            right = float((model(x1).argmax(dim=1) == y1).double().mean())
            fold = sum(chi > 0 for chi in after)
            means = [float(sum(values)) / len(values) for values in (before[seed], after)]
            print(f"| {weight} | {seed} | {means[0]:.3f} | {means[1]:.3f} | {fold} of {PAIRS} | "
                  f"{100 * right:.1f} % |")  # fmt: skip


if __name__ == "__main__":
    main()
