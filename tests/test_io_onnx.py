"""``.onnx`` files, built here and judged by onnx's own reference evaluator in float64."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu.errors import FileFormatError, NetworkError, UnsupportedLayerError
from polyrelu.io import _limits, load_network
from polyrelu.network import Network

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
helper = onnx.helper
DOUBLE = onnx.TensorProto.DOUBLE

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def node(op: str, inputs: str, output: str = "y", **attributes: Any) -> Any:
    """``inputs`` are names separated by spaces; ``-`` is an input left out."""
    names = [name.replace("-", "") for name in inputs.split()]
    return helper.make_node(op, names, output.split(), name=f"n_{op}", **attributes)


def model(
    nodes: Sequence[Any],
    inputs: dict[str, Sequence[int | str]],
    constants: dict[str, np.ndarray] | None = None,
    outputs: Sequence[str] = ("y",),
    opset: int = 18,
) -> Any:
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(n, DOUBLE, list(s)) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, DOUBLE, None) for n in outputs],
        [onnx.numpy_helper.from_array(np.asarray(v), n) for n, v in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def load(proto: Any, tmp_path: Path) -> Network:
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    return load_network(path)


def assert_agrees(proto: Any, tmp_path: Path) -> Network:
    """The reference evaluator, the float pass and the rational pass give the same outputs."""
    network = load(proto, tmp_path)
    evaluator = reference.ReferenceEvaluator(proto)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        feeds = {
            value.name: 2
            * rng.normal(size=[d.dim_value or 1 for d in value.type.tensor_type.shape.dim])
            for value in proto.graph.input
        }
        expected = np.concatenate([np.ravel(y) for y in evaluator.run(None, feeds)])
        x = np.concatenate([v.ravel() for v in feeds.values()])
        np.testing.assert_allclose(network(x), expected, rtol=1e-9, atol=1e-9)
        exact = [float(v) for v in network.exact(x.tolist())[0]]
        np.testing.assert_allclose(exact, expected, rtol=1e-9, atol=1e-9)
    return network


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


SINGLE: list[tuple[Any, Sequence[int | str], dict[str, np.ndarray]]] = [
    (node("Gemm", "x w b", transB=1), ("N", 3), {"w": normal(2, 3), "b": normal(2)}),
    (node("Gemm", "x w b", alpha=0.5, beta=0.3), (1, 3), {"w": normal(3, 2), "b": normal(1, 2)}),
    (node("Gemm", "x w", alpha=0.3), (1, 3), {"w": normal(3, 2)}),
    (node("Gemm", "x w b", beta=0.0), (1, 3), {"w": normal(3, 2), "b": normal(2)}),
    (node("Gemm", "x w", transA=1), (1, 3), {"w": normal(1, 2)}),
    (node("MatMul", "x w"), (1, 3), {"w": normal(3, 2)}),
    (node("MatMul", "x w"), (1, 2, 3), {"w": normal(3, 2)}),
    (node("MatMul", "x w"), (1, 2, 3), {"w": normal(4, 1, 3, 2)}),
    (node("MatMul", "x w"), (1, 3), {"w": normal(3)}),
    (node("MatMul", "w x"), (1, 3, 2), {"w": normal(4, 3)}),
    (node("MatMul", "w x"), (3,), {"w": normal(4, 3)}),
    (node("MatMul", "w x"), (3,), {"w": normal(3)}),
    (node("Add", "x c"), (1, 2, 3), {"c": normal(3)}),
    (node("Add", "c x"), (1, 2, 1), {"c": normal(2, 1, 4)}),
    (node("Add", "x x"), (1, 3), {}),
    (node("Sub", "x x"), (1, 3), {}),
    (node("Sub", "x c"), (1, 3), {"c": normal(1, 3)}),
    (node("Sub", "c x"), (1, 3), {"c": normal(1, 3)}),
    (node("Mul", "x c"), (1, 2, 3), {"c": normal(2, 1)}),
    (node("Div", "x c"), (1, 3), {"c": np.array([3.0, -7.0, 0.1])}),
    (node("Sum", "x x x"), (1, 3), {}),
    (node("Neg", "x"), (1, 3), {}),
    (node("Relu", "x"), (1, 3), {}),
    (node("LeakyRelu", "x", alpha=0.25), (1, 3), {}),
    (node("PRelu", "x s"), (1, 2, 3), {"s": normal(2, 1)}),
    (node("Clip", "x lo hi"), (1, 3), {"lo": np.array(-0.5), "hi": np.array(0.25)}),
    (node("Clip", "x lo"), (1, 3), {"lo": np.array(-0.5)}),
    (node("Clip", "x - hi"), (1, 3), {"hi": np.array(0.25)}),
    (node("Clip", "x lo hi"), (1, 3), {"lo": np.array(-np.inf), "hi": np.array(0.25)}),
    (node("Clip", "x lo hi"), (1, 3), {"lo": np.array(0.5), "hi": np.array(0.5)}),
    (node("Clip", "x"), (1, 3), {}),
    (node("Abs", "x"), (1, 3), {}),
    (node("HardSigmoid", "x", alpha=0.25, beta=0.75), (1, 3), {}),
    (node("Max", "x c"), (1, 3), {"c": normal(3)}),
    (node("Min", "c x"), (1, 3), {"c": normal(1)}),
    (node("Identity", "x"), (1, 3), {}),
    (node("Dropout", "x"), (1, 3), {}),
    (node("Flatten", "x"), (1, 2, 3), {}),
    (node("Reshape", "x s"), (1, 2, 3), {"s": ints(0, -1)}),
    (node("Squeeze", "x s"), (1, 3), {"s": ints(0)}),
    (node("Squeeze", "x"), (1, 3), {}),
    (node("Unsqueeze", "x s"), (1, 3), {"s": ints(0, -1)}),
    (node("Transpose", "x", perm=[0, 2, 1]), (1, 2, 3), {}),
    (node("Transpose", "x"), (1, 2, 3), {}),
    (node("Expand", "x s"), (1, 3), {"s": ints(2, 1, 3)}),
    (node("Concat", "x x", axis=1), (1, 3), {}),
    (node("Concat", "c x c", axis=-1), (1, 3), {"c": normal(1, 2)}),
    (node("Slice", "x a b"), (1, 5), {"a": ints(0, 1), "b": ints(9, -1)}),
    (
        node("Slice", "x a b d e"),
        (1, 5),
        {"a": ints(4), "b": ints(-9), "d": ints(1), "e": ints(-2)},
    ),
    (node("Gather", "x i", axis=1), (1, 5), {"i": np.array([[0, -1], [0, 2]])}),
    (node("Gather", "x i", axis=1), (1, 5), {"i": np.array(3)}),
    (node("Pad", "x p"), (1, 1, 3), {"p": ints(0, 0, 1, 0, 0, 2)}),
    (node("Pad", "x p v"), (1, 3), {"p": ints(0, 1, 0, 0), "v": np.array(0.5)}),
    (node("ReduceMean", "x a"), (1, 2, 3), {"a": ints(-1)}),
    (node("ReduceMean", "x a", keepdims=0), (1, 2, 3), {"a": ints(1, 2)}),
    (node("ReduceSum", "x"), (1, 2, 3), {}),
    (node("GlobalAveragePool", "x"), (1, 2, 3, 4), {}),
    (
        node("BatchNormalization", "x g b m v"),
        ("N", 2, 3),
        {"g": normal(2), "b": normal(2), "m": normal(2), "v": np.array([0.5, 2.0])},
    ),
    (node("Conv", "x w b"), ("N", 2, 5, 4), {"w": normal(3, 2, 2, 3), "b": normal(3)}),
    (
        node("Conv", "x w", group=2, strides=[2, 1], pads=[1, 0, 0, 2], dilations=[1, 2]),
        (1, 2, 5, 4),
        {"w": normal(4, 1, 2, 2)},
    ),
    (node("Conv", "x w", auto_pad="SAME_UPPER", strides=[2]), (1, 1, 5), {"w": normal(2, 1, 2)}),
    (node("Conv", "x w", auto_pad="SAME_LOWER"), (1, 1, 5), {"w": normal(2, 1, 2)}),
    (node("Conv", "x w", auto_pad="VALID"), (1, 1, 5), {"w": normal(2, 1, 2)}),
    (node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 1]), (1, 2, 4, 4), {}),
    (node("AveragePool", "x", kernel_shape=[3], pads=[1, 1]), (1, 2, 4), {}),
    (
        node("AveragePool", "x", kernel_shape=[3], pads=[1, 1], count_include_pad=1),
        (1, 2, 4),
        {},
    ),
]


@pytest.mark.parametrize(("step", "shape", "constants"), SINGLE)
def test_single_nodes(
    step: Any, shape: Sequence[int | str], constants: dict[str, np.ndarray], tmp_path: Path
) -> None:
    assert_agrees(model([step], {"x": shape}, constants), tmp_path)


@pytest.mark.parametrize(("step", "shape", "constants"), SINGLE)
def test_single_nodes_between_units_beside_a_live_tensor(
    step: Any, shape: Sequence[int | str], constants: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """What a node reads is also an output, and its own result goes on."""
    name = step.input[0] if step.input[0] == "x" else "x"
    assert name == "x"
    step = helper.make_node(
        step.op_type,
        ["r" if i == "x" else i for i in step.input],
        ["z"],
        name="middle",
    )
    step.attribute.extend(_original(step, shape, constants))
    nodes = [node("Abs", "x", "r"), step, node("Relu", "z", "y")]
    assert_agrees(model(nodes, {"x": shape}, constants, ["y", "r"]), tmp_path)


def _original(step: Any, shape: Sequence[int | str], constants: dict[str, np.ndarray]) -> Any:
    same = [
        s
        for s, other, c in SINGLE
        if s.op_type == step.op_type and other is shape and c is constants
    ]
    return same[0].attribute


def test_split_and_skip_connection(tmp_path: Path) -> None:
    nodes = [
        node("Split", "x s", "a b", axis=1),
        node("Relu", "a", "ra"),
        node("Concat", "ra b", "c", axis=1),
        node("MatMul", "c w", "d"),
        node("Relu", "d", "e"),
        node("Add", "e x", "f"),
        node("Sub", "f c", "y"),
    ]
    constants = {"s": ints(1, 3), "w": normal(4, 4)}
    network = assert_agrees(model(nodes, {"x": (1, 4)}, constants), tmp_path)
    assert len(network.thresholds) == 5


def test_parallel_branches_share_a_layer(tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x v", "a"),
        node("Relu", "a", "ra"),
        node("MatMul", "x w", "b"),
        node("Relu", "b", "rb"),
        node("Add", "ra rb", "y"),
    ]
    network = assert_agrees(
        model(nodes, {"x": (1, 3)}, {"v": normal(3, 2), "w": 2 * normal(3, 2)}), tmp_path
    )
    assert network.widths == (3, 4, 2)
    assert [len(layer.factors) for layer in network.layers] == [1, 1]


def test_matmul_and_add_are_one_factor_and_shapes_none(tmp_path: Path) -> None:
    nodes = [
        node("Reshape", "x s", "a"),
        node("MatMul", "a w", "b"),
        node("Add", "b c", "d"),
        node("Relu", "d", "e"),
        node("Unsqueeze", "e k", "y"),
    ]
    constants = {"s": ints(-1, 4), "w": normal(4, 3), "c": normal(3), "k": ints(0)}
    network = assert_agrees(model(nodes, {"x": ("N", 2, 2)}, constants), tmp_path)
    (layer,) = network.layers
    (factor,) = layer.factors
    assert np.array_equal(factor.weight, constants["w"].T)
    assert np.array_equal(factor.bias, constants["c"])


def test_what_rounds_is_not_merged(tmp_path: Path) -> None:
    nodes = [node("Add", "x a", "b"), node("Add", "b a", "c"), node("Mul", "c a", "y")]
    network = load(model(nodes, {"x": (1, 1)}, {"a": np.array([0.1])}), tmp_path)
    tenth = Fraction(0.1)
    assert network.exact([1])[0] == ((1 + 2 * tenth) * tenth,)


def test_relu_of_a_tensor_used_twice_has_one_threshold(tmp_path: Path) -> None:
    nodes = [
        node("Concat", "x x", "c", axis=1),
        node("Relu", "c", "a"),
        node("Relu", "x", "b"),
        node("Concat", "a b x", "y", axis=1),
    ]
    network = assert_agrees(model(nodes, {"x": (1, 2)}), tmp_path)
    assert len(network.thresholds) == 2


def test_shapes_computed_in_the_graph(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Mul", "two three", "m"),
        node("Concat", "n m", "t", axis=0),
        node("Reshape", "x t", "y"),
    ]
    constants = {"zero": ints(0), "two": ints(2), "three": ints(3)}
    assert load(model(nodes, {"x": ("N", 2, 3)}, constants), tmp_path).widths == (6, 6)


def test_several_inputs_and_outputs_are_noted(tmp_path: Path) -> None:
    nodes = [node("Add", "x u", "y"), node("Relu", "u", "z")]
    network = assert_agrees(model(nodes, {"x": (1, 2), "u": (1, 2)}, {}, ["y", "z"]), tmp_path)
    assert network.notes == (
        "The inputs are one after the other: x, u.",
        "The outputs are one after the other: y, z.",
    )


@pytest.mark.parametrize("head", ["Softmax", "LogSoftmax", "Sigmoid", "Tanh"])
def test_heads_are_left_off_with_a_note(head: str, tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "a"), node(head, "a", "b"), node("Flatten", "b")]
    network = load(model(nodes, {"x": (1, 2)}), tmp_path)
    assert network([-1.0, 2.0]).tolist() == [0, 2]
    assert network.notes == (
        f"node 1 'n_{head}' ({head}) at the end is left off: the outputs are its inputs.",
    )
    nodes[2] = node("Relu", "b")
    with pytest.raises(UnsupportedLayerError, match="only at the very end, not before node 2"):
        load(model(nodes, {"x": (1, 2)}), tmp_path)


def test_dead_nodes_and_initialisers_are_ignored(tmp_path: Path) -> None:
    nodes = [node("Exp", "x", "dead"), node("Relu", "x")]
    constants = {"unused": np.array([np.nan])}
    assert load(model(nodes, {"x": (1, 2)}, constants), tmp_path).widths == (2, 2)


def test_old_opsets_keep_operands_in_attributes(tmp_path: Path) -> None:
    nodes = [
        node("Add", "x c", "a", broadcast=1, axis=1),
        node("Clip", "a", "b", min=-0.5, max=3.4028234663852886e38),
        node("Reshape", "b s", "y"),
    ]
    constants = {"c": normal(2), "s": ints(1, 6)}
    network = load(model(nodes, {"x": (1, 2, 3)}, constants, opset=6), tmp_path)
    x = np.arange(-3.0, 3.0)
    expected = np.maximum(x.reshape(2, 3) + constants["c"][:, None], -0.5).ravel()
    np.testing.assert_allclose(network(x), expected)
    assert len(network.thresholds) == 6


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_initialisers_are_widened_exactly(dtype: str, tmp_path: Path) -> None:
    weight = normal(2, 3).astype(dtype)
    network = load(model([node("MatMul", "x w")], {"x": (1, 2)}, {"w": weight}), tmp_path)
    assert np.array_equal(network.layers[0].factors[0].weight, weight.T.astype(float))


AFFINE = ("MatMul", "Add", "Sub", "Mul", "Div", "Neg", "Relu", "Abs", "Skip", "Minus", "Reverse")


@given(st.lists(st.tuples(st.sampled_from(AFFINE), st.integers(0, 99)), min_size=1, max_size=9))
@settings(deadline=None, max_examples=60)
def test_random_graphs(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Chains with skip connections to any earlier tensor, of width 3."""
    names, nodes, constants = ["x"], [], {"back": ints(2, 0, 1)}
    for k, (op, pick) in enumerate(steps):
        last, earlier, new = names[-1], names[pick % len(names)], f"t{k}"
        constants[f"w{k}"], constants[f"c{k}"] = normal(3, 3) - pick / 50, normal(3) + pick / 7
        if op in ("Neg", "Relu", "Abs"):
            nodes.append(node(op, earlier, new))
        elif op == "Reverse":
            nodes.append(node("Gather", f"{earlier} back", new, axis=1))
        elif op in ("Skip", "Minus"):
            nodes.append(node("Add" if op == "Skip" else "Sub", f"{last} {earlier}", new))
        else:
            nodes.append(node(op, f"{earlier} {'w' if op == 'MatMul' else 'c'}{k}", new))
        names.append(new)
    nodes.append(node("Concat", f"{names[-1]} {names[len(names) // 2]}", "y", axis=1))
    proto = model(nodes, {"x": (1, 3)}, constants)
    assert_agrees(proto, tmp_path_factory.mktemp("onnx"))


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (node("MaxPool", "x", kernel_shape=[2]), r"node 0 'n_MaxPool' \(MaxPool\) must be one of"),
        (node("ArgMax", "x"), r"\(ArgMax\) must be one of"),
        (node("Exp", "x"), r"\(Exp\) must be one of Abs, Add"),
        (node("Mul", "x x"), "of two computed tensors is not piecewise affine"),
        (node("Div", "c x"), "by a computed tensor is not piecewise affine"),
        (node("MatMul", "x x"), "of two computed tensors"),
        (node("Max", "x x"), "one computed tensor and one constant"),
        (node("HardSigmoid", "x", alpha=0.0), "alpha must be positive"),
        (node("Dropout", "x r t"), "training_mode must be false"),
        (node("PRelu", "x x"), "must be a constant"),
        (node("Cast", "x", to=7), "a cast must be to float"),
        (node("Pad", "x p", mode="reflect"), "padding must be constant"),
        (helper.make_node("Relu", ["x"], ["y"], domain="com.acme"), "unknown domain 'com.acme'"),
        (node("AveragePool", "x", kernel_shape=[2], strides=[2], ceil_mode=1), "ceil_mode"),
        (node("BatchNormalization", "x c c c c", training_mode=1), "inference mode"),
    ],
)
def test_unsupported_operators_are_refused_by_name(step: Any, message: str, tmp_path: Path) -> None:
    constants = {
        "c": np.ones(1), "r": np.array(0.5), "t": np.array(True), "p": ints(0, 0, 1, 0, 0, 1)
    }  # fmt: skip
    with pytest.raises(UnsupportedLayerError, match=message):
        load(model([step], {"x": (1, 1, 5)}, constants), tmp_path)


