"""Plain batches: an endless walk through the images of a split, labelled with all its classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data.numbered import Numbered
from torch.utils._pytree import tree_map

from innerloop.data.epochs import epoch_members
from innerloop.data.packs.pack import Pack
from innerloop.data.sets.glyphs import Glyphs
from innerloop.data.sets.sinusoid import Sinusoid
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Task

COUNTS = [5, 6, 7, 8, 9, 10]
IMAGES = sum(COUNTS)


def same(actual: Task, expected: Task) -> None:
    tree_map(lambda a, b: torch.testing.assert_close(a, b, rtol=0, atol=0), actual, expected)


def walk(source: TaskSource, count: int, size: int, seed: int = 0) -> tuple[Any, Any]:
    """Images and labels of the first batches, one after the other."""
    support, query = source.batches("train", np.arange(count), size, seed)
    assert support.inputs.shape[:2] == support.targets.shape == (count, 0)
    assert query.inputs.shape[:2] == query.targets.shape == (count, size)
    return query.inputs.flatten(0, 1), query.targets.flatten()


def test_an_epoch_visits_every_image_once_in_a_new_order() -> None:
    orders = epoch_members(3, "train", np.arange(5 * 40), 40).reshape(5, 40)
    assert (np.sort(orders) == np.arange(40)).all()
    assert len({tuple(order) for order in orders}) == 5
    assert (orders != np.arange(40)).any(1).all()
    other = epoch_members(4, "train", np.arange(40), 40)
    assert (other != orders[0]).any()


def test_each_position_of_the_walk_can_be_computed_alone() -> None:
    places = np.random.default_rng(0).integers(0, 500, (6, 7))
    alone = [epoch_members(3, "train", np.array([place]), 40)[0] for place in places.flat]
    assert epoch_members(3, "train", places, 40).flatten().tolist() == alone


@pytest.mark.parametrize("rotations", [False, True])
def test_an_epoch_shows_every_image_once_under_the_label_of_its_class(
    rotations: bool, tmp_path: Path
) -> None:
    source = Numbered(tmp_path, COUNTS, rotations)
    turns = 4 if rotations else 1
    assert source.classes_in("train") == 6 * turns
    images, labels = walk(source, IMAGES * turns // 5 * 2, 5)
    corners = {0: (0, 0), 1: (3, 0), 2: (3, 3), 3: (0, 3)}  # where a rotation moves the first pixel
    seen = []
    for image, label in zip(images[:, 0].numpy(), labels.tolist(), strict=True):
        turn, number = divmod(label, 6)
        assert image[corners[turn]] == number + 1
        seen.append((label, int(np.rot90(image, -turn)[0, 1])))
    epochs = [seen[: IMAGES * turns], seen[IMAGES * turns :]]
    for epoch in epochs:
        assert len(set(epoch)) == len(epoch) == IMAGES * turns
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("kind", ["images", "glyphs"])
def test_a_batch_is_a_function_of_its_number_and_seed(kind: str, tmp_path: Path) -> None:
    source = Numbered(tmp_path, COUNTS) if kind == "images" else Glyphs(16, {"train": 9})
    both = source.batches("train", np.array([2, 7]), 10, 5)
    for place, index in enumerate((2, 7)):
        alone = source.batches("train", np.array([index]), 10, 5)
        same(alone, tree_map(lambda x: x[place : place + 1], both))  # noqa: B023
    other = source.batches("train", np.array([2, 7]), 10, 6)
    assert (other.query.targets != both.query.targets).any()


@pytest.mark.parametrize("rotations", [False, True])
def test_batches_on_the_device_equal_those_of_the_files(rotations: bool, tmp_path: Path) -> None:
    plain = Numbered(tmp_path, COUNTS, rotations)
    resident = Numbered(tmp_path, COUNTS, rotations)
    resident.on_device = True
    resident.use_device(torch.device("cpu"))
    request = ("val", np.arange(7), 11, 3)
    sent, expected = resident.compact_batches(*request), plain.compact_batches(*request)
    for (places, labels), (images, targets) in zip(sent, expected, strict=True):
        assert not torch.is_tensor(places) and images.dtype == torch.uint8
        assert torch.equal(labels, targets)
        same(resident.transform(places), plain.transform(images))


def test_who_counts_the_classes_first_is_still_warned_of_the_data_once(tmp_path: Path) -> None:
    warned = []

    class Warns(Numbered):
        def warn(self, pack: Pack) -> None:
            warned.append(pack)

    source = Warns(tmp_path, COUNTS)
    source.classes_in("train")
    source.prepare()
    source.prepare()
    assert warned == [source.pack]


def test_glyphs_draw_each_class_anew_once_an_epoch() -> None:
    source = Glyphs(16, {"train": 9})
    assert source.classes_in("train") == 9
    images, labels = walk(source, 6, 6)
    for epoch in labels.reshape(4, 9):
        assert epoch.sort().values.tolist() == list(range(9))
    assert len({image.numpy().tobytes() for image in images}) == 36


def test_glyphs_of_a_batch_resemble_others_of_their_class() -> None:
    """Drawings of one class resemble each other more than drawings of other classes."""
    source = Glyphs(16, {"train": 5})
    images, labels = walk(source, 60, 5)
    rows, means = images.flatten(1).float(), []
    for number in range(5):
        means.append(rows[labels == number].mean(0))
    nearest = torch.cdist(rows, torch.stack(means)).argmin(1)
    assert (nearest == labels).float().mean() > 0.6


def test_sources_without_a_fixed_set_of_classes_refuse_plain_batches() -> None:
    for source, words in ((Glyphs(16), "dataset.classes={train: 64}"), (Sinusoid(), "no list")):
        for ask in (
            lambda s: s.classes_in("train"),
            lambda s: s.batches("train", np.arange(1), 4, 0),
        ):
            with pytest.raises(UserError, match="training=batches") as error:
                ask(source)
            assert words in str(error.value)
