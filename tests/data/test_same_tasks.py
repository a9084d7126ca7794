"""The test tasks of a seed are the same for any number of workers and processes, on any device."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from data import real
from data.numbered import Numbered
from torch.utils._pytree import tree_leaves

from innerloop.data.images import ImageClasses
from innerloop.data.module import TaskData
from innerloop.data.sets.mixture import Mixture
from innerloop.data.sets.omniglot import Omniglot
from innerloop.data.source import TaskSource
from innerloop.tasks import Episode, Padded, Range, Task, count, only, part

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on few cores
TASKS = 10_000
EPISODES = [Episode(5, 1, 3), Episode(Range(2, 6), Range(1, 5), Range(1, 3), "meta_dataset")]


def source_in(folder: Path, images: int = 9) -> Numbered:
    """Eight classes, in all turns."""
    return Numbered(folder, [images] * 8, rotations=True)


def batches(
    source: TaskSource, episode: Episode, workers: int = 0, ranks: int = 1, size: int = 100
) -> Iterator[tuple[int, Task]]:
    """The number of the first task and the tasks of each batch, of all processes in turn."""
    for rank in range(ranks):
        data = TaskData(source, episode, episode, 1, 1, 1, TASKS, size, 0, 7, workers=workers)
        trainer: Any = SimpleNamespace(
            world_size=ranks, global_rank=rank, global_step=0,
            strategy=SimpleNamespace(root_device=torch.device("cpu")),
            precision_plugin=SimpleNamespace(convert_input=lambda tasks: tasks),
        )  # fmt: skip
        data.trainer = trainer
        loader = data.test_dataloader()
        for indices, tasks in zip(loader.batch_sampler, loader, strict=True):
            yield indices[0], data.on_after_batch_transfer(tasks, 0)


def hash_of(numbered: Iterator[tuple[int, Task]]) -> str:
    """SHA-256 of all real rows that a learner sees, task by task in the order of the list."""
    every = sorted(numbered, key=lambda pair: pair[0])
    assert sum(count(tasks) for _, tasks in every) == TASKS
    sha256 = hashlib.sha256()
    for _, tasks in every:
        for row in range(count(tasks)):
            for examples in only(part(tasks, row, row + 1)):
                inputs, targets = examples
                real = inputs.real if isinstance(inputs, Padded) else torch.ones_like(targets) > 0
                for leaf in (tree_leaves(inputs)[0][real], targets[real]):
                    sha256.update(leaf.contiguous().numpy().tobytes())
    return sha256.hexdigest()


def resident(source: ImageClasses) -> ImageClasses:
    """The same data set with its images stored on the device."""
    source.on_device = True
    source.use_device(torch.device("cpu"))
    return source


@pytest.mark.parametrize("episode", EPISODES, ids=str)
def test_ten_thousand_tasks_do_not_depend_on_how_they_are_loaded(
    episode: Episode, tmp_path: Path
) -> None:
    expected = hash_of(batches(source_in(tmp_path), episode))
    for variant in ({"workers": 1}, {"workers": 4, "ranks": 2}, {"ranks": 2}, {"size": 70}):
        assert hash_of(batches(source_in(tmp_path), episode, **variant)) == expected, variant
    for variant in ({}, {"workers": 4}, {"ranks": 2}):
        on_device = resident(source_in(tmp_path))
        assert hash_of(batches(on_device, episode, **variant)) == expected, variant
    fewer_images = source_in(tmp_path / "other", images=8)
    assert hash_of(batches(fewer_images, episode)) != expected


@pytest.mark.parametrize("episode", EPISODES, ids=str)
def test_a_mixture_does_not_depend_on_how_it_is_loaded(episode: Episode, tmp_path: Path) -> None:
    def mixture() -> Mixture:
        parts = {name: source_in(tmp_path / name, n) for name, n in (("few", 6), ("many", 9))}
        return Mixture(dict(parts), size=4, channels=1)

    expected = hash_of(batches(mixture(), episode))
    for variant in ({"workers": 4}, {"ranks": 2, "size": 70}):
        assert hash_of(batches(mixture(), episode, **variant)) == expected, variant


@pytest.mark.slow
def test_ten_thousand_tasks_of_omniglot_do_not_depend_on_how_they_are_loaded(
    tmp_path: Path,
) -> None:
    data, episode = real.folder("omniglot", tmp_path), EPISODES[1]
    expected = hash_of(batches(Omniglot(str(data)), episode))
    for variant in ({"workers": 1}, {"workers": 4}, {"ranks": 2}):
        assert hash_of(batches(Omniglot(str(data)), episode, **variant)) == expected, variant
    assert hash_of(batches(resident(Omniglot(str(data))), episode)) == expected
