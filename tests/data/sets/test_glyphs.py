"""Drawn characters: balanced, shuffled, reproducible, and neither trivial nor impossible."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from innerloop.data.sets.glyphs import Glyphs
from innerloop.errors import UserError
from innerloop.tasks import Episode, Task

EPISODE = Episode(5, 3, 4)


def draw(count: int = 40, episode: Episode = EPISODE, split: str = "test", seed: int = 0) -> Task:
    return Glyphs().tasks(split, np.arange(count), episode, seed)


def images(tasks: Task) -> Tensor:
    """All images of each task, `(tasks, examples, pixels)`."""
    return torch.cat([tasks.support.inputs, tasks.query.inputs], 1).flatten(2)


def test_inputs_have_the_expected_shape_type_and_range() -> None:
    tasks, source = draw(6), Glyphs()
    for examples, n in ((tasks.support, 15), (tasks.query, 20)):
        assert examples.inputs.shape == (6, n, *source.shape) == (6, n, 1, 28, 28)
        assert examples.inputs.dtype == torch.uint8 and examples.targets.dtype == torch.int64
        pixels = source.transform(examples.inputs)
        assert pixels.dtype == torch.float32
        assert pixels.min() == 0 and pixels.max() == 1


def test_another_size_draws_the_same_characters() -> None:
    small = images(draw(10)).float().unflatten(-1, (28, 28))
    large = Glyphs(56).tasks("test", np.arange(10), EPISODE, 0)
    halved = torch.nn.functional.avg_pool2d(images(large).float().unflatten(-1, (56, 56)), 2)
    assert (small - halved).abs().mean() < 0.2 * small.mean()


def test_labels_are_balanced_and_shuffled() -> None:
    tasks = draw(400)
    for examples, each in ((tasks.support, 3), (tasks.query, 4)):
        counts = torch.nn.functional.one_hot(examples.targets, 5).sum(1)
        assert (counts == each).all()
        # At every position each of five labels is expected in 80 of 400 tasks, with deviation 8.
        seen = torch.nn.functional.one_hot(examples.targets, 5).sum(0)
        assert seen.min() > 40 and seen.max() < 120


def test_a_task_is_a_function_of_its_index() -> None:
    batch, alone = draw(40), Glyphs().tasks("test", np.array([31]), EPISODE, 0)
    for many, one in zip(
        (*batch.support, *batch.query), (*alone.support, *alone.query), strict=True
    ):
        assert torch.equal(many[31], one[0])
    for other in (draw(40, seed=1), draw(40, split="val")):
        assert (images(other) != images(batch)).any(-1).all()


def test_no_image_is_blank_or_drawn_twice() -> None:
    everything = images(draw(200))
    bright = (everything > 127).sum(-1)
    assert bright.min() >= 8 and bright.max() < 400
    for task in everything:
        assert len(torch.unique(task, dim=0)) == len(task)


def only_character(split: str, seed: int) -> Tensor:
    """The mean of 100 drawings of the only class of a split."""
    source = Glyphs(classes={"train": 1, "val": 1, "test": 1})
    task = source.tasks(split, np.arange(1), Episode(1, 50, 50), seed)
    return images(task)[0].float().mean(0)


def test_a_class_is_one_character_for_all_seeds_and_another_in_each_split() -> None:
    characters = {s: [only_character(s, seed) for seed in (0, 1)] for s in ("train", "val", "test")}
    for split, (first, second) in characters.items():
        for other in set(characters) - {split}:
            apart = torch.dist(first, characters[other][0])
            assert torch.dist(first, second) < 0.5 * apart


def test_a_limited_number_of_classes_recurs_in_tasks() -> None:
    source = Glyphs(classes={"test": 5})
    tasks = [source.tasks("test", np.array([i]), Episode(5, 1, 60), 0) for i in (0, 1)]
    means = [
        torch.stack(
            [t.query.inputs[t.query.targets == label].float().mean(0) for label in range(5)]
        )
        for t in tasks
    ]
    nearest = torch.cdist(means[0].flatten(1), means[1].flatten(1)).argmin(1)
    assert sorted(nearest.tolist()) == [0, 1, 2, 3, 4]
    first, second = source.classes("test", np.arange(2), Episode(5, 1, 60), 0)
    assert second[nearest].tolist() == first.tolist()


def test_nearest_neighbour_is_above_chance_and_below_certainty() -> None:
    tasks = draw(200, Episode(5, 1, 5))
    support, query = (x.inputs.flatten(2).float() for x in tasks)
    nearest = torch.cdist(query, support).argmin(-1)
    right = torch.gather(tasks.support.targets, 1, nearest) == tasks.query.targets
    assert 0.45 < right.float().mean() < 0.75


def test_images_of_one_class_are_closer_than_those_of_two() -> None:
    tasks = draw(100)
    support, query = (x.inputs.flatten(2).float() for x in tasks)
    distance = torch.cdist(query, support)
    same = tasks.query.targets[:, :, None] == tasks.support.targets[:, None]
    assert distance[same].mean() < 0.95 * distance[~same].mean()


@pytest.mark.parametrize(
    ("split", "key"), [("train", "episode.ways"), ("test", "episode.test.ways")]
)
def test_too_many_ways_are_refused(split: str, key: str) -> None:
    source = Glyphs(classes={split: 10})
    source.check(split, Episode(10, 1, 1))
    source.check("val", Episode(1000, 1, 1))
    with pytest.raises(
        UserError, match=f"The {split} split .* 10 classes.* {key}=25; .*at most 10"
    ):
        source.check(split, Episode(25, 1, 1))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Glyphs(classes={"tset": 5}),
        lambda: Glyphs(classes={"test": 0}),
        lambda: Glyphs(size=0),
    ],
)
def test_impossible_parameters_are_refused(make: Callable[[], Glyphs]) -> None:
    with pytest.raises(UserError, match="glyphs"):
        make()


def test_fingerprint_follows_the_parameters_of_its_split() -> None:
    plain, few = Glyphs(), Glyphs(classes={"test": 10})
    assert plain.fingerprint("train") == few.fingerprint("train")
    assert (
        len({plain.fingerprint("test"), few.fingerprint("test"), Glyphs(32).fingerprint("test")})
        == 3
    )
