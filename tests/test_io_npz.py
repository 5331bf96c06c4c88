"""``.npz`` files: nothing is lost in a round trip, and hostile files are refused early."""

from __future__ import annotations

import contextlib
import io
import zipfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu.activations import (
    PiecewiseLinear,
    absolute,
    hard_tanh,
    identity,
    leaky_relu,
    relu,
    relu6,
)
from polyrelu.domain import Box
from polyrelu.errors import FileFormatError, NetworkError
from polyrelu.io import _limits, load_network, save_network
from polyrelu.network import Affine, Layer, Network

floats = st.floats(-1e30, 1e30)


@st.composite
def any_unit(draw: st.DrawFn) -> PiecewiseLinear:
    places = sorted(draw(st.sets(st.fractions(-5, 5) | floats, max_size=3)))
    n = len(places) + 1
    slopes = draw(st.lists(st.fractions(-2, 2) | floats, min_size=n, max_size=n))
    return PiecewiseLinear(tuple(places), tuple(slopes), draw(floats))


named = st.sampled_from([relu(), identity(), absolute(), relu6(), leaky_relu(), hard_tanh()])


@st.composite
def networks(draw: st.DrawFn) -> Network:
    widths = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    layers = []
    for a, b in pairwise(widths):
        factors = []
        for n_in in (a, b)[: draw(st.integers(1, 2))]:
            weight = draw(st.lists(floats, min_size=b * n_in, max_size=b * n_in))
            bias = draw(st.lists(floats, min_size=b, max_size=b))
            over = draw(st.none() | st.lists(st.floats(1e-9, 9), min_size=b, max_size=b))
            divisor = None if over is None else np.array(over)
            factors.append(Affine(np.array(weight).reshape(b, n_in), np.array(bias), divisor))
        layers.append(Layer(factors, draw(st.lists(named | any_unit(), min_size=b, max_size=b))))
    box = Box(-0.1, 1 / 3, dim=widths[0]) if draw(st.booleans()) else None
    return Network(tuple(layers), box)


@given(networks())
@settings(deadline=None)
def test_round_trip_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, network: Network
) -> None:
    path = tmp_path_factory.mktemp("npz") / "net.npz"
    save_network(network, path)
    loaded = load_network(path)
    assert loaded.hash == network.hash
    assert [len(layer.factors) for layer in loaded.layers] == [
        len(layer.factors) for layer in network.layers
    ]
    assert (loaded.input_box is None) == (network.input_box is None)
    if loaded.input_box is not None and network.input_box is not None:
        assert np.array_equal(loaded.input_box.low, network.input_box.low)
        assert np.array_equal(loaded.input_box.high, network.input_box.high)


def plain(**changes: Any) -> dict[str, Any]:
    """A 2-3-1 network, with arrays replaced, added or (None) left out."""
    arrays: dict[str, Any] = {
        "W0": np.array([[1.0, 2.0], [0.1, -1.0], [0.0, 1.0]]),
        "b0": np.zeros(3),
        "W1": np.array([[1.0, -1.0, 0.5]]),
        "b1": np.ones(1),
    }
    return {k: v for k, v in (arrays | changes).items() if v is not None}


