"""What a user writes, under mypy --strict."""

from fractions import Fraction
from typing import assert_type

import numpy as np

import polyrelu as pr
from polyrelu import sampling, theorems

net = pr.load_network("net.npz")  # two inputs, one output
assert_type(net, pr.Network)
mine = pr.Network.from_layers([(np.eye(2), np.zeros(2)), ([[1.0, 1.0]], [0.0])])
graph = pr.regions(net, pr.Box(-1, 1, dim=2), limits=pr.Limits(regions=100), progress=True)
assert_type(graph, pr.RegionGraph)
assert_type(graph[0], pr.Region)
assert_type(graph[:2], list[pr.Region])
for region in graph:
    rows, offset = region.affine_map
    assert_type(region.exact_vertices(), tuple[tuple[Fraction, ...], ...])
    assert_type(region.exact_volume(), Fraction)
found = graph.region_at([0.0, 0.0])
count = pr.count_regions(net, pr.Space(2)).count
assert_type(count, int)
answer = pr.is_injective(net, pr.Space(2))
assert_type(answer, pr.Answer)
assert_type(answer.status, pr.Status)
boundary = pr.decision_boundary(net)
assert_type(boundary.betti(), tuple[int, ...])
radius = pr.robust_radius(net, [0.0, Fraction(1, 3)], norm=float("inf"))
assert_type(radius.exact, Fraction | None)
plane = pr.Slice.through([0, 0], [1, 0], [0, 1])
path = pr.activation_path(net, [[0, 0], [1, 1]])
assert_type(path, pr.ActivationPath)
assert_type(path.folding().chi, Fraction)
sample = sampling.uniform_points(net, pr.Box(-1, 1, dim=2), budget=100)
assert_type(sampling.compare(graph, sample).recall, float)
reports = theorems.run("bias-lemma")
ok: bool = graph.verify().ok
pr.save_network(mine, "mine.npz")
