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
