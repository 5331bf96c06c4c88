"""Networks from ONNX graphs. Needs ``pip install polyrelu[onnx]``; nothing is run.

The graph is read for one input at a time: a dynamic first dimension is 1. Initialisers of
float64 or narrower are taken at their exact values, attributes at their float32 values.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError, NetworkError, UnsupportedLayerError
from ..network import Network
from ._extras import require
from ._limits import check_bytes, check_entries
from .onnx_ops import AFTER_HEAD, HEADS, MAPS, UNITS, Call, Operand
from .tape import Tape


def load_onnx(path: Path) -> Network:
    """The network of an ``.onnx`` file.

    Several inputs (outputs) become one vector, flattened one after the other; ``notes`` says
    so. Softmax, LogSoftmax, Sigmoid and Tanh at the very end are left off (they move no region
    boundary), with a note. Nodes and initialisers that no output needs are ignored.

    Raises:
        FileFormatError: not an ONNX file, or one that refers to data in other files.
        UnsupportedLayerError: an operator that is not piecewise affine or not known, with the
            position of its node.
        NetworkError: shapes that do not fit, NaN, a fixed batch of more than one.
        MissingExtraError: onnx is not installed.
    """
    onnx = require("onnx", "onnx")
    message = require("google.protobuf.message", "onnx")
    check_bytes(path, path.stat().st_size)
    try:
        model = onnx.load_model(str(path), format="protobuf", load_external_data=False)
    except (message.DecodeError, ValueError) as error:
        raise FileFormatError(f"{path} is not an ONNX file: {error}") from None
    if not model.graph.output or not model.opset_import:
        raise FileFormatError(f"{path} is not an ONNX model: it has no outputs or no opset")
    try:
        return _Reader(model).network()
    except (NetworkError, FileFormatError) as error:
        raise type(error)(f"{path}: {error}") from None


class _Reader:
    """Runs the nodes on a tape, all units that are ready in one layer."""

    def __init__(self, model: Any) -> None:
        graph = model.graph
        if graph.sparse_initializer:
            raise UnsupportedLayerError("sparse initialisers are not supported")
        self._opset = max(
            (int(o.version) for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1
        )
        self._initializers = {tensor.name: tensor for tensor in graph.initializer}
        self._constants: dict[str, npt.NDArray[Any]] = {}
        self._heads: dict[str, str] = {}  # tensor behind a head -> the head's label
        self._outputs = [str(value.name) for value in graph.output]
        self._nodes = _needed(graph.node, self._outputs)
        self._uses = Counter(self._outputs)
        for _, node in self._nodes:
            self._uses.update(name for name in node.input if name)
        self._tape = Tape(self._place_inputs(graph))

    def _place_inputs(self, graph: Any) -> int:
        inputs = [value for value in graph.input if value.name not in self._initializers]
        shapes = [_input_shape(value) for value in inputs]
        sizes = [math.prod(shape) for shape in shapes]
        check_entries(sum(sizes), 1, "an input")
        starts = np.cumsum([0, *sizes])
        self._inputs = {
            str(value.name): np.arange(start, start + size).reshape(shape)
            for value, shape, start, size in zip(inputs, shapes, starts, sizes, strict=False)
        }
        return sum(sizes)

    def network(self) -> Network:
        self._tape.tensors.update({n: x for n, x in self._inputs.items() if self._uses[n]})
        for what, names in (("inputs", list(self._inputs)), ("outputs", self._outputs)):
            if len(names) > 1:
                joined = ", ".join(names)
                self._tape.notes.append(f"The {what} are one after the other: {joined}.")
        waiting = self._nodes
        while waiting:
            left = self._run_maps(waiting)
            waiting = self._run_units(left) if left else []
        missing = [name for name in self._outputs if name not in self._tape.tensors]
        if missing:
            raise NetworkError(f"the output {missing[0]!r} must depend on the input")
        return self._tape.finish([self._tape.tensors[name] for name in self._outputs])

    # -- scheduling ---------------------------------------------------------------------------

    def _run_maps(self, nodes: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        left = []
        for position, node in nodes:
            label = _label(position, node)
            if node.domain not in ("", "ai.onnx"):
                raise UnsupportedLayerError(f"{label} is of the unknown domain {node.domain!r}")
            if node.op_type not in MAPS and node.op_type not in UNITS and node.op_type not in HEADS:
                raise UnsupportedLayerError(
                    f"{label} must be one of {', '.join(sorted([*MAPS, *UNITS]))}, "
                    f"or at the end one of {', '.join(HEADS)}"
                )
            if node.op_type in UNITS or not self._ready(node):
                left.append((position, node))
            else:
                self._run_map(label, node)
        return left

    def _run_units(self, nodes: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        ready = [item for item in nodes if item[1].op_type in UNITS and self._ready(item[1])]
        if not ready:
            label = _label(*nodes[0])
            names = [n for n in nodes[0][1].input if n and not self._known(n)]
            raise FileFormatError(f"{label} uses {names}, which no node before it makes")
        applications = []
        for position, node in ready:
            call = self._call(_label(position, node), node)
            x, units = _guarded(_label(position, node), UNITS[node.op_type], call)
            applications.append((str(node.output[0]), x, units))
        for _, node in ready:
            self._release(node)
        self._tape.activate(applications)
        done = {position for position, _ in ready}
        return [item for item in nodes if item[0] not in done]

    def _run_map(self, label: str, node: Any) -> None:
        call = self._call(label, node)
        self._release(node)
        if node.op_type in HEADS:
            x = _guarded(label, lambda c: c.computed(0), call)
            self._tape.tensors[node.output[0]] = x
            self._heads[node.output[0]] = label
            self._tape.notes.append(f"{label} at the end is left off: the outputs are its inputs.")
            return
        results = _guarded(label, MAPS[node.op_type], call)
        results = results if isinstance(results, list) else [results]
        for name, result in zip(node.output, results, strict=False):
            check_entries(result.array.size, 1, f"the result of {label}")
            if not result.computed:
                self._constants[name] = result.array
            elif self._uses[name]:
                self._tape.tensors[name] = result.array
        for name in node.input:
            if name in self._heads:
                self._heads[node.output[0]] = self._heads[name]

    def _call(self, label: str, node: Any) -> Call:
        for name in node.input:
            if name in self._heads and node.op_type not in AFTER_HEAD:
                raise UnsupportedLayerError(
                    f"{self._heads[name]} is understood only at the very end, not before {label}"
                )
        made = [name for name in node.output if name and self._known(name)]
        if made:
            raise FileFormatError(f"{label} makes {made[0]!r}, which is there already")
        inputs = [self._operand(name) if name else None for name in node.input]
        onnx = require("onnx", "onnx")
        attributes = {a.name: _attribute(onnx, label, a) for a in node.attribute}
        names, outputs = list(node.input), len(node.output)
        return Call(self._tape, node.op_type, inputs, names, outputs, attributes, self._opset)

    def _release(self, node: Any) -> None:
        """Forget inputs that nothing else uses, so that the next factor drops them."""
        for name in node.input:
            self._uses[name] -= 1
            if not self._uses[name]:
                self._tape.tensors.pop(name, None)

    # -- values -------------------------------------------------------------------------------

    def _known(self, name: str) -> bool:
        return name in self._tape.tensors or name in self._constants or name in self._initializers

    def _ready(self, node: Any) -> bool:
        return all(self._known(name) for name in node.input if name)

    def _operand(self, name: str) -> Operand:
        if name in self._tape.tensors:
            return Operand(self._tape.tensors[name], True)
        if name not in self._constants:
            onnx = require("onnx", "onnx")
            tensor = self._initializers[name]
            self._constants[name] = _array(onnx, f"the initialiser {name!r}", tensor)
        return Operand(self._constants[name], False)


def _needed(nodes: Sequence[Any], outputs: Sequence[str]) -> list[tuple[int, Any]]:
    """The nodes that the outputs depend on, with their positions in the file."""
    wanted = set(outputs)
    kept = []
    for position, node in reversed(list(enumerate(nodes))):
        if wanted.intersection(name for name in node.output if name):
            wanted.update(node.input)
            kept.append((position, node))
    return kept[::-1]


def _label(position: int, node: Any) -> str:
    return f"node {position} {node.name!r} ({node.op_type})"


def _guarded(label: str, operation: Any, call: Call) -> Any:
    """``operation(call)``, its errors with the node's label."""
    try:
        return operation(call)
    except NetworkError as error:
        raise type(error)(f"{label}: {error}") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise NetworkError(f"{label} does not fit its inputs: {error}") from None


