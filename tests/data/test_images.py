"""Episodes of image classes: guarantees for every task, tested with generated images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from data.numbered import Numbered

from innerloop.errors import UserError
from innerloop.tasks import Episode, Task

EPISODE = Episode(ways=4, shots=2, queries=3)


@pytest.fixture
def source(tmp_path: Path) -> Numbered:
    return Numbered(tmp_path, [5, 6, 7, 8, 9, 10])


def draw(source: Numbered, count: int = 50, seed: int = 0, split: str = "train") -> Task:
    return source.tasks(split, np.arange(count), EPISODE, seed)


def names(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Class and example of every image of support and query together: `(tasks, rows)` each."""
    both = torch.cat([task.support.inputs, task.query.inputs], 1)[:, :, 0].numpy()
    return both[..., 0, 0], both[..., 0, 1]


def test_support_and_query_share_no_image(source: Numbered) -> None:
    classes, examples = names(draw(source))
    for pairs in classes.astype(int) * 100 + examples:
        assert len(set(pairs)) == EPISODE.ways * (EPISODE.shots + EPISODE.queries)


def test_labels_are_balanced_and_name_one_class_each(source: Numbered) -> None:
    task = draw(source)
    classes, _ = names(task)
    labels = torch.cat([task.support.targets, task.query.targets], 1).numpy()
    for row in range(50):
        assert len(set(classes[row])) == EPISODE.ways
        assert len({*zip(classes[row], labels[row], strict=True)}) == EPISODE.ways
    for examples, each in ((task.support, EPISODE.shots), (task.query, EPISODE.queries)):
        assert all((examples.targets == label).sum(1).eq(each).all() for label in range(4))


def test_rows_are_shuffled_and_labels_do_not_depend_on_the_class(source: Numbered) -> None:
    task = draw(source, 600)
    classes, _ = names(task)
    first = task.support.targets[:, 0].numpy()
    assert np.bincount(first, minlength=4).min() > 100  # 150 expected
    assert (task.query.targets[:, 0] != task.support.targets[:, 0]).any()
    table = np.zeros((6, 4))
    np.add.at(table, (classes[:, 0].astype(int) - 1, first), 1)
    expected = table.sum(1, keepdims=True) * table.sum(0) / table.sum()
    assert ((table - expected) ** 2 / expected).sum() < 37.7  # chi-square, 15 degrees, p = 0.001


def test_every_example_of_a_class_is_drawn_equally_often(source: Numbered) -> None:
    classes, examples = names(draw(source, 1500))
    for number, size in enumerate(source.sizes):
        seen = np.bincount(examples[classes == number + 1] - 1, minlength=size)
        expected = seen.sum() / size
        assert len(seen) == size
        # Draws without replacement vary less than chi-square: a bound on it holds all the more.
        assert ((seen - expected) ** 2 / expected).sum() < 30


def test_a_task_is_a_function_of_its_index(source: Numbered) -> None:
    batch, alone = draw(source, 9), source.tasks("train", np.array([7]), EPISODE, 0)
    for many, one in zip(
        (*batch.support, *batch.query), (*alone.support, *alone.query), strict=True
    ):
        assert torch.equal(many[7], one[0])
    assert not torch.equal(draw(source, 9, seed=1).support.inputs, batch.support.inputs)
    assert not torch.equal(draw(source, 9, split="val").support.inputs, batch.support.inputs)


def test_rotations_are_classes_and_a_task_has_one_rotation_of_a_class(tmp_path: Path) -> None:
    source = Numbered(tmp_path, [9] * 6, rotations=True)
    plain = Numbered(tmp_path, [9] * 6)
    turned, straight = draw(source, 100), draw(plain, 100)
    all_turns = set()
    for row in range(100):
        turns: dict[int, set[int]] = {}
        for a, b, label in zip(
            turned.support.inputs[row, :, 0], straight.support.inputs[row, :, 0],
            turned.support.targets[row], strict=True,
        ):  # fmt: skip
            turn = next(k for k in range(4) if torch.equal(a, torch.rot90(b, k)))
            turns.setdefault(int(label), set()).add(turn)
            all_turns.add(turn)
        assert all(len(same) == 1 for same in turns.values())
    assert all_turns == {0, 1, 2, 3}
    assert source.fingerprint("test") != plain.fingerprint("test")


def test_too_many_ways_or_examples_are_refused(source: Numbered) -> None:
    source.check("train", Episode(6, 2, 3))
    with pytest.raises(UserError, match=r"has 6 classes, fewer than episode\.ways=7"):
        source.check("train", Episode(7, 1, 1))
    with pytest.raises(
        UserError, match=r"Class class0 .* 5 images, fewer than episode\.test\.shots"
    ):
        source.check("test", Episode(2, 3, 3))


def test_transform_normalises_each_channel(source: Numbered) -> None:
    source.mean, source.std = torch.tensor([0.5]), torch.tensor([0.25])
    raw = torch.tensor([0, 255], dtype=torch.uint8).view(1, 2, 1, 1, 1)
    torch.testing.assert_close(source.transform(raw).flatten(), torch.tensor([-2.0, 2.0]))


def test_classes_are_listed_in_the_order_of_the_labels(source: Numbered) -> None:
    task, standing = draw(source), source.classes("train", np.arange(50), EPISODE, 0)
    labels = torch.cat([task.support.targets, task.query.targets], 1).numpy()
    np.testing.assert_array_equal(names(task)[0], 1 + np.take_along_axis(standing, labels, 1))


@pytest.mark.parametrize("ways", [3, 20])
def test_tasks_with_one_query_of_each_class(tmp_path: Path, ways: int) -> None:
    source, episode = Numbered(tmp_path, [9] * 24), Episode(ways, 1, 1)
    support, query = source.tasks("test", np.arange(200), episode, 0)
    assert support.inputs.shape[:2] == query.inputs.shape[:2] == (200, ways)
    assert (query.targets.sort(1).values == torch.arange(ways)).all()
    for row in range(200):
        order = [examples.targets[row].argsort() for examples in (support, query)]
        known, asked = support.inputs[row][order[0], 0, 0], query.inputs[row][order[1], 0, 0]
        assert (known[:, 0] == asked[:, 0]).all()  # the class
        assert (known[:, 1] != asked[:, 1]).all()  # the image
