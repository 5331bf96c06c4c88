"""The differentiable stand-in for folding: against exact patterns, and finite differences."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import polyrelu as pr
from polyrelu import NetworkError
from polyrelu.torch_folding import folding_surrogate

torch = pytest.importorskip("torch")
nn = torch.nn


def mlp(*widths: int, unit=nn.ReLU, seed: int = 0):
    torch.manual_seed(seed)
    parts = []
    for a, b in pairwise(widths):
        parts += [nn.Linear(a, b), unit()]
    return nn.Sequential(*parts[:-1]).double()


def exact_chi(model, x, y, shape=None) -> Fraction:
    """By the regions of the segment, in order."""
    graph = pr.regions(pr.Network.from_torch(model, shape), pr.segment(x.ravel(), y.ravel()))
    patterns = graph.patterns[sorted(range(len(graph)), key=lambda i: graph.exact_point(i)[0])]
    r1 = int((patterns != patterns[0]).sum(axis=1).max())
    r2 = int((patterns[1:] != patterns[:-1]).sum())
    return 1 - Fraction(r1, r2) if r2 else Fraction(0)


def ends(*shape: int, seed: int = 1):
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(2, *shape, generator=generator, dtype=torch.float64)).unbind()


@pytest.mark.parametrize("seed", range(4))
def test_it_tends_to_the_exact_chi(seed):
    model = mlp(2, 10, 10, 10, 1, seed=seed)
    x, y = ends(5, 2, seed=seed)
    with torch.no_grad():
        soft = folding_surrogate(model, x, y, samples=20_000, temperature=1e-9)
    exact = [exact_chi(model, a.numpy(), b.numpy()) for a, b in zip(x, y, strict=True)]
    assert any(exact)
    np.testing.assert_allclose(soft.numpy(), [float(v) for v in exact], atol=1e-6)


def test_known_values_depend_on_the_direction():
    """Three neurons on a line: 1/4 there, 1/2 back."""
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1), nn.ReLU()).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [1.0]]))
        model[0].bias.copy_(torch.tensor([0.0, -1.0]))
        model[2].weight.copy_(torch.tensor([[1.0, -2.0]]))
        model[2].bias.copy_(torch.tensor([-0.5]))
    x, y = torch.tensor([[-1.0], [3.0]]).double(), torch.tensor([[3.0], [-1.0]]).double()
    found = folding_surrogate(model, x, y, samples=1000, temperature=1e-6)
    np.testing.assert_allclose(found.detach().numpy(), [0.25, 0.5], atol=1e-9)


def test_one_layer_does_not_fold_at_any_temperature():
    x, y = ends(8, 3)
    for temperature in (1e-3, 0.3, 10.0):
        found = folding_surrogate(mlp(3, 40, 2), x, y, temperature=temperature)
        assert found.abs().max() < 1e-12


@pytest.mark.parametrize("unit", [nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh])
def test_gradients_by_finite_differences(unit):
    model = mlp(2, 6, 6, 1, unit=unit)
    x, y = ends(3, 2)

    def surrogate(first, x, y):
        weights = dict(model.named_parameters()) | {"0.weight": first}

        class Called(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, points):
                return torch.func.functional_call(self.model, weights, (points,))

        return folding_surrogate(Called(), x, y, samples=9, temperature=0.7)

    inputs = [v.detach().clone().requires_grad_() for v in (model[0].weight, x, y)]
    assert surrogate(*inputs).max() > 0.01
    assert torch.autograd.gradcheck(surrogate, inputs, eps=1e-7, atol=1e-5)


def test_descent_on_it_changes_the_exact_chi():
    model, (x, y) = mlp(2, 10, 10, 10, 1), ends(12, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def mean() -> float:
        pairs = zip(x.numpy(), y.numpy(), strict=True)
        return float(sum(exact_chi(model, a, b) for a, b in pairs)) / len(x)

    before = mean()
    for _ in range(60):
        optimizer.zero_grad()
        (-folding_surrogate(model, x, y, samples=24).mean()).backward()
        optimizer.step()
    assert mean() > before + 0.1


def test_convolutions_units_in_place_and_used_twice():
    torch.manual_seed(0)
    shared = nn.ReLU(inplace=True)
    convolutions = nn.Conv2d(1, 3, 3), shared, nn.Conv2d(3, 2, 2), nn.ReLU(inplace=True)
    dense = nn.Flatten(), nn.Linear(8, 6), shared, nn.Linear(6, 2)
    model = nn.Sequential(*convolutions, *dense).double()
    apart = nn.Sequential(*(nn.ReLU() if isinstance(part, nn.ReLU) else part for part in model))
    x, y = ends(3, 1, 5, 5)
    with torch.no_grad():
        soft = folding_surrogate(model, x, y, samples=20_000, temperature=1e-9)
    exact = [exact_chi(apart, a.numpy(), b.numpy(), (1, 5, 5)) for a, b in zip(x, y, strict=True)]
    assert any(exact)
    np.testing.assert_allclose(soft.numpy(), [float(v) for v in exact], atol=1e-6)
    folding_surrogate(model, x, y).sum().backward()
    assert all(p.grad is not None for p in list(model.parameters())[:-2])


def test_nothing_of_the_model_is_changed():
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5),
                          nn.Linear(8, 4), nn.ReLU()).double()  # fmt: skip
    model[3].eval()
    before = [v.clone() for v in model.state_dict().values()]
    x, y = ends(6, 3)
    first, second = folding_surrogate(model, x, y), folding_surrogate(model, x, y)
    assert torch.equal(first, second)
    assert all(map(torch.equal, before, model.state_dict().values()))
    assert [part.training for part in model] == [True, True, True, False, True, True]
    assert not any(part._forward_pre_hooks for part in model)

    class Broken(nn.Sequential):
        def forward(self, points):
            super().forward(points)
            raise RuntimeError

    broken = Broken(*model)
    with pytest.raises(RuntimeError):
        folding_surrogate(broken, x, y)
    assert not any(part._forward_pre_hooks for part in broken)
    assert broken.training


def test_paths_that_cross_nothing_are_zero_with_gradients_that_are_finite():
    model = mlp(2, 4, 4, 1)
    with torch.no_grad():
        for part in model[::2]:
            part.weight.zero_()
    x, y = (v.requires_grad_() for v in ends(3, 2))
    for start, end in ((x, y), (x, x)):
        found = folding_surrogate(model, start, end)
        assert (found == 0).all()
        found.sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in [*model[:3].parameters(), x])


def test_bad_requests_are_named():
    model, (x, y) = mlp(2, 3, 1), ends(4, 2)
    for args, more, words in (
        ((model, x, y[:3]), {}, "one shape"),
        ((model, x[0], y[0]), {}, "batch"),
        ((model, x[:0], y[:0]), {}, "batch"),
        ((model, x.numpy(), y), {}, "x must be a tensor"),
        ((model, x, y.long()), {}, "y must be a tensor of floating"),
        ((model, x, y), {"samples": 1}, "at least 2"),
        ((model, x, y), {"samples": 2.5}, "integer"),
        ((model, x, y), {"temperature": 0}, "positive"),
        ((model, x, y), {"temperature": float("nan")}, "positive"),
        ((nn.Linear(2, 3).double(), x, y), {}, "activation modules"),
        ((model, x, y), {"kinds": [nn.GELU]}, "GELU"),
        ((nn.Sequential(nn.Flatten(0), nn.ReLU()), x, y), {}, "one for each point"),
        ((lambda v: v, x, y), {}, "nn.Module"),
    ):
        with pytest.raises(NetworkError, match=words):
            folding_surrogate(*args, **more)


def test_the_package_does_not_import_torch():
    code = "import sys, polyrelu.torch_folding; print('torch' in sys.modules)"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout.split() == ["False"]
