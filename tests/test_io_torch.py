"""``from_torch`` against torch itself, in float64."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from polyrelu.activations import leaky_relu
from polyrelu.errors import NetworkError, UnsupportedLayerError
from polyrelu.network import Network

torch = pytest.importorskip("torch")
nn = torch.nn


def settled(module: Any) -> Any:
    """In float64, in evaluation mode, with statistics that are not trivial."""
    generator = torch.Generator().manual_seed(3)
    module = module.double().eval()
    for part in module.modules():
        if getattr(part, "running_mean", None) is not None:
            part.running_mean.uniform_(-1, 1, generator=generator)
            part.running_var.uniform_(0.5, 2, generator=generator)
            if part.affine:
                part.weight.data.uniform_(-1, 1, generator=generator)
                part.bias.data.uniform_(-1, 1, generator=generator)
    return module


def assert_agrees(module: Any, shape: tuple[int, ...], network: Network) -> None:
    """torch, the float pass and the rational pass give the same outputs."""
    x = torch.randn(6, *shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    with torch.no_grad():
        expected = module(2 * x).reshape(6, -1).numpy()
    flat = (2 * x).reshape(6, -1).numpy()
    np.testing.assert_allclose(network(flat), expected, rtol=1e-9, atol=1e-9)
    exact = [float(v) for v in network.exact(flat[0].tolist())[0]]
    np.testing.assert_allclose(exact, expected[0], rtol=1e-9, atol=1e-9)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    "unit",
    [
        lambda: nn.ReLU(inplace=True),
        lambda: nn.LeakyReLU(0.2),
        lambda: nn.PReLU(),
        lambda: nn.PReLU(4),
        lambda: nn.ReLU6(),
        lambda: nn.Hardtanh(-0.5, 0.75),
        lambda: nn.Hardsigmoid(),
        lambda: nn.Threshold(0.25, 0.25),
        lambda: nn.Softshrink(0.3),
        lambda: nn.Softshrink(0.0),
        lambda: nn.Identity(),
        lambda: nn.Dropout(0.5),
        lambda: nn.BatchNorm1d(4),
        lambda: nn.BatchNorm1d(4, affine=False),
    ],
)
def test_elementwise_modules(unit: Callable[[], Any]) -> None:
    module = settled(nn.Sequential(nn.Linear(3, 4), unit(), nn.Linear(4, 2, bias=False)))
    assert_agrees(module, (3,), Network.from_torch(module))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: nn.Conv2d(2, 3, 3), (2, 5, 4)),
        (lambda: nn.Conv2d(2, 4, (2, 3), stride=(2, 1), padding=(1, 2), groups=2), (2, 5, 4)),
        (lambda: nn.Conv2d(1, 2, 2, dilation=(2, 3), bias=False), (1, 5, 6)),
        (lambda: nn.Conv2d(1, 2, (2, 3), padding="same", dilation=(1, 2)), (1, 5, 6)),
        (lambda: nn.Conv2d(1, 2, 2, padding="valid"), (1, 3, 3)),
        (lambda: nn.Conv1d(3, 2, 2, stride=3, padding=1), (3, 7)),
        (lambda: nn.AvgPool2d(2), (2, 5, 4)),
        (lambda: nn.AvgPool2d((3, 2), stride=2, padding=1), (2, 5, 4)),
        (lambda: nn.AvgPool2d(3, padding=1, count_include_pad=False), (1, 5, 4)),
        (lambda: nn.AvgPool2d(2, divisor_override=3), (1, 4, 4)),
        (lambda: nn.AvgPool1d(2, ceil_mode=True), (2, 6)),
        (lambda: nn.AdaptiveAvgPool2d((2, None)), (2, 6, 3)),
        (lambda: nn.AdaptiveAvgPool1d(3), (2, 6)),
        (lambda: nn.BatchNorm2d(2), (2, 3, 2)),
        (lambda: nn.PReLU(2), (2, 3, 2)),
        (lambda: nn.Linear(4, 3), (2, 3, 4)),
        (lambda: nn.Unflatten(2, (2, 3)), (2, 6)),
        (lambda: nn.Unflatten(-1, (2, 3)), (2, 6)),
        (lambda: nn.Flatten(2), (2, 3, 2)),
        (lambda: nn.Flatten(1, -2), (2, 3, 2)),
    ],
)
def test_modules_with_shapes(layer: Callable[[], Any], shape: tuple[int, ...]) -> None:
    module = settled(nn.Sequential(layer(), nn.ReLU()))
    assert_agrees(module, shape, Network.from_torch(module, shape))


def test_nested_network_of_everything() -> None:
    block = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
    tail = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3), nn.Softmax(1))
    module = settled(nn.Sequential(block, nn.AvgPool2d(2), tail))
    network = Network.from_torch(module, (2, 8, 8))
    assert network.widths == (128, 256, 3)
    assert network.notes == ("2.3 (Softmax) at the end is left off: the outputs are its inputs.",)
    tail[3] = nn.Identity()
    assert_agrees(module, (2, 8, 8), network)


def test_conv_bias_and_batch_norm_make_no_rounding_merge() -> None:
    """A bias that is already there must not absorb another in float64."""
    module = settled(nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)))
    linear, norm = module
    network = Network.from_torch(module)
    w, b, mean = (Fraction(t.item()) for t in (linear.weight, linear.bias, norm.running_mean))
    from polyrelu.io.tape import batch_norm_scale

    scale = batch_norm_scale(norm.weight.detach().numpy(), norm.running_var.numpy(), norm.eps)
    expected = (w * 3 + b - mean) * Fraction(scale[0]) + Fraction(norm.bias.item())
    assert network.exact([3])[0] == (expected,)


def test_batch_norm_scale_is_the_nearest_float() -> None:
    from polyrelu.io.tape import batch_norm_scale

    rng = np.random.default_rng(2)
    gamma, variance = rng.normal(size=200) * 1e3, rng.random(200) ** 9
    for g, v, s in zip(gamma, variance, batch_norm_scale(gamma, variance, 1e-5), strict=True):
        square = Fraction(g) ** 2 / (Fraction(v) + Fraction(1e-5))
        low, high = (
            (Fraction(abs(s)) + Fraction(float(np.nextafter(abs(s), to)))) / 2 for to in (0, np.inf)
        )
        assert low**2 <= square <= high**2
        assert np.sign(s) == np.sign(g)
    assert batch_norm_scale(np.array([3.0, 0.0]), np.array([0.25, 0.0]), 2.0).tolist()[0] == 2.0
    with pytest.raises(NetworkError, match="must be positive"):
        batch_norm_scale(np.ones(1), np.array([-1.0]), 1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_parameters_are_widened_exactly(dtype: Any) -> None:
    linear = nn.Linear(2, 2).to(dtype)
    factor = Network.from_torch(linear).layers[0].factors[0]
    for i in range(2):
        assert factor.bias[i] == linear.bias[i].item()
        assert factor.weight[i].tolist() == linear.weight[i].tolist()


def test_slopes_are_per_channel() -> None:
    module = nn.Sequential(nn.PReLU(2))
    module[0].weight.data[:] = torch.tensor([0.5, 0.25])
    units = Network.from_torch(module, (2, 3)).layers[0].units
    assert list(units) == [leaky_relu(0.5)] * 3 + [leaky_relu(0.25)] * 3


def test_training_mode_is_noted() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    assert "training mode" in Network.from_torch(module).notes[0]


class Doubled(nn.Module):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return 2 * x


class Renamed(nn.Linear):  # type: ignore[misc]
    """Computes what its base computes."""


class Bent(nn.Linear):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return super().forward(x) ** 2


class Reordered(nn.Sequential):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            nn.Sequential(nn.Linear(2, 2), nn.GELU()),
            r"^1 \(GELU\) is not supported: it is not piecewise linear",
        ),
        (nn.Sequential(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))), r"^0\.1 \(MaxPool2d\)"),
        (nn.Sequential(Doubled()), r"0 \(Doubled\) .*unknown"),
        (Doubled(), r"the module \(Doubled\)"),
        (nn.Sequential(Bent(2, 2)), r"0 \(Bent\)"),
        (Reordered(nn.Linear(2, 2)), r"the module \(Reordered\)"),
        (nn.ModuleList([nn.Linear(2, 2)]), "ModuleList"),
        (nn.Sequential(nn.Linear(2, 2), nn.Threshold(0.0, 1.0)), "the function would jump"),
        (nn.Sequential(nn.Softmax(1), nn.Linear(2, 2)), r"only at the very end, not before 1"),
        (nn.Sequential(nn.Linear(2, 2), nn.Flatten(0)), "leave the batch dimension alone"),
    ],
)
def test_unknown_modules_are_refused_by_position(module: Any, message: str) -> None:
    with pytest.raises(UnsupportedLayerError, match=message):
        Network.from_torch(module, (2,))


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (nn.Conv2d(1, 1, 2, padding_mode="circular", padding=1), (1, 4, 4), "with zeros"),
        (nn.AvgPool2d(2, ceil_mode=True), (1, 5, 4), "ceil_mode must be False"),
        (nn.AdaptiveAvgPool2d(3), (1, 4, 6), "must divide the input"),
        (nn.BatchNorm1d(2, track_running_stats=False), (2,), "track_running_stats must be True"),
        (nn.Conv2d(2, 1, 2), (1, 4, 4), "does not fit 1 channels"),
        (nn.Conv2d(1, 1, 5), (1, 4, 4), "does not fit into"),
        (nn.Conv2d(1, 1, 2), (16,), "of 3 dimensions"),
        (nn.Linear(3, 1), (4,), "must end in 3 features"),
        (nn.Linear(3, 1), (0,), "must be positive"),
        (nn.Conv2d(1, 1, 2), None, r"\(Conv2d\) comes first, so input_shape"),
        (nn.ReLU(), None, "input_shape must be given"),
        (nn.Sequential(), None, "at least one module"),
        (nn.LazyLinear(3), (2,), "no data yet"),
        (nn.Linear(2, 2, device="meta"), (2,), "no data yet"),
        (nn.Linear(2, 2, dtype=torch.complex64), (2,), "must be floating point"),
        ("a path", None, "must be a torch.nn.Module, not str"),
        (nn.Conv2d(1, 100, 1), (1, 400, 400), "at most 50000000 entries"),
    ],
)
def test_unusable_networks_are_refused(module: Any, shape: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Network.from_torch(module, shape)


def test_nan_is_refused() -> None:
    linear = nn.Linear(2, 2)
    linear.weight.data[0, 1] = float("nan")
    with pytest.raises(NetworkError, match=r"\(Linear\): weight must be finite"):
        Network.from_torch(linear)


def test_what_computes_otherwise_is_refused() -> None:
    assert Network.from_torch(nn.Sequential(Renamed(2, 2))).widths == (2, 2)
    hooked = nn.Sequential(nn.Linear(2, 2))
    hooked[0].register_forward_hook(lambda *_: None)
    with pytest.raises(UnsupportedLayerError, match=r"0 \(Linear\) must not have forward hooks"):
        Network.from_torch(hooked)
    patched = nn.Linear(2, 2)
    patched.forward = lambda x: x
    with pytest.raises(UnsupportedLayerError, match="unknown"):
        Network.from_torch(patched)


def test_a_convolution_is_injective_as_the_matrix_that_it_is():
    """Kernels and their opposites, on inputs of 3 x 3; by the kernels alone, of any size."""
    from polyrelu import Space, is_convolution_injective, is_injective

    torch.manual_seed(0)
    conv = nn.Conv2d(1, 8, 2, padding=1, bias=False)
    with torch.no_grad():
        conv.weight[4:] = -conv.weight[:4]
    network = Network.from_torch(nn.Sequential(conv, nn.ReLU()), (1, 3, 3))
    assert is_injective(network, Space(9)).proved
    assert is_convolution_injective(conv.weight.detach().numpy()).proved
    with torch.no_grad():
        conv.weight[7] = conv.weight[3]
    network = Network.from_torch(nn.Sequential(conv, nn.ReLU()), (1, 1, 1))
    assert is_injective(network, Space(1)).proved
