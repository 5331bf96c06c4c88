"""What a recovery found, and what it may be called."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from ..network import Array, Network


class Verdict(Enum):
    """What is known of the black box."""

    EQUIVALENT = "equivalent on the domain (checked)"
    PARTIAL = "recovered in part"
    NOT_RECOVERED = "not recovered"


@dataclass(frozen=True)
class RecoveredLayer:
    """The neurons of one hidden layer that were recovered, in no particular order.

    Attributes:
        weight, bias: shapes (n, in) and (n,): rows of length 1, on the activations of the layer
            before as they are recovered.
        sign_known: shape (n,): where False the neuron may be relu(-y) instead of relu(y).
        weight_known: shape (n, in): where False no input that was seen shows the weight: the neuron
            is off wherever that input is positive, whatever the weight, or only a sum over several
            neurons is determined.
        residual: shape (n,): the greatest distance from a neuron's wall of a kink measured on it,
            in units of the input, before the polish.
        witnesses: shape (n,): how many kinks of its wall were measured.
    """

    weight: Array
    bias: Array
    sign_known: npt.NDArray[np.bool_]
    weight_known: npt.NDArray[np.bool_]
    residual: Array
    witnesses: Array

    def __len__(self) -> int:
        return len(self.bias)


@dataclass(frozen=True)
class Recovery:
    """The result of :func:`recover`.

    Attributes:
        verdict: what may be said of it.
        reasons: why no more, one sentence each.
        network: the network, if the verdict is EQUIVALENT; else None.
        layers: the hidden layers recovered, as far as they are.
        queries: inputs that the oracle was asked.
        seconds: wall time.
        noise: of the oracle's outputs, as measured at typical inputs.
        deviation: the greatest difference between oracle and network on fresh inputs, over the
            whole domain and next to every wall; None without a network.
        checked: how many fresh inputs those were.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    network: Network | None
    layers: tuple[RecoveredLayer, ...]
    queries: int
    seconds: float
    noise: float
    deviation: float | None = None
    checked: int = 0

    @property
    def widths(self) -> tuple[int, ...]:
        """The number of neurons recovered in each hidden layer."""
        return tuple(len(layer) for layer in self.layers)

    @property
    def headline(self) -> str:
        """The verdict, what it took, and how close the network comes."""
        line = (
            f"{self.verdict.value}: {self.queries:,} queries, {self.seconds:.2f} s, "
            f"noise {self.noise:.1e}"
        )
        if self.deviation is None:
            return line
        fresh = f"largest deviation on {self.checked:,} fresh inputs {self.deviation:.1e}"
        return f"{line}\n{fresh}"

    def __str__(self) -> str:
        lines = [self.headline, *(f"- {reason}" for reason in self.reasons)]
        if self.layers:
            lines.append(
                "layer  neurons  open signs  open weights  largest residual  least witnesses"
            )
        for k, layer in enumerate(self.layers):
            lines.append(
                f"{k:5d}  {len(layer):7d}  {int((~layer.sign_known).sum()):10d}  "
                f"{int((~layer.weight_known).sum()):12d}  "
                f"{layer.residual.max():16.1e}  {int(layer.witnesses.min()):15d}"
            )
        return "\n".join(lines)
