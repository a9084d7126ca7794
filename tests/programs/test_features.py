"""Exported features, against the run's body applied by hand to the images themselves."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from cli import FAST, call, mistake, train
from torch import Tensor, nn

from innerloop.experiment.trained import load

IMAGES = np.random.default_rng(0).integers(0, 255, (60, 16, 16, 3), np.uint8)
NAMES = np.array(["ant", "bee", "cat", "dog", "emu"])[np.arange(60) % 5]
SPLITS = np.repeat(["train", "val", "test"], 20)
MINE = ("dataset=arrays", "dataset.size=16", "model.body.filters=4", "episode.queries=2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("features")
    np.savez(folder / "mine.npz", images=IMAGES, labels=NAMES, splits=SPLITS)
    np.savez(folder / "other.npz", images=255 - IMAGES, labels=NAMES, splits=SPLITS)
    mine = (*MINE, f"dataset.path={folder / 'mine.npz'}", *FAST)
    train(folder / "running", "algorithm=protonet", "norm=running", *mine)
    train(folder / "transductive", "algorithm=protonet", "norm=transductive", *mine)
    return folder


def body(run: Path) -> nn.Module:
    found = load(run).algorithm.model.body
    assert isinstance(found, nn.Module)
    return found


def inputs(images: np.ndarray) -> Tensor:
    """Images normalised as the yaml of the data set says: mean 0.5, standard deviation 0.25."""
    return (torch.from_numpy(images).float().movedim(-1, 1) / 255 - 0.5) / 0.25


def exported(folder: Path, *words: str) -> dict[str, np.ndarray]:
    call("features", *words, f"out={folder / 'out.npz'}")
    with np.load(folder / "out.npz", allow_pickle=False) as content:
        return dict(content)


@pytest.mark.parametrize("split", ["train", "test"])
def test_features_are_those_of_the_body(folder: Path, split: str) -> None:
    content = exported(folder, str(folder / "running"), f"split={split}", "batch=7")
    assert content["class_names"].tolist() == ["ant", "bee", "cat", "dog", "emu"]
    assert content["labels"].tolist() == sorted(content["labels"]) and len(content["labels"]) == 20
    for label, name in enumerate(content["class_names"]):
        with torch.no_grad():
            expected = body(folder / "running")(inputs(IMAGES[(split == SPLITS) & (name == NAMES)]))
        own = content["features"][content["labels"] == label]
        np.testing.assert_allclose(own, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_batch_norm_sees_a_mixed_batch(folder: Path) -> None:
    """A batch of the whole split: the statistics are those of all its images."""
    content = exported(folder, str(folder / "transductive"))
    images = IMAGES[SPLITS == "test"][np.argsort(NAMES[SPLITS == "test"], kind="stable")]
    with torch.no_grad():
        expected = body(folder / "transductive")(inputs(images))
    np.testing.assert_allclose(content["features"], expected.numpy(), rtol=1e-3, atol=1e-4)


def test_another_data_set_is_read_with_the_same_body(folder: Path) -> None:
    path = ("dataset=arrays", "dataset.size=16", f"dataset.path={folder / 'other.npz'}")
    content = exported(folder, str(folder / "running"), *path)
    chosen = (SPLITS == "test") & (NAMES == "cat")
    with torch.no_grad():
        expected = body(folder / "running")(inputs(255 - IMAGES[chosen]))
    own = content["features"][content["labels"] == 2]
    np.testing.assert_allclose(own, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_the_hash_names_the_weights(folder: Path) -> None:
    hashes = {}
    for name in ("running", "transductive"):
        checksum, state = hashlib.sha256(), body(folder / name).state_dict()
        for key in sorted(state):
            checksum.update(f"{key} {state[key].dtype} {tuple(state[key].shape)} ".encode())
            checksum.update(state[key].numpy().tobytes())
        hashes[name] = checksum.hexdigest()
        content = exported(folder, str(folder / name))
        assert content["weights_sha256"] == hashes[name]
        assert (content["dataset"], content["split"]) == ("arrays", "test")
    assert len(set(hashes.values())) == 2


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["RUN", "split=all"], "train, val or test"),
        (["RUN", "dataset=omniglut"], "Did you mean omniglot"),
        (["RUN", "dataset=omniglot"], "input_shape"),
        (["RUN", "dataset.path=x.npz"], "dataset=NAME"),
        (["split=test"], "one run"),
    ],
)
def test_wrong_words_are_answered(folder: Path, words: list[str], answer: str) -> None:
    given = [w.replace("RUN", str(folder / "running")) for w in words]
    assert answer in mistake("features", *given)


def test_a_data_set_without_stored_examples_is_refused(tmp_path: Path) -> None:
    train(tmp_path, "dataset=glyphs", *FAST)
    assert "no stored list" in mistake("features", str(tmp_path))