def _input_shape(value: Any) -> tuple[int, ...]:
    tensor = value.type.tensor_type
    if tensor.elem_type not in (1, 10, 11, 16):  # float32, float16, float64, bfloat16
        raise NetworkError(f"the input {value.name!r} must be of floats")
    dims = [int(dim.dim_value) if dim.HasField("dim_value") else 0 for dim in tensor.shape.dim]
    if len(dims) > 1:
        if dims[0] not in (0, 1):
            raise NetworkError(
                f"the input {value.name!r} must have a first dimension (the batch) that is "
                f"dynamic or 1, not {dims[0]}"
            )
        dims[0] = 1
    if not dims or min(dims) < 1:
        raise NetworkError(
            f"the input {value.name!r} must have a known shape behind the batch dimension"
        )
    return tuple(dims)


def _array(onnx: Any, what: str, tensor: Any) -> npt.NDArray[Any]:
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise FileFormatError(f"{what} is in another file; only data inside the file are read")
    if any(n < 0 for n in tensor.dims):
        raise FileFormatError(f"{what} must have a shape, not {list(tensor.dims)}")
    check_entries(math.prod(tensor.dims), 1, what)
    try:
        array: npt.NDArray[Any] = onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise FileFormatError(f"{what} is not what its header says: {error}") from None
    return array


def _attribute(onnx: Any, label: str, attribute: Any) -> Any:
    try:
        value = onnx.helper.get_attribute_value(attribute)
    except ValueError as error:
        raise FileFormatError(f"an attribute of {label} cannot be read: {error}") from None
    if isinstance(value, onnx.TensorProto):
        return _array(onnx, f"a tensor of {label}", value)
    return value
