"""Tables: classes are intervals of a hidden score, of the stated sizes, and can be learned."""

import numpy as np
import pytest
import torch
from scipy import stats

from innerloop.data import sampling
from innerloop.data.sets.tabular_prior import TabularPrior, tables
from innerloop.errors import UserError
from innerloop.tasks import PADDING, Episode, Padded, Range, Task

EPISODE = Episode(3, 5, 7)
UNEQUAL = Episode(Range(2, 4), Range(2, 9), Range(3, 5), "uniform")


def draw(count: int = 200, episode: Episode = EPISODE, split: str = "test", seed: int = 0) -> Task:
    return TabularPrior(6).tasks(split, np.arange(count), episode, seed)


def real_rows(tasks: Task, task: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of the real rows of a task, support first."""
    parts = []
    for inputs, targets in tasks:
        assert isinstance(inputs, Padded)
        parts.append((inputs.values[task][inputs.real[task]], targets[task][inputs.real[task]]))
    return tuple(torch.cat(pair).numpy() for pair in zip(*parts, strict=True))  # type: ignore


def test_every_class_has_exactly_its_rows() -> None:
    for (inputs, targets), each in zip(draw(), (5, 7), strict=True):
        assert inputs.shape == (200, 3 * each, 6) and inputs.dtype == torch.float32
        assert (torch.nn.functional.one_hot(targets, 3).sum(1) == each).all()


def test_no_row_appears_twice_in_a_task() -> None:
    rows = torch.cat([part.inputs for part in draw()], 1)
    assert all(len(torch.unique(task, dim=0)) == len(task) for task in rows)


@pytest.mark.parametrize("episode", [EPISODE, UNEQUAL])
def test_classes_are_intervals_of_the_score(episode: Episode) -> None:
    tasks, indices = draw(60, episode), np.arange(60)
    keys = sampling.split(sampling.keys(0, "tables/test", indices), 2)[:, 0]
    most = 36 if episode is EPISODE else 4 * 14
    features, scores = tables(keys, most, 6)
    orders = []
    for task in range(60):
        if episode is EPISODE:
            rows, labels = (torch.cat([p[i][task] for p in tasks]).numpy() for i in (0, 1))
        else:
            rows, labels = real_rows(tasks, task)
        place = {row.tobytes(): score for row, score in zip(features[task], scores[task],
                                                            strict=True)}  # fmt: skip
        along = labels[np.argsort([place[row.tobytes()] for row in rows])]
        assert (np.diff(along) != 0).sum() == len(np.unique(labels)) - 1
        orders.append(tuple(dict.fromkeys(along.tolist())))
    assert len(set(orders)) > 4  # which class is lowest is drawn at random


def test_the_support_is_no_lower_part_of_a_class() -> None:
    """The scores of support and query rows of a class have the same distribution."""
    source, indices, episode = TabularPrior(6), np.arange(500), Episode(2, 4, 4)
    keys = sampling.split(sampling.keys(0, "tables/train", indices), 2)[:, 0]
    features, scores = tables(keys, 16, 6)
    tasks = source.tasks("train", indices, episode, 0)
    ranks = scores.argsort(1).argsort(1)
    shares = []
    for task in range(500):
        rank = {row.tobytes(): r for row, r in zip(features[task], ranks[task], strict=True)}
        rows = tasks.support.inputs[task].numpy()
        shares.append(np.mean([rank[row.tobytes()] % 8 for row in rows]))
    # The mean rank of half of 0..7, drawn at random twice: 3.5, with a deviation below 0.7.
    assert abs(np.mean(shares) - 3.5) < 4 * 0.7 / np.sqrt(500)


def test_a_task_has_two_or_more_features_and_zeros_for_the_others() -> None:
    used = (draw(600).support.inputs != 0).any(1)
    assert (used.int().diff(dim=1) <= 0).all()
    counts = np.bincount(used.sum(1).numpy(), minlength=7)
    assert not counts[:2].any() and stats.chisquare(counts[2:]).pvalue > 0.001


@pytest.mark.parametrize("episode", [EPISODE, UNEQUAL])
def test_a_task_is_a_function_of_its_index(episode: Episode) -> None:
    source, batch = TabularPrior(6), draw(30, episode)
    alone = source.tasks("test", np.array([17]), episode, 0)
    for many, one in zip(batch, alone, strict=True):
        if episode is EPISODE:
            assert torch.equal(many.inputs[17], one.inputs[0])
            assert torch.equal(many.targets[17], one.targets[0])
            continue
        real = many.inputs.real[17]
        assert torch.equal(many.inputs.values[17][real], one.inputs.values[0][one.inputs.real[0]])
        assert (many.targets[17][~real] == PADDING).all()
        assert not many.inputs.values[17][~real].any()
    for other in (draw(30, seed=1), draw(30, split="val")):
        assert (other.support.inputs != draw(30).support.inputs).flatten(1).any(1).all()


def test_the_classes_can_be_learned_but_not_without_error() -> None:
    right = []
    for (x, y), (queries, labels) in zip(*(zip(*part, strict=True) for part in draw(300)),
                                         strict=True):  # fmt: skip
        scale = x.std(0) + 1e-6
        nearest = torch.cdist(queries / scale, x / scale).argmin(1)
        right.append((y[nearest] == labels).float().mean())
    assert 0.45 < torch.stack(right).mean() < 0.85  # chance is 1/3


@pytest.mark.parametrize("features", [1, 32])
def test_an_impossible_number_of_features_is_refused(features: int) -> None:
    with pytest.raises(UserError, match=f"dataset.features={features}: give 2 to 31"):
        TabularPrior(features)