def write(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(path, **arrays)
    return path


def test_relu_is_between_and_the_last_is_affine(tmp_path: Path) -> None:
    network = load_network(write(tmp_path / "a.npz", plain(lo=[-1.0, 0.0], hi=[1, 2])))
    assert network.widths == (2, 3, 1)
    assert [layer.units[0] for layer in network.layers] == [relu(), identity()]
    assert network.exact([1, Fraction(1, 2)])[0] == (Fraction(2) + Fraction(1, 4) + 1,)
    assert network.input_box is not None
    assert network.input_box.high.tolist() == [1, 2]


def test_narrow_floats_and_integers_are_exact(tmp_path: Path) -> None:
    narrow = plain(W0=np.full((3, 2), 0.1, dtype=np.float16), b0=np.arange(3, dtype=np.int8))
    factor = load_network(write(tmp_path / "a.npz", narrow)).layers[0].factors[0]
    assert factor.weight[0, 0] == float(np.float16(0.1))
    assert factor.bias.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("relu", [relu()] * 3),
        ("leaky_relu:0.01", [leaky_relu(0.01)] * 3),
        ("leaky_relu:1/3", [leaky_relu(Fraction(1, 3))] * 3),
        ("hard_tanh:-1:1e2", [hard_tanh(-1, 100)] * 3),
        ("relu6*1 abs*2", [relu6(), absolute(), absolute()]),
        ("pl:-1,1:0,1/2,0:3", [PiecewiseLinear((-1, 1), (0, Fraction(1, 2), 0), 3)] * 3),
        ("pl::2:1", [PiecewiseLinear((), (2,), 1)] * 3),
    ],
)
def test_activations_are_read(tmp_path: Path, text: str, units: list[PiecewiseLinear]) -> None:
    path = write(tmp_path / "a.npz", plain(activations=np.array([text, "identity"])))
    assert list(load_network(path).layers[0].units) == units


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"b1": None}, r"lacks \['b1'\]"),
        ({"W2": np.eye(1), "b2": np.zeros(1), "W1": None}, r"lacks \['W1', 'b1'\]|lacks \['W1'\]"),
        ({"lo": np.zeros(2)}, "both of lo and hi"),
        ({"lo": np.ones(2), "hi": np.zeros(2)}, "input box"),
        ({"W0": None, "b0": None, "W1": None, "b1": None, "lo": np.zeros(2)}, "without a gap"),
        ({"secret": np.zeros(1)}, "must be named W0.*'secret.npy'"),
        ({"../W0": np.zeros(1)}, "must be named"),
        ({"W01": np.zeros(1)}, "must be named"),
        ({"d7": np.ones(1)}, r"has \['d7'\]"),
        ({"W0": np.array([[None]])}, "must hold float64 or narrower"),
        ({"W0": np.zeros((3, 2), dtype=complex)}, "must hold float64 or narrower"),
        ({"W0": np.zeros((3, 2), dtype=np.longdouble)}, "must hold float64 or narrower"),
        ({"W0": np.array([["a"]])}, "must hold numbers"),
        ({"activations": np.zeros(2)}, "must hold strings"),
        ({"activations": np.array(["relu"])}, r"shape \(2,\)"),
        ({"activations": np.array(["gelu", ""])}, "a unit must be one of"),
        ({"activations": np.array(["relu", ""])}, "last activation must not be empty"),
        ({"activations": np.array(["relu:1", "relu"])}, "a unit must be one of"),
        ({"activations": np.array(["relu*4", "relu"])}, "for 3 outputs"),
        ({"activations": np.array(["relu*2 relu", "relu"])}, "for 3 outputs"),
        ({"activations": np.array(["relu*1 relu*1", "relu"])}, "3 units, not 2"),
        ({"activations": np.array(["leaky_relu:nan", "relu"])}, "must be a number, not 'nan'"),
        ({"activations": np.array(["leaky_relu:1/0", "relu"])}, "activation 0"),
        ({"activations": np.array(["leaky_relu:1e99999", "relu"])}, "must be finite"),
        ({"activations": np.array(["leaky_relu:1e999999999", "relu"])}, "must be a number"),
        ({"activations": np.array(["pl:1,0:0,1,0:0", "relu"])}, "strictly increasing"),
    ],
)
def test_wrong_content_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        load_network(write(tmp_path / "a.npz", plain(**changes)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"b0": np.full(3, np.nan)}, "factor 0: bias must be finite"),
        ({"W1": np.ones((1, 2))}, "layer 0 has 3 outputs, but layer 1 takes 2"),
        ({"d0": np.zeros(3)}, "factor 0: divisor must be positive"),
    ],
)
def test_numbers_that_make_no_network_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(NetworkError, match=message):
        load_network(write(tmp_path / "a.npz", plain(**changes)))


def header(shape: str, descr: str = "'<f8'", data: bytes = b"\0" * 16) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header("(1000000, 1000000)"), r"claims shape \(1000000, 1000000\).*but holds 16"),
        (header("(1,)"), "claims shape"),
        (header("(-2, -1)"), "must have a shape"),
        (header("(2,)", "'|O'"), "must hold float64 or narrower"),
        (header("(2,)", "[('a', '<f8')]"), "must hold float64 or narrower"),
        (header("(2,)", "nonsense"), "no readable array header"),
        (b"\x93NUMPY\x07\x00", "no readable array header"),
        (b"", "no readable array header"),
        (b"cos\nsystem\n(S'true'\ntR.", "no readable array header"),
    ],
)
def test_hostile_arrays_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W0.npy", content)
    with pytest.raises(FileFormatError, match=message):
        load_network(path)


def test_zip_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, W0=np.zeros((1000, 100)), b0=np.zeros(1000))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(_limits, "MAX_BYTES", 100_000)
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # nothing may be read
    with pytest.raises(FileFormatError, match="but at most 100000 are read"):
        load_network(path)


def test_array_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W0.npy", header("(2,)"))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("W0.npy", header("(2,)"))
    with pytest.raises(FileFormatError, match="must not occur twice"):
        load_network(path)


def test_truncated_and_flipped_files_never_load_silently(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", plain())
    whole = path.read_bytes()
    expected = load_network(path).hash
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError, match=r"a\.npz"):
            load_network(path)
    for place in range(0, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :])
        with contextlib.suppress(FileFormatError, NetworkError):
            assert load_network(path).hash == expected  # a date, a flag that nothing reads


def test_suffix_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"\.npz, \.nnet or \.onnx, not '\.h5'"):
        load_network(tmp_path / "a.h5")
    with pytest.raises(FileNotFoundError, match=r"a\.npz"):
        load_network(tmp_path / "a.npz")
    with pytest.raises(FileFormatError, match=r"written to \.npz"):
        save_network(Network.from_layers([([[1.0]], [0.0])]), tmp_path / "a.onnx")


def test_truncation_inside_a_member_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((3, 2)))
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("W0.npy", buffer.getvalue()[:-8])
    with pytest.raises(FileFormatError, match="but holds 40"):
        load_network(path)
