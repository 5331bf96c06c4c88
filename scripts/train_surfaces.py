"""Train the 3-16-16-1 networks in demo/surfaces/, whose decision boundaries should be surfaces.

    python scripts/train_surfaces.py        (needs torch)

Each learns the signed distance to a surface, cut off at +-0.2, half of the samples being near the
surface; seeds are tried in turn until the Betti numbers of the boundary, exactly, are those of the
surface. Another version of torch may take other seeds: that is why the networks are kept under
version control.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import polyrelu as pr

FOLDER = Path(__file__).parent.parent / "demo" / "surfaces"
STEPS, BATCH, POOL, CUT = 8000, 1024, 400_000, 0.2
SIDE = 2.0

Distance = Callable[[torch.Tensor], torch.Tensor]


def sphere(centre: float, radius: float) -> Distance:
    """Around a point of the first axis."""
    return lambda x: (x - torch.tensor([centre, 0.0, 0.0])).norm(dim=1) - radius


def ring(centre: float, radius: float, tube: float, axis: int) -> Distance:
    """A torus around a circle whose centre is on the first axis."""

    def distance(x: torch.Tensor) -> torch.Tensor:
        y = x - torch.tensor([centre, 0.0, 0.0])
        in_plane = y[:, [k for k in range(3) if k != axis]].norm(dim=1)
        return torch.stack([in_plane - radius, y[:, axis]]).norm(dim=0) - tube

    return distance


def union(first: Distance, second: Distance) -> Distance:
    return lambda x: torch.minimum(first(x), second(x))


SURFACES: dict[str, tuple[Distance, tuple[int, ...]]] = {
    "sphere": (sphere(0.0, 0.9), (1, 0, 1, 0)),
    "torus": (ring(0.0, 1.2, 0.45, 2), (1, 2, 1, 0)),
    "two_spheres": (union(sphere(-0.95, 0.6), sphere(0.95, 0.6)), (2, 0, 2, 0)),
    "linked_rings": (union(ring(-0.5, 1.0, 0.3, 2), ring(0.5, 1.0, 0.3, 1)), (2, 4, 2, 0)),
}


def trained(surface: Distance, seed: int) -> torch.nn.Sequential:
    chance = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.ReLU(),
        torch.nn.Linear(16, 1),
    )  # fmt: skip
    everywhere = (2 * torch.rand(POOL, 3, generator=chance) - 1) * SIDE
    near = everywhere[surface(everywhere).abs() < 0.15]
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    for _ in range(STEPS):
        parts = [p[torch.randint(len(p), (BATCH,), generator=chance)] for p in (near, everywhere)]
        x = torch.cat(parts)
        loss = ((model(x)[:, 0] - surface(x).clamp(-CUT, CUT)) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model


def main() -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for name, (surface, expected) in SURFACES.items():
        for seed in range(100):
            network = pr.Network.from_torch(trained(surface, seed))
            box = pr.Box(-SIDE * np.ones(3), SIDE * np.ones(3))
            boundary = pr.decision_boundary(network, box)
            print(f"{name}, seed {seed}: {boundary}, Betti numbers {boundary.betti()}", flush=True)
            if boundary.betti() == expected and all(c.closed for c in boundary.components):
                pr.save_network(pr.Network(network.layers, box), FOLDER / f"{name}.npz")
                break


if __name__ == "__main__":
    main()
