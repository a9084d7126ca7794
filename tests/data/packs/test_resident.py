"""Images that are kept on the device equal those of the files, wherever they are used."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.plugins import Precision
from torch.utils._pytree import tree_map

from innerloop.data.images import ImageClasses
from innerloop.data.module import TaskData
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.resident import Places, fits
from innerloop.data.packs.writing import Classes
from innerloop.errors import UserError
from innerloop.tasks import Episode, Task

EPISODE = Episode(ways=3, shots=1, queries=2)


class Noise(ImageClasses):
    """Classes of random pixels, with different images and numbers of images in each split."""

    @property
    def recipe(self) -> dict[str, Any]:
        return {}

    def read(self) -> Mapping[str, Classes]:
        return {split: self._classes(i) for i, split in enumerate(("train", "val", "test"))}

    def _classes(self, split: int) -> Classes:
        rng = np.random.default_rng(split)
        for number in range(4 + split):
            yield str(number), rng.integers(0, 256, (5 + split, 6, 6, 2), np.uint8)


def noise(folder: Path, **more: Any) -> Noise:
    return Noise("noise", folder, mean=(0.4, 0.5), std=(0.2, 0.3), **more)


def same(actual: Task, expected: Task) -> None:
    tree_map(lambda a, b: torch.testing.assert_close(a, b, rtol=0, atol=0), actual, expected)


@pytest.mark.parametrize("rotations", [False, True])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_images_on_the_device_equal_those_of_the_files(
    split: str, rotations: bool, tmp_path: Path
) -> None:
    source = noise(tmp_path, rotations=rotations, on_device=True)
    source.use_device(torch.device("cpu"))
    request = (split, np.arange(9), EPISODE, 3)
    sent, plain = source.compact_tasks(*request), source.tasks(*request)
    for (places, labels), (images, expected) in zip(sent, plain, strict=True):
        assert isinstance(places, Places) and images.dtype == torch.uint8
        assert torch.equal(labels, expected)
        same(source.transform(places), source.transform(images))


@pytest.mark.parametrize("workers", [0, 1])
def test_loaders_send_indices_and_the_learner_gets_images(workers: int, tmp_path: Path) -> None:
    inputs = {}
    for on_device in (False, True):
        source = noise(tmp_path, rotations=True, on_device=on_device)
        data = TaskData(source, EPISODE, EPISODE, 3, 4, 5, 6, 2, 0, 1, workers)
        trainer: Any = SimpleNamespace(
            world_size=1, global_rank=0, global_step=0,
            strategy=SimpleNamespace(root_device=torch.device("cpu")), precision_plugin=Precision(),
        )  # fmt: skip
        data.trainer = trainer
        data.prepare_data()
        data.setup("fit")
        loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
        batches = [batch for loader in loaders for batch in loader]
        assert all(isinstance(b.query.inputs, Places) == on_device for b in batches)
        inputs[on_device] = [data.on_after_batch_transfer(batch, 0) for batch in batches]
    assert len(inputs[True]) == 3 + 3 + 3
    for here, there in zip(inputs[True], inputs[False], strict=True):
        same(here, there)


def test_a_data_worker_is_not_sent_the_images(tmp_path: Path) -> None:
    source = noise(tmp_path, on_device=True)
    source.use_device(torch.device("cpu"))
    sent = pickle.loads(pickle.dumps(source))
    request = ("val", np.arange(2), EPISODE, 0)
    same(sent.compact_tasks(*request), source.compact_tasks(*request))
    assert sent._resident.images is None


def test_images_are_moved_to_the_device_once(tmp_path: Path) -> None:
    source = noise(tmp_path, on_device=True)
    source.use_device(torch.device("cpu"))
    first = source._resident
    source.prepare()
    source.use_device(torch.device("cpu"))
    assert source._resident is first is not None


class Halved(Noise):
    """A source with its own tasks."""

    def tasks(self, *request: Any) -> Task:
        return tree_map(lambda x: x // 2, super().tasks(*request))


class Inverted(Noise):
    """A source with its own transform."""

    def transform(self, inputs: Any) -> Any:
        return super().transform(255 - inputs)


@pytest.mark.parametrize("kind", [Halved, Inverted])
def test_a_source_with_its_own_tasks_or_transform_gets_images(kind: Any, tmp_path: Path) -> None:
    source = kind("noise", tmp_path, on_device=True)
    source.use_device(torch.device("cpu"))
    request = ("val", np.arange(2), EPISODE, 0)
    same(source.compact_tasks(*request), source.tasks(*request))


def test_auto_asks_for_a_gpu_with_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, cuda = noise(tmp_path), torch.device("cuda", 0)
    pack: Pack = source.pack
    assert not fits(pack, torch.device("cpu"))
    size = sum(int(np.prod(pack.images(split).shape)) for split in ("train", "val", "test"))
    for free, expected in ((4 * size + 4, True), (4 * size - 4, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 10 * free))
        assert fits(pack, cuda) is expected
    source.use_device(torch.device("cpu"))
    sent = source.compact_tasks("val", np.arange(1), EPISODE, 0)
    assert not isinstance(sent.query.inputs, Places)


def test_an_unknown_on_device_choice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="auto, true or false"):
        noise(tmp_path, on_device="always")
