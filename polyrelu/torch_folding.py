"""A differentiable stand-in for space folding, to add to a loss. Needs
``pip install polyrelu[torch]``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

from .errors import NetworkError
from .io._extras import require

LEAST_VARIATION = 1e-6  # below it a path counts as one that crosses nothing
# One threshold each, at 0.
_KINDS = (
    "ReLU", "LeakyReLU", "PReLU", "RReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish",
    "Softplus", "Tanh", "Sigmoid",
)  # fmt: skip


def folding_surrogate(
    model: Any,
    x: Any,
    y: Any,
    *,
    samples: int = 32,
    temperature: float = 0.1,
    kinds: Sequence[type] | None = None,
) -> Any:
    """How much the segments from x to y fold, softly: one number in [0, 1) for each pair.

    At ``samples`` points of a segment each unit's bit is ``sigmoid(z / temperature)``, the distance
    of two patterns is the sum of absolute differences, r1 is the greatest distance from the first
    one, r2 the sum of the distances of successive ones, and the result is ``1 - r1 / r2`` (0 where
    r2 is 0). For ReLU units it tends to chi of the segment as the temperature tends to 0 and then
    the samples to infinity. At any temperature it is 0 if every bit is monotone along the segment;
    a change that is soft counts for less. Gradients reach the parameters and x and y; that of r1
    is the gradient of the distance that is greatest.

    Args:
        model: a ``torch.nn.Module``; what enters its activation modules is listened to by hooks,
            also in convolutions and where a module is used twice. Activations that are functions
            in a ``forward`` are not seen. It runs in evaluation mode, whatever its mode, so that
            the points of segments do not reach the statistics of batch normalisation.
        x, y: floating-point tensors of shape ``(batch, *input)``.
        samples: points of each segment, 2 at least: the middles of as many equal parts.
        temperature: positive, in the units of pre-activations.
        kinds: classes of modules that count as units with a threshold at 0. Default those of
            torch.nn: ReLU, LeakyReLU, PReLU, RReLU, ELU, SELU, CELU, GELU, SiLU, Mish, Softplus,
            Tanh, Sigmoid.

    Returns:
        A tensor of shape (batch,). ``loss - weight * result.mean()`` encourages folding.

    The cost is that of the model on batch times samples inputs, forward and (for a gradient)
    backward; so is the memory.

    Raises:
        MissingExtraError: torch is not installed.
        NetworkError: no activation modules; x and y of other shapes or types; samples or
            temperature out of range; a model that mixes inputs of a batch.
    """
    torch = require("torch", "torch")
    _check(torch, model, x, y, samples, temperature)
    chosen = tuple(getattr(torch.nn, n) for n in _KINDS) if kinds is None else tuple(kinds)
    t = (torch.arange(samples, device=x.device, dtype=x.dtype) + 0.5) / samples
    t = t.reshape(-1, *[1] * x.dim())
    points = (x + t * (y - x)).reshape(-1, *x.shape[1:])
    distance, r2 = x.new_zeros(samples, len(x)), x.new_zeros(len(x))
    for bits in _soft_bits(torch, model, points, chosen, temperature):
        if len(bits) != len(points):
            raise NetworkError(
                f"an activation must get {len(points)} inputs, one for each point, not {len(bits)}"
            )
        bits = bits.reshape(samples, len(x), -1)
        distance = distance + (bits - bits[0]).abs().sum(dim=-1)
        r2 = r2 + (bits[1:] - bits[:-1]).abs().sum(dim=(0, -1))
    r1 = distance.amax(dim=0)
    return (r2 - r1).clamp_min(0) / r2.clamp_min(LEAST_VARIATION)


def _check(torch: Any, model: Any, x: Any, y: Any, samples: Any, temperature: Any) -> None:
    if not isinstance(model, torch.nn.Module):
        raise NetworkError(f"model must be a torch.nn.Module, not {type(model).__name__}")
    for name, value in (("x", x), ("y", y)):
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            raise NetworkError(f"{name} must be a tensor of floating-point numbers")
    if x.shape != y.shape or x.dim() < 2 or not len(x):
        shapes = f"{tuple(x.shape)} and {tuple(y.shape)}"
        raise NetworkError(f"x and y must have one shape (batch, *input), not {shapes}")
    if not isinstance(samples, Integral) or samples < 2:
        raise NetworkError(f"samples must be an integer of at least 2, not {samples!r}")
    if not isinstance(temperature, Real) or not 0 < float(temperature) < float("inf"):
        raise NetworkError(f"temperature must be positive, not {temperature!r}")


def _soft_bits(
    torch: Any, model: Any, points: Any, kinds: tuple[type, ...], temperature: float
) -> list[Any]:
    """Of each activation in the order of its use, a tensor with the batch first."""
    bits: list[Any] = []

    def listen(_module: Any, inputs: tuple[Any, ...]) -> None:
        # At once: an activation that works in place overwrites its input.
        bits.append(torch.sigmoid(inputs[0] / temperature))

    units = [module for module in model.modules() if isinstance(module, kinds)]
    with _hooked(units, listen), _evaluating(model):
        model(points)
    if not bits:
        names = ", ".join(kind.__name__ for kind in kinds)
        raise NetworkError(
            f"the model must use activation modules ({names}); functions in a forward are not seen"
        )
    return bits


@contextmanager
def _hooked(modules: list[Any], listen: Callable[..., None]) -> Iterator[None]:
    handles = [module.register_forward_pre_hook(listen) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """In evaluation mode, each module of the model back in its own mode afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
