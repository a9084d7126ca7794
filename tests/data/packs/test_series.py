"""Support and query from different series: every draw, and how often each image is drawn."""

import numpy as np
import pytest

from innerloop.data import sampling
from innerloop.data.packs.series import Series
from innerloop.errors import UserError

LENGTHS = [[3, 1, 4, 2], [5, 5], [2, 3, 2, 2, 6]]
SHOTS, QUERIES = 2, 3


def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
    keys = sampling.keys(0, "test", np.arange(count))
    classes = np.tile(np.arange(3), (count, 1))
    return classes, Series(LENGTHS).draw(sampling.split(keys, 3), classes, SHOTS, QUERIES)


def owners(number: int) -> np.ndarray:
    """The series of each image of a class."""
    return np.repeat(np.arange(len(LENGTHS[number])), LENGTHS[number])


def test_support_and_query_share_no_series_and_no_image_comes_twice() -> None:
    classes, rows = draw(500)
    for task_classes, task_rows in zip(classes, rows, strict=True):
        for number, images in zip(task_classes, task_rows, strict=True):
            assert len(set(images)) == SHOTS + QUERIES
            own = owners(number)[images]
            assert not set(own[:SHOTS]) & set(own[SHOTS:])


def test_every_series_serves_as_support_and_as_query() -> None:
    classes, rows = draw(2000)
    for number in range(3):
        for part in (rows[..., :SHOTS], rows[..., SHOTS:]):
            seen = np.bincount(part[classes == number].ravel(), minlength=sum(LENGTHS[number]))
            assert len(seen) == sum(LENGTHS[number]) and seen.min() > 100


def test_series_of_equal_length_give_every_image_equally_often() -> None:
    keys = sampling.split(sampling.keys(1, "test", np.arange(4000)), 1)
    rows = Series([[5] * 4]).draw(keys, np.zeros((4000, 1), int), 2, 2)
    seen = np.bincount(rows.ravel(), minlength=20)
    assert ((seen - 800) ** 2 / 800).sum() < 43.8  # chi-square, 19 degrees, p = 0.001


@pytest.mark.parametrize(
    ("lengths", "shots", "queries"), [([9], 1, 1), ([1, 1], 2, 1), ([2, 2], 1, 3)]
)
def test_too_few_images_in_the_series_are_refused(
    lengths: list[int], shots: int, queries: int
) -> None:
    with pytest.raises(UserError, match="Class sign has"):
        Series([lengths]).check(["sign"], shots, queries)
    Series([[*lengths, 9, 9, 9]]).check(["sign"], 1, 1)


def draw_each(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wanted and limited sizes, and images, of tasks of the three classes and an absent one."""
    keys = sampling.split(sampling.keys(2, "test", indices), 4)
    classes = np.tile([0, 1, 2, -1], (len(indices), 1))
    wanted = 1 + sampling.integers(keys, 9, 2) * np.array([1, 1, 1, 0])[:, None]
    wanted[:, 3] = 0
    series = Series(LENGTHS)
    sizes = series.limited(keys, classes, wanted[..., 0], wanted[..., 1])
    return wanted, np.stack(sizes, -1), series.draw_each(keys, classes, *sizes)


def test_tasks_of_unequal_size_take_as_many_images_as_half_of_the_series_have() -> None:
    wanted, sizes, images = draw_each(np.arange(3000))
    assert (sizes <= wanted).all() and (sizes[:, :3] >= 1).all() and not sizes[:, 3].any()
    for row in range(3000):
        for number, lengths in enumerate(LENGTHS):
            shots, queries = sizes[row, number]
            chosen = images[row, number, : shots + queries]
            assert len(set(chosen)) == shots + queries
            own = owners(number)[chosen]
            assert not set(own[:shots]) & set(own[shots:])
            halves = [len(lengths) // 2, len(lengths) - len(lengths) // 2]
            assert len(set(own[:shots])) <= max(halves) and len(set(own[shots:])) <= max(halves)
            for limited, asked, part in zip(
                sizes[row, number], wanted[row, number], (own[:shots], own[shots:]), strict=True
            ):
                if limited < asked:  # then all images of these series are taken
                    assert limited == sum(lengths[s] for s in set(part))


def test_every_image_serves_tasks_of_unequal_size() -> None:
    _, sizes, images = draw_each(np.arange(2000))
    for number, lengths in enumerate(LENGTHS):
        seen = {int(i) for row, (s, q) in zip(images[:, number], sizes[:, number], strict=True)
                for i in row[: s + q]}  # fmt: skip
        assert seen == set(range(sum(lengths)))


def test_a_task_of_unequal_size_is_the_same_alone_and_in_a_batch() -> None:
    _, sizes, images = draw_each(np.arange(40))
    for row in range(40):
        _, (own,), (alone,) = draw_each(np.array([row]))
        assert (own == sizes[row]).all()
        for number in range(3):
            total = own[number].sum()
            assert (alone[number, :total] == images[row, number, :total]).all()
