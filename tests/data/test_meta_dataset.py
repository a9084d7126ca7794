"""Sizes of tasks follow Meta-Dataset's procedure, read from the paper one task at a time."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from innerloop.data import groups, layout, meta_dataset, sampling
from innerloop.errors import UserError
from innerloop.tasks import Episode, Range

EPISODE = Episode(Range(5, 50), Range(1, 100), Range(1, 10), "meta_dataset")
MANY = 100_000
FEW = 20_000
COUNTS = {  # images of each class of a split
    "alike": np.full(60, 20),
    "few classes": np.full(20, 600),
    "unequal": np.random.default_rng(0).integers(6, 700, 100),
}


class Sizes(NamedTuple):
    """Numbers of a task."""

    ways: int
    queries: int
    support: int
    largest: int  #: shots of the class that has most
    smallest: int


def of_the_paper(random: np.random.Generator, counts: np.ndarray) -> Sizes:
    """Section 3.2 and the appendix of Triantafillou et al. 2020, in its own order."""
    ways = random.integers(5, min(50, len(counts)) + 1)
    images = counts[random.choice(len(counts), ways, replace=False)]
    queries = min(10, int(0.5 * images.min()))
    beta = 1 - random.uniform()
    support = min(500, sum(math.ceil(beta * min(100, n - queries)) for n in images))
    weights = np.exp(random.uniform(math.log(0.5), math.log(2), ways)) * images
    ratios = weights / weights.sum()
    shots = [
        min(math.floor(ratio * (support - ways)) + 1, n - queries)
        for ratio, n in zip(ratios, images, strict=True)
    ]
    return Sizes(ways, queries, sum(shots), max(shots), min(shots))


def ours(counts: np.ndarray) -> np.ndarray:
    """The same numbers of our tasks, `(MANY, 5)`."""
    classes = layout.draw_classes(
        split="train", indices=np.arange(MANY), episode=EPISODE, seed=0, available=len(counts)
    )
    images = counts[classes] * (classes >= 0)
    key = sampling.keys(1, "sizes", np.arange(MANY))
    shots, queries = meta_dataset.draw(key, EPISODE, images)
    assert ((shots > 0) == (classes >= 0)).all()
    assert ((queries > 0) == (classes >= 0)).all() and (shots + queries <= images).all()
    fewest = np.where(shots > 0, shots, shots.max()).min(1)
    columns = (classes >= 0).sum(1), queries.max(1), shots.sum(1), shots.max(1), fewest
    return np.stack(columns, 1)


@pytest.mark.parametrize("name", COUNTS)
def test_a_hundred_thousand_tasks_have_the_sizes_of_the_paper(name: str) -> None:
    random = np.random.default_rng(1)
    theirs = np.array([of_the_paper(random, COUNTS[name]) for _ in range(FEW)])
    for field, column, other in zip(Sizes._fields, ours(COUNTS[name]).T, theirs.T, strict=True):
        if len({*column, *other}) > 1:
            assert stats.ks_2samp(column, other).pvalue > 0.001, field


def test_a_class_is_at_most_four_times_as_frequent_as_another_with_as_many_images() -> None:
    """The weights lie between 1/2 and 2; rounding down and the one of each class add a little."""
    sizes = ours(np.full(60, 600)).astype(float)
    ratio = (sizes[:, 3] - 1) / sizes[:, 4]
    assert 3.5 < ratio.max() <= 4
    assert sizes[:, 2].max() <= 500


def test_the_largest_support_can_be_smaller() -> None:
    images, key = np.full((1000, 8), 600), sampling.keys(1, "sizes", np.arange(1000))
    shots, _ = meta_dataset.draw(key, EPISODE._replace(largest_support=40), images)
    assert 33 <= shots.sum(1).max() <= 40 and shots.min() == 1


def test_tasks_within_groups_take_each_large_group_equally_often() -> None:
    group = np.repeat([3, 0, 1, 2], [4, 5, 30, 60])[np.random.default_rng(0).permutation(99)]
    key = sampling.keys(0, "groups", np.arange(30_000))
    classes = groups.draw_classes(key, group, EPISODE)
    own = np.where(classes >= 0, group[classes], -1)
    assert ((own == own[:, :1]) | (classes < 0)).all()
    assert all(len({*row[row >= 0]}) == (row >= 0).sum() for row in classes[:500])
    assert stats.chisquare(np.bincount(own[:, 0])).pvalue > 0.001  # group 3 is too small
    ways = (classes >= 0).sum(1)
    for number, highest in ((0, 5), (1, 30), (2, 50)):
        counts = np.bincount(ways[own[:, 0] == number])
        assert len(counts) == highest + 1 and not counts[:5].any()
        assert highest == 5 or stats.chisquare(counts[5:]).pvalue > 0.001
    members = np.bincount(classes[(own == 2) & (classes >= 0)], minlength=99)[group == 2]
    assert stats.chisquare(members).pvalue > 0.001


def test_a_task_within_a_group_does_not_depend_on_the_others_of_its_batch() -> None:
    group, key = np.arange(99) % 4, sampling.keys(0, "groups", np.arange(50))
    together = groups.draw_classes(key, group, EPISODE)
    alone = [groups.draw_classes(key[i : i + 1], group, EPISODE)[0] for i in range(50)]
    assert (together == np.array(alone)).all()


def test_groups_that_are_missing_or_too_small_are_refused() -> None:
    with pytest.raises(UserError, match="the classes of mine have no groups"):
        groups.check("mine", "train", EPISODE, None)
    with pytest.raises(UserError, match=r"has 4 classes, fewer than ways=\[5,50\]"):
        groups.check("mine", "train", EPISODE, np.arange(16) % 4)
