"""Image completion: examples are pixels of one image, at their places."""

import numpy as np
import pytest
import torch
from scipy import stats

from innerloop.data.sets.glyphs import Glyphs
from innerloop.data.sets.image_completion import ImageCompletion
from innerloop.errors import UserError
from innerloop.tasks import Episode, Padded, Range, Task

SIDE = 9
WHOLE = Episode(1, 30, SIDE**2 - 30)


def source() -> ImageCompletion:
    return ImageCompletion(Glyphs(SIDE))


def drawn(count: int = 20, episode: Episode = WHOLE, split: str = "test", seed: int = 0) -> Task:
    return source().tasks(split, np.arange(count), episode, seed)


def test_support_and_query_together_are_an_image_of_the_data_set() -> None:
    tasks = drawn()
    raw = Glyphs(SIDE).tasks("test", np.arange(20), Episode(1, 1, 1), 0).support.inputs
    x, y = (torch.cat(pair, 1) for pair in zip(*tasks, strict=True))
    places = ((x + 1) / 2 * (SIDE - 1)).round().long()
    for task in range(20):
        image = torch.full((SIDE, SIDE), -1.0)
        image[places[task, :, 0], places[task, :, 1]] = y[task, :, 0]
        torch.testing.assert_close(image, raw[task, 0, 0] / 255)
    assert not torch.equal(x[0], x[1])


def test_every_pixel_is_equally_often_in_the_support() -> None:
    places = ((drawn(1000).support.inputs + 1) / 2 * (SIDE - 1)).round().long()
    counts = np.bincount((places[..., 0] * SIDE + places[..., 1]).flatten().numpy())
    assert len(counts) == SIDE**2 and stats.chisquare(counts).pvalue > 0.001


def test_a_task_is_a_function_of_its_index() -> None:
    batch, alone = drawn(), source().tasks("test", np.array([13]), WHOLE, 0)
    for many, one in zip((*batch.support, *batch.query), (*alone.support, *alone.query),
                         strict=True):  # fmt: skip
        assert torch.equal(many[13], one[0])
    for other in (drawn(seed=1), drawn(split="val")):
        assert (other.support.inputs != batch.support.inputs).flatten(1).any(1).all()


def test_tasks_of_unequal_size_have_other_numbers_of_known_pixels() -> None:
    tasks = drawn(200, Episode(1, Range(3, 30), 20))
    inputs, targets = tasks.support
    assert isinstance(inputs, Padded) and torch.equal(inputs.real, targets.real)
    assert set(inputs.real.sum(1).tolist()) == set(range(3, 31))
    whole = drawn(200, Episode(1, 30, 20)).support
    assert torch.equal(inputs.values[inputs.real], whole.inputs[inputs.real])


def test_more_rows_than_pixels_and_classes_are_refused() -> None:
    source().check("train", WHOLE)
    with pytest.raises(UserError, match="81 pixels, fewer than 90"):
        source().check("train", Episode(1, Range(5, 30), 60))
    with pytest.raises(UserError, match="episode.ways must be 1"):
        source().check("train", Episode(2, 5, 5))
