"""recover: the network behind a black box, layer by layer, and an honest word on how far it got."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..domain import Box
from ..errors import NetworkError
from ..interrupt import deferred_interrupt
from ..progress import Progress, reporter
from .oracle import Oracle, StoppedError
from .places import Places
from .result import Recovery, Verdict
from .search import Search


def recover(
    oracle: Any,
    input_dim: int,
    *,
    domain: Box | None = None,
    scale: float = 1.0,
    queries: int | None = None,
    seconds: float | None = None,
    layers: int = 4,
    batch: int = 4096,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Recovery:
    """The ReLU network that an oracle computes, from its outputs alone.

    Args:
        oracle: takes a float64 array of shape (n, input_dim), returns shape (n, outputs) or (n,);
            or a :class:`Network`, a torch module, a fitted scikit-learn regressor. The more
            digits its outputs have, the more the rows will have; float32 gives some 1e-4.
        input_dim: d.
        domain: a box to ask in (differences may reach a little over its sides); None: anywhere.
        scale: without a box, inputs are typically `scale` times a standard normal.
        queries, seconds: the budget; None is no bound.
        layers: hidden layers at most.
        batch: inputs in one call at most.
        seed: of the random places; the same seed asks the same queries.
        progress: True for a line on stderr, or a function called with (queries, seconds).

    Returns:
        A :class:`Recovery`. Its network is there only if it agreed with the oracle, within the
        noise, on many fresh inputs. What ends early, by the budget or by Ctrl-C, has the layers
        that were found. Equal are networks up to the order of a layer's neurons and
        positive factors of them.

    Raises:
        NetworkError: the oracle is no function, or its answers have wrong shapes or are not finite.
        DomainError: a domain that is not a box of this dimension.
        LimitsError: a budget that is not positive.

    Assumes fully connected ReLU layers and an affine output. Some 8 d queries a neuron of the first
    layer, and 20 times the width below a neuron of a deeper one. After Rolnick and Koerding,
    "Reverse-engineering deep ReLU networks", ICML 2020, and Carlini, Jagielski and Mironov,
    "Cryptanalytic extraction of neural network models", CRYPTO 2020. The lifted features, in which
    deeper walls are flat whatever the signs are: docs/recovery.md.
    """
    if not (isinstance(layers, int) and layers >= 1):
        raise NetworkError(f"layers must be a positive integer, not {layers!r}")
    with deferred_interrupt() as interrupted:
        asked = Oracle(
            oracle, input_dim, queries=queries, seconds=seconds, batch=batch,
            report=reporter(progress, "queries"), interrupted=interrupted,
        )  # fmt: skip
        places = Places(asked.input_dim, domain, scale)
        search = Search(asked, places, np.random.default_rng(seed), layers)
        return _as_far_as_it_comes(search)


def _as_far_as_it_comes(search: Search) -> Recovery:
    try:
        return search.run()
    except StoppedError as error:
        found = Verdict.PARTIAL if search.first.planes else Verdict.NOT_RECOVERED
        return search.result(found, str(error))
