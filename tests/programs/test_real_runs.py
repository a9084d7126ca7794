"""Every setting that needs downloaded files, run for a few steps on the real files if available."""

import os
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


def others() -> list[str]:
    """The experiments that read files of other data sets."""
    known = ("omniglot", "miniimagenet", "cifarfs")
    sections = {n: config(f"experiment={n}").dataset for n in EXPERIMENTS}
    read = [n for n, section in sections.items() if {"data_dir", "parts"} & set(section)]
    return [n for n in read if n.split("_")[0] not in known]


@pytest.mark.slow
@pytest.mark.parametrize("name", others())
def test_every_other_experiment_runs_on_the_files_of_innerloop_data(
    tmp_path: Path, name: str
) -> None:
    given = os.environ.get("INNERLOOP_DATA")
    if not given:
        pytest.skip("INNERLOOP_DATA does not say where the data are")
    try:
        result = train(tmp_path, f"experiment={name}", f"paths.data={given}", *FAST)
    except SystemExit as end:
        missing = ("is not there", "cannot be downloaded", "needs the package")
        if any(words in str(end) for words in missing):
            pytest.skip(str(end))
        raise
    assert result["experiment"] == name
