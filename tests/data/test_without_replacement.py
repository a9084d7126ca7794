"""Test tasks without replacement: no image twice, classes at random, until too few are left."""

from pathlib import Path

import numpy as np
import pytest
from data.numbered import Numbered
from scipy import stats

from innerloop.data.module import TaskData
from innerloop.data.packs.writing import Classes
from innerloop.data.sets.glyphs import Glyphs
from innerloop.data.without_replacement import plan
from innerloop.errors import UserError
from innerloop.tasks import Episode, Range

EPISODE = Episode(3, 1, 2, replacement=False)
COUNTS = [20, 9, 14, 30, 8, 2]


def identities(source: Numbered, episode: Episode, tasks: int) -> list[tuple[int, int]]:
    """Class and number of every image of the first tasks, in any turn."""
    batch = source.tasks("test", np.arange(tasks), episode, 7)
    images = np.concatenate([examples.inputs.numpy() for examples in batch], 1).reshape(-1, 4, 4)
    turned = [next(t for k in range(4) if (t := np.rot90(i, k))[0, :2].min() > 0) for i in images]
    return [(int(image[0, 0]), int(image[0, 1])) for image in turned]


@pytest.mark.parametrize("rotations", [False, True])
def test_no_image_is_in_two_tasks(tmp_path: Path, rotations: bool) -> None:
    source = Numbered(tmp_path, COUNTS, rotations)
    tasks = source.longest_list("test", EPISODE, 7)
    seen = identities(source, EPISODE, tasks)
    assert len(seen) == 9 * tasks == len({*seen})
    usual = identities(source, EPISODE._replace(replacement=True), tasks)
    assert len({*usual}) < len(usual)


def test_labels_name_the_classes_of_the_images(tmp_path: Path) -> None:
    source = Numbered(tmp_path, COUNTS)
    indices = np.arange(source.longest_list("test", EPISODE, 7))
    classes = source.classes("test", indices, EPISODE, 7)
    for examples in source.tasks("test", indices, EPISODE, 7):
        shown = examples.inputs[:, :, 0, 0, 0].numpy().astype(int) - 1
        assert (np.take_along_axis(classes, examples.targets.numpy(), 1) == shown).all()


def test_the_list_ends_when_too_few_classes_are_left() -> None:
    classes, _ = plan("test", np.array(COUNTS), EPISODE, 7)
    left = np.array(COUNTS) // 3 - np.bincount(classes.ravel(), minlength=6)
    assert (left >= 0).all() and (left > 0).sum() < 3
    assert all(len({*row}) == 3 for row in classes)
    assert len(plan("test", np.array([2, 2]), EPISODE, 7).classes) == 0


def test_classes_and_images_are_drawn_at_random() -> None:
    counts = np.array([9] * 6)
    first = [plan("test", counts, EPISODE, seed) for seed in range(1500)]
    assert stats.chisquare(np.bincount([p.classes[0, 0] for p in first])).pvalue > 0.001
    assert stats.chisquare(np.bincount([p.images[0, 0, 0] for p in first])).pvalue > 0.001


def data_of(source: Numbered | Glyphs, episode: Episode, tasks: int) -> TaskData:
    """Its test has this number of tasks."""
    return TaskData(source, Episode(2, 1, 1), episode, 1, 1, 1, tasks, 1, 0, 7)


def test_a_list_that_is_too_long_is_refused_with_the_number_that_works(tmp_path: Path) -> None:
    source = Numbered(tmp_path, [9, 9, 9])
    data_of(source, EPISODE, 3).setup("test")
    with pytest.raises(UserError, match=r"make 3 tasks of 3 classes .* evaluation\.tasks=3"):
        data_of(source, EPISODE, 4).setup("test")
    with pytest.raises(UserError, match="test tasks of one size"):
        data_of(source, EPISODE._replace(shots=Range(1, 2)), 3).setup("test")
    with pytest.raises(UserError, match="Glyphs cannot draw tasks that share no image"):
        data_of(Glyphs(), EPISODE, 3).setup("test")


class InSeries(Numbered):
    """Three images of each physical thing."""

    def _classes(self) -> Classes:
        for name, images, *_ in super()._classes():
            yield name, images, np.arange(len(images)) // 3


def test_images_in_series_are_refused(tmp_path: Path) -> None:
    """The list would put images of one thing into support and query."""
    with pytest.raises(UserError, match="the images of numbered come in series"):
        data_of(InSeries(tmp_path, [9] * 4), EPISODE, 2).setup("test")


def test_validation_tasks_are_drawn_as_usual(tmp_path: Path) -> None:
    source = Numbered(tmp_path, COUNTS)
    without, usual = (data_of(source, EPISODE._replace(replacement=r), 3) for r in (False, True))
    (one,), (other,) = list(without.val_dataloader()), list(usual.val_dataloader())
    assert (one.support.inputs == other.support.inputs).all()
    assert without.first("test", 3).support.inputs.shape[0] == 3
