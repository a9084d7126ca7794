"""The protocol's hash: equal for equal tasks, different if the learner sees different ones."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from innerloop.data import sampling
from innerloop.data.images import ImageClasses
from innerloop.data.module import TaskData
from innerloop.data.sets.folder import Folder
from innerloop.evaluation.protocol import protocol
from innerloop.tasks import Episode, Task

EPISODE = Episode(3, 1, 4)
PICTURES = np.random.default_rng(0).integers(0, 255, (30, 8, 8), dtype=np.uint8)


def folder(
    root: Path, borders: Sequence[int] = (10, 20), names: str = "abc", order: Any = None
) -> Path:
    """Folders with the same pictures in each split, shifted, divided into classes."""
    pictures = PICTURES if order is None else PICTURES[order]
    for roll, split in enumerate(("train", "val", "test")):
        for name, part in zip(names, np.split(pictures, borders), strict=True):
            (root / split / name).mkdir(parents=True)
            for number, picture in enumerate(part):
                rolled = Image.fromarray(np.roll(picture, roll, 0))
                rolled.save(root / split / name / f"{number:02}.png")
    return root


def data_of(source: Any) -> TaskData:
    source.prepare()
    return TaskData(source, EPISODE, EPISODE, 1, 1, 1, 20, 1, 0, 7)


def hash_of(source: Any) -> str:
    print_ = data_of(source).fingerprint("test")
    return protocol(print_, "test", EPISODE, 20, 7, None, "val/accuracy")["hash"]


def tasks_of(source: Any) -> Task:
    data = data_of(source)
    return data.on_after_batch_transfer(data.first("test", 20), 0)


def seen_alike(first: Any, second: Any) -> bool:
    pairs = zip(*[(*t.support, *t.query) for t in map(tasks_of, (first, second))], strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def of(path: Path, kind: Any = Folder, **more: Any) -> Any:
    return kind(str(path), **{"size": 8, "channels": 1} | more)


class Brighter(Folder):
    """A source with its own transform."""

    def transform(self, inputs: Any) -> Any:
        return super().transform(inputs) + 0.1


class Halved(Folder):
    """A source with its own tasks."""

    def tasks(self, *request: Any) -> Task:
        task = super().tasks(*request)
        return Task(*[x._replace(inputs=x.inputs // 2) for x in task])


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return folder(tmp_path / "base")


@pytest.mark.parametrize(
    "change",
    [
        {"borders": (8, 19)},  # the same pictures in the same order
        {"names": "xyz"},
        {"order": np.arange(30)[::-1]},
        {"mean": [0.5]},
        {"std": [0.2]},
        {"std": [0.9999999]},
        {"size": 9},
        {"channels": 3},
        {"kind": Brighter},
        {"kind": Halved},
    ],
    ids=str,
)
def test_changes_that_the_learner_sees_change_the_hash(
    change: dict[str, Any], base: Path, tmp_path: Path
) -> None:
    files = {k: change[k] for k in change.keys() & {"borders", "names", "order"}}
    more = {k: change[k] for k in change.keys() - files.keys()}
    other = of(folder(tmp_path / "other", **files), **more)
    assert hash_of(other) != hash_of(of(base))
    if "names" not in change:
        assert tasks_of(other).query.inputs.shape[2:] != (1, 8, 8) or not seen_alike(
            other, of(base)
        )


def test_rotations_change_the_hash(base: Path) -> None:
    turned = of(base)
    turned.rotations = True
    assert hash_of(turned) != hash_of(of(base))


def test_another_sampler_changes_the_hash(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = hash_of(of(base))
    monkeypatch.setattr(sampling, "VERSION", 99)
    assert hash_of(of(base)) != before


def test_paths_and_times_of_files_do_not_change_the_hash(base: Path, tmp_path: Path) -> None:
    before = hash_of(of(base))
    shutil.copytree(base, tmp_path / "copy", ignore=shutil.ignore_patterns("packed"))
    for file in (tmp_path / "copy").rglob("*.png"):
        os.utime(file, (1, 1))
    (tmp_path / "copy/test/a/00.png").rename(tmp_path / "copy/test/a/000.png")
    copied = of(tmp_path / "copy")
    assert hash_of(copied) == before
    assert seen_alike(copied, of(base))


def test_a_class_list_and_split_folders_have_the_same_hash(base: Path, tmp_path: Path) -> None:
    for split in ("train", "val", "test"):  # different names, because one folder holds all classes
        for name in "abc":
            (base / split / name).rename(base / split / f"{split}-{name}")
            shutil.copytree(base / split / f"{split}-{name}", tmp_path / f"tree/{split}-{name}")
    lists = "".join(f"{s}: [{s}-a, {s}-b, {s}-c]\n" for s in ("train", "val", "test"))
    (tmp_path / "split.yaml").write_text(lists)
    assert hash_of(of(tmp_path / "tree", split=str(tmp_path / "split.yaml"))) == hash_of(of(base))


def test_the_hash_draws_no_random_numbers(base: Path) -> None:
    class Noisy(Folder):
        def transform(self, inputs: Any) -> Any:
            return super().transform(inputs) + torch.rand(())

    before = torch.get_rng_state()
    assert hash_of(of(base, kind=Noisy)) == hash_of(of(base, kind=Noisy))
    assert torch.equal(torch.get_rng_state(), before)


def test_one_image_per_class_is_enough_for_a_hash(tmp_path: Path) -> None:
    class Single(ImageClasses):
        recipe = {"single": True}

        def read(self) -> Any:
            image = np.zeros((1, 4, 4, 1), np.uint8)
            return {split: [("a", image)] for split in ("train", "val", "test")}

    assert Single("single", tmp_path).fingerprint("test").startswith("single test ")
