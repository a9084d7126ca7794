"""The program `innerloop`, in a checkout, and as in a wheel: without a repository around it."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from unittest import mock

import pytest
from helpers import ROOT

from innerloop import __main__ as program


def test_every_command_has_a_script_of_the_same_name() -> None:
    names = set(program.commands())
    assert {"train", "evaluate", "adapt", "replay", "compare", "runs", "report"} <= names
    for name in names:
        assert (
            f"from innerloop.commands.{name} import main"
            in (ROOT / "src" / f"{name}.py").read_text()
        )


@pytest.mark.parametrize(
    ("words", "expected"), [([], "COMMAND"), (["--help"], "train"), (["-h"], "Tests a checkpoint")]
)
def test_without_a_command_the_commands_are_listed(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock.patch.object(sys, "argv", ["innerloop", *words]):
        program.main()
    assert expected in capsys.readouterr().out


def test_a_mistyped_command_is_refused_with_a_suggestion() -> None:
    with (
        mock.patch.object(sys, "argv", ["innerloop", "trian"]),
        pytest.raises(SystemExit, match="Did you mean train"),
    ):
        program.main()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, as `pyproject.toml` says."""
    folder = tmp_path_factory.mktemp("site-packages")
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wheel = wheel["targets"]["wheel"]
    places = {f"src/{Path(p).name}": Path(p).name for p in wheel["packages"]}
    for source, target in (places | wheel["force-include"]).items():
        copied = folder / target
        copied.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, copied, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, copied)
    return folder


def innerloop(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "innerloop", *words],
        cwd=folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip


def test_an_installed_package_trains_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    output = innerloop(installed, tmp_path, "train", "debug=fast", "outer.steps=2").stdout
    assert "after 10 steps" in output
    (run,) = (tmp_path / "outputs").glob("*/*")
    assert json.loads((run / "results.json").read_text())["command"].startswith("innerloop train")
    again = innerloop(installed, tmp_path, "runs").stdout
    assert "sinusoid" in again


def test_an_installed_package_quotes_published_figures(installed: Path, tmp_path: Path) -> None:
    words = ("experiment=sinusoid_maml_5shot", "--cfg", "job", "--resolve")
    assert "published: " in innerloop(installed, tmp_path, "train", *words).stdout
