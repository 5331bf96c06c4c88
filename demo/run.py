"""The main job, start to end: every region of a trained network, checked, with a picture.

`make demo` runs it. The network is 4-20-20-10, trained on handwritten digits by train.py.
"""

from __future__ import annotations

import time
from pathlib import Path

import polyrelu as pr

HERE = Path(__file__).parent


def main() -> None:
    net = pr.load_network(HERE / "network.npz")
    print(f"{net} on {net.input_box}")

    start = time.perf_counter()
    graph = pr.regions(net, net.input_box, progress=True)
    seconds = time.perf_counter() - start
    state = "all of them" if graph.complete else "incomplete"
    print(f"{len(graph):,} regions ({state}) in {seconds:.2f} s, compilation included")
    for name, value in graph.statistics().items():
        print(f"  {name}: {value}")

    start = time.perf_counter()
    report = graph.verify(level="judge", sample=200)
    print(f"{report} ({time.perf_counter() - start:.1f} s)")

    picture = HERE / "regions.png"
    pr.plot.plot_slice(net, picture)
    print(f"picture: {picture}")


if __name__ == "__main__":
    main()
