"""Every setting that needs downloaded files, run for a few steps on the real files if available."""

from pathlib import Path

import pytest
from cli import FAST, train
from data import real
from helpers import choices, config

EXPERIMENTS = [name for name in choices("experiment") if not name.startswith("sinusoid")]


@pytest.fixture(scope="module")
def omniglot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real.folder("omniglot", tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def miniimagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real.folder("miniimagenet", tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def cifarfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("efficientnet_lite_pytorch", reason="an encoder of the extra foundation")
    return real.folder("cifar100", tmp_path_factory.mktemp("real"))


def runs(tmp_path: Path, data: Path, name: str) -> None:
    result = train(tmp_path, f"experiment={name}", f"paths.data={data}", *FAST)
    assert (result["experiment"], result["test"]["accuracy"]["tasks"]) == (name, 4)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in EXPERIMENTS if n.startswith("omniglot")])
def test_every_omniglot_experiment_runs_on_the_real_files(
    tmp_path: Path, omniglot: Path, name: str
) -> None:
    runs(tmp_path, omniglot, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in EXPERIMENTS if n.startswith("miniimagenet")])
def test_every_miniimagenet_experiment_runs_on_the_real_files(
    tmp_path: Path, miniimagenet: Path, name: str
) -> None:
    runs(tmp_path, miniimagenet, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in EXPERIMENTS if n.startswith("cifarfs")])
def test_every_cifarfs_experiment_runs_on_the_real_files(
    tmp_path: Path, cifarfs: Path, name: str
) -> None:
    runs(tmp_path, cifarfs, name)


def test_no_experiment_with_files_is_left_out() -> None:
    known = ("omniglot", "miniimagenet", "cifarfs")
    others = [n for n in EXPERIMENTS if n.split("_")[0] not in known]
    assert [n for n in others if "data_dir" in config(f"experiment={n}").dataset] == []
