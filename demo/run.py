"""The main job, start to end: every region of a trained network, checked, with a picture.

`make demo` runs it. The network is 4-20-20-10, trained on handwritten digits by train.py; its
inputs are the first four principal components of a digit.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import polyrelu as pr

HERE = Path(__file__).parent


def main() -> None:
    net = pr.load_network(HERE / "network.npz")
    box = net.input_box
    assert box is not None
    print(f"{net}\non {box}")

    start = time.perf_counter()
    pr.count_regions(net, pr.segment(box.low, box.high))  # a small job compiles the kernels
    print(f"\ncompiled, or loaded from the cache: {time.perf_counter() - start:.1f} s")

    print("\nenumerating all regions")
    graph = pr.regions(net, box, progress=Milestones())
    describe(graph)

    print("\nre-verifying a sample with cddlib in rational arithmetic")
    print(graph.verify(level="judge", sample=20))

    print("\ndrawing the plane of the first two components, the others at their mean")
    plane = pr.Slice(np.zeros(4), np.eye(4)[:2], pr.Box(box.low[:2], box.high[:2]))
    ax = pr.plot.plot_regions(pr.regions(net, plane))
    ax.set_title("The digit that the network sees, and the regions of a plane of its inputs")
    ax.set(xlabel="first principal component", ylabel="second principal component")
    ax.figure.savefig(HERE / "regions.png", dpi=150)
    print(f"picture: {HERE / 'regions.png'}")


def describe(graph: pr.RegionGraph) -> None:
    """What was found, and what it took."""
    found = graph.statistics()
    took = found["seconds"] + found["adjacency_seconds"]
    state = "all of them" if graph.complete else f"incomplete: stopped by {graph.stopped_by}"
    print(f"{len(graph):,} regions ({state}) in {took:.2f} s, {len(graph) / took:,.0f} a second")
    print(
        f"{graph.n_walls:,} walls between them, found in {found['adjacency_seconds']:.2f} s of it"
    )
    print(f"{found['domain_facets']:,} facets on the boundary of the box")
    print(
        f"neighbours of a region: {found['least_degree']} to {found['greatest_degree']}, "
        f"{found['average_degree']:.2f} on average (one layer in general position: below "
        f"{2 * graph.dim})"
    )
    print(f"signs that float64 bounds left open, decided in rationals: {found['rational_signs']:,}")


class Milestones:
    """Progress that is also readable in a log: a line for each step of 10,000 regions."""

    def __init__(self, step: int = 10_000) -> None:
        self.step, self.next = step, step

    def __call__(self, regions: int, seconds: float) -> None:
        if regions >= self.next:
            print(f"  {regions:>9,} regions  {seconds:6.2f} s", flush=True)
            self.next = (regions // self.step + 1) * self.step


if __name__ == "__main__":
    main()