@pytest.mark.parametrize(
    ("step", "shape", "constants", "message"),
    [
        (node("MatMul", "x w"), (2, 3), {"w": np.ones((3, 1))}, "the batch.*not 2"),
        (node("Relu", "x"), ("N",), {}, "known shape"),
        (node("Relu", "x"), (1, "M"), {}, "known shape"),
        (node("Relu", "x"), (1, 10**12), {}, "at most 50000000"),
        (node("MatMul", "x w"), (1, 3), {"w": np.full((3, 1), np.nan)}, "'w'.* must be finite"),
        (node("MatMul", "x w"), (1, 3), {"w": np.ones((3, 1), dtype=int)}, "must be floats"),
        (node("MatMul", "x w"), (1, 3), {"w": np.ones((2, 1))}, "does not exist"),
        (node("Add", "x c"), (1, 3), {"c": np.ones(2)}, "broadcast"),
        (node("Div", "x c"), (1, 3), {"c": np.zeros(1)}, "division by zero"),
        (node("Clip", "x a b"), (1, 3), {"a": np.array(1.0), "b": np.array(0.0)}, "in order"),
        (node("Reshape", "x s"), (1, 3), {"s": ints(1, 7)}, "does not fit its inputs"),
        (node("Expand", "x s"), (1, 3), {"s": ints(10**12, 3)}, "at most 50000000"),
        (node("Flatten", "x", axis=5), (1, 3), {}, "axis 5 does not exist"),
        (node("Conv", "x w"), (1, 1, 3), {"w": np.ones((1, 1, 4))}, "does not fit into"),
        (node("Conv", "x w"), (1, 2, 3), {"w": np.ones((1, 1, 1))}, "does not fit 2 channels"),
        (node("Mul", "x w"), (1, 8000), {"w": np.full(1, 0.1)}, "at most 50000000 entries"),
        (node("Add", "c c"), (1, 3), {"c": np.ones(3)}, "folded by the exporter"),
        (node("Identity", "c"), (1, 3), {"c": np.ones(3)}, "must depend on the input"),
    ],
)
def test_unusable_graphs_are_refused(
    step: Any,
    shape: Sequence[int | str],
    constants: dict[str, np.ndarray],
    message: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(NetworkError, match=message):
        load(model([step], {"x": shape}, constants), tmp_path)


def test_cycles_and_missing_tensors_are_refused(tmp_path: Path) -> None:
    nodes = [node("Add", "x loop", "a"), node("Relu", "a", "loop"), node("Relu", "loop", "y")]
    with pytest.raises(FileFormatError, match=r"uses \['loop'\], which no node before it makes"):
        load(model(nodes, {"x": (1, 2)}), tmp_path)
    with pytest.raises(FileFormatError, match="nowhere"):
        load(model([node("Relu", "nowhere")], {"x": (1, 2)}), tmp_path)
    with pytest.raises((FileFormatError, NetworkError), match="ghost"):
        load(model([node("Relu", "x")], {"x": (1, 2)}, {}, ["y", "ghost"]), tmp_path)


def test_tensor_made_twice_is_refused(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "y"), node("Neg", "y", "a"), node("Abs", "x", "a"), node("Neg", "a")]
    with pytest.raises(FileFormatError, match="which is there already"):
        load(model(nodes, {"x": (1, 2)}), tmp_path)


