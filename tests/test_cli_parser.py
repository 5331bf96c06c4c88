"""Wrong usage: what may have been meant. Completion scripts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import polyrelu as pr
from polyrelu.cli import main
from polyrelu.suggestion import did_you_mean, no_such_file


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "network.npz"
    pr.save_network(pr.Network.from_layers([(np.eye(2), [0.0, 0.5]), ([[1.0, 1.0]], [0.0])]), path)
    return str(path)


@pytest.mark.parametrize(
    ("words", "meant", "seen"),
    [
        (["region", "NET"], "did you mean regions?", "(see polyrelu --help)"),
        (["regions", "NET", "--bxo=-1,1"], "did you mean --box?", "(see polyrelu regions --help)"),
        (["regions", "NET", "--conut"], "did you mean --count", "unrecognized arguments: --conut"),
        (["query", "injectiv", "NET"], "did you mean injective", "invalid choice: 'injectiv'"),
        (["--verison"], "did you mean --version?", "unrecognized arguments: --verison"),
        (["-version"], "did you mean --version?", "(see polyrelu --help)"),
        (["--verison", "info", "NET"], "did you mean --version?", "(see polyrelu --help)"),
        (["--print-completoin=zsh"], "did you mean --print-completion?", "(see polyrelu --help)"),
        (["plot", "NET", "--color=clas"], "did you mean class?", "(see polyrelu plot --help)"),
    ],
)
def test_what_was_meant(words: list[str], meant: str, seen: str, net: str, capsys) -> None:
    assert main([net if word == "NET" else word for word in words]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert meant in err
    assert seen in err


def test_nothing_near_is_not_suggested(net: str, capsys) -> None:
    for words in (["--xyzzy"], ["xyzzy", net], ["regions", net, "--xyzzy"], ["info", "xyzzy.onnx"]):
        assert main(words) == 2
        assert "did you mean" not in capsys.readouterr().err
    assert did_you_mean("a", []) == ""


def test_options_without_a_command_may_be_cut_short(capsys) -> None:
    for words in (["--vers"], ["--version"], ["-h"], ["--he"]):
        assert main(words) == 0
        assert capsys.readouterr().out.startswith(("polyrelu ", "usage: polyrelu"))


def test_files_of_nearly_the_same_name(net: str, tmp_path: Path, capsys) -> None:
    assert main(["info", str(tmp_path / "netwrok.npz")]) == 2
    assert "netwrok.npz; did you mean network.npz?" in capsys.readouterr().err
    assert str(no_such_file(tmp_path / "gone" / "network.npz")).endswith("network.npz")
    with pytest.raises(pr.FileFormatError, match=r"not '\.pth'.*from_torch"):
        pr.load_network("model.pth")
    with pytest.raises(pr.FileFormatError, match=r"not '\.joblib'.*from_sklearn.*save_network"):
        pr.load_network("model.joblib")


def test_completion_scripts_know_commands_options_and_files(capsys) -> None:
    pytest.importorskip("shtab")
    for shell in ("bash", "zsh", "tcsh"):
        assert main(["--print-completion", shell]) == 0
        out, err = capsys.readouterr()
        assert not err
        assert "polyrelu" in out
        assert "limit-regions" in out
    assert main(["--print-completion", "fish"]) == 2


def test_bash_completes(capsys) -> None:
    pytest.importorskip("shtab")
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    assert main(["--print-completion", "bash"]) == 0
    script = capsys.readouterr().out

    def completed(*words: str) -> list[str]:
        ask = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _shtab_polyrelu"
        code = f'{script}\n{ask} 2>/dev/null; echo "${{COMPREPLY[@]}}"'
        done = subprocess.run([bash, "-c", code], capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert completed("polyrelu", "reg") == ["regions"]
    limits = ["--limit-regions", "--limit-seconds", "--limit-memory"]
    assert completed("polyrelu", "regions", "--limit") == limits


def test_completion_without_its_extra_says_what_to_install(capsys, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "shtab", None)
    assert main(["--print-completion", "bash"]) == 2
    assert "pip install polyrelu[completion]" in capsys.readouterr().err