def test_external_data_are_refused(tmp_path: Path) -> None:
    proto = model([node("MatMul", "x w")], {"x": (1, 2)}, {"w": np.ones((2, 1))})
    tensor = proto.graph.initializer[0]
    (tmp_path / "secret").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "secret"
    with pytest.raises(FileFormatError, match="'w' is in another file"):
        load(proto, tmp_path)


@pytest.mark.parametrize("dims", [(10**6, 10**6), (3, 3), (-2, -1)])
def test_impossible_sizes_are_refused(dims: tuple[int, ...], tmp_path: Path) -> None:
    proto = model([node("MatMul", "x w")], {"x": (1, 2)}, {"w": np.ones((2, 1))})
    proto.graph.initializer[0].dims[:] = dims
    with pytest.raises((FileFormatError, NetworkError), match="initialiser 'w'"):
        load(proto, tmp_path)


def test_garbage_and_truncation_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = model([node("MatMul", "x w")], {"x": (1, 9)}, {"w": normal(9, 9)}).SerializeToString()
    path = tmp_path / "net.onnx"
    for content in (
        b"",
        b"not a model",
        RNG.bytes(500),
        *(whole[:n] for n in range(0, len(whole), 50)),
    ):
        path.write_bytes(content)
        with pytest.raises((FileFormatError, NetworkError), match=r"net\.onnx"):
            load_network(path)
    path.write_bytes(whole)
    monkeypatch.setattr(_limits, "MAX_BYTES", 100)
    with pytest.raises(FileFormatError, match="at most 100 are read"):
        load_network(path)


@pytest.mark.parametrize("op", ["MatMul", "Conv"])
def test_columns_of_a_repeated_tensor_are_not_added_in_floats(op: str, tmp_path: Path) -> None:
    weight = np.array([0.1, 1e20])
    shaped = weight.reshape((1, 2, 1) if op == "Conv" else (2, 1))
    nodes = [node("Concat", "x x", "c", axis=1), node(op, "c w")]
    shape = (1, 1, 1) if op == "Conv" else (1, 1)
    network = load(model(nodes, {"x": shape}, {"w": shaped}), tmp_path)
    assert network.exact([1])[0] == (Fraction(0.1) + Fraction(1e20),)
