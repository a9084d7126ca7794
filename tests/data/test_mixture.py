"""Mixtures, resized images and validation on another data set."""

from pathlib import Path

import numpy as np
import pytest
import torch
from data.numbered import Numbered
from PIL import Image
from scipy import stats

from innerloop.data.module import TaskData
from innerloop.data.other_validation import OtherValidation
from innerloop.data.resized import Resized, resize
from innerloop.data.sets.glyphs import Glyphs
from innerloop.data.sets.mixture import Mixture
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import PADDING, Episode, Examples, Padded, Range, Task

EPISODES = [Episode(3, 2, 2), Episode(Range(2, 5), Range(1, 4), Range(2, 3), "uniform")]
MANY = np.arange(60)


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, TaskSource]:
    few, many = Numbered(tmp_path / "few", [6] * 5), Numbered(tmp_path / "many", [9] * 8)
    return {"few": few, "glyphs": Glyphs(size=8), "many": many}


def real(examples: Examples, row: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels of one task without padding."""
    inputs, labels = examples.inputs, examples.targets[row]
    values = inputs.values if isinstance(inputs, Padded) else inputs
    return values[row][labels != PADDING], labels[labels != PADDING]


def as_floats(source: TaskSource, task: Task, row: int) -> list[torch.Tensor]:
    """The images and labels that a learner sees of one task."""
    leaves = []
    for examples in task:
        images, labels = real(examples, row)
        leaves += [source.transform(images), labels]
    return leaves


@pytest.mark.parametrize("episode", EPISODES, ids=str)
def test_each_task_of_a_mixture_is_the_task_of_one_data_set(
    parts: dict[str, TaskSource], episode: Episode
) -> None:
    mixture = Mixture(parts, size=6, channels=1)
    which = mixture.part_of("val", MANY, 3)
    batch = mixture.tasks("val", MANY, episode, 3)
    for row, number in enumerate(which):
        source = Resized([*parts.values()][number], [1, 6, 6])
        alone = source.tasks("val", MANY[row : row + 1], episode, 3)
        ours, theirs = as_floats(mixture, batch, row), as_floats(source, alone, 0)
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    for examples in batch:
        if isinstance(examples.inputs, Padded):
            assert ((examples.targets == PADDING) == ~examples.inputs.real).all()
            assert not examples.inputs.values[~examples.inputs.real].any()


def test_data_sets_are_equally_likely_and_independent_of_the_batch(
    parts: dict[str, TaskSource],
) -> None:
    mixture, indices = Mixture(parts), np.arange(30_000)
    which = mixture.part_of("train", indices, 0)
    assert stats.chisquare(np.bincount(which)).pvalue > 0.001
    assert (which[7:9] == mixture.part_of("train", indices[7:9], 0)).all()
    assert (which != mixture.part_of("train", indices, 1)).any()


def test_classes_of_different_data_sets_have_different_numbers(tmp_path: Path) -> None:
    one, two = Numbered(tmp_path / "one", [6] * 5), Numbered(tmp_path / "two", [9] * 8)
    mixture = Mixture({"one": one, "two": two}, size=4, channels=1)
    names = mixture.class_names("val")
    assert names is not None and len(names) == 13 and names[5] == "two/class0"
    batch, which = mixture.tasks("val", MANY, EPISODES[0], 0), mixture.part_of("val", MANY, 0)
    classes = mixture.classes("val", MANY, EPISODES[0], 0)
    assert classes is not None and set(np.unique(classes)) == set(range(13))
    for row, own in enumerate(classes):
        images, labels = real(batch.support, row)
        shown = (images[:, 0, 0, 0] * 255).round().int().numpy() - 1  # the number of the class
        assert (own[labels.numpy()] == shown + 5 * which[row]).all()
    assert mixture.groups("val").tolist() == [0] * 5 + [1] * 8


def test_a_mixture_with_endless_classes_keeps_numbers_apart(parts: dict[str, TaskSource]) -> None:
    mixture = Mixture(parts, size=4, channels=1)
    which = mixture.part_of("val", MANY, 0)
    classes = mixture.classes("val", MANY, EPISODES[0], 0)
    assert classes is not None and mixture.class_names("val") is None
    owner = [{*which[(classes == c).any(1)]} for c in np.unique(classes)]
    assert all(len(numbers) == 1 for numbers in owner)


def test_an_empty_mixture_is_refused() -> None:
    with pytest.raises(UserError, match=r"dataset\.parts=\[\]: name data sets"):
        Mixture({})


def test_images_are_resized_as_pillow_does() -> None:
    """Pillow's bilinear filter averages where images shrink, as ours does."""
    random = np.random.default_rng(0)
    for size, to in ((28, 9), (28, 84), (11, 11)):
        image = random.random((size, size), np.float32)
        expected = Image.fromarray(image).resize((to, to), Image.Resampling.BILINEAR)
        ours = resize(torch.from_numpy(image)[None, None], [1, to, to])[0, 0]
        np.testing.assert_allclose(ours.numpy(), np.asarray(expected), atol=1e-5)


def test_grey_becomes_three_equal_channels_and_colour_its_luminance() -> None:
    grey, colour = torch.rand(2, 5, 1, 4, 4), torch.rand(2, 5, 3, 4, 4)
    three = resize(grey, [3, 4, 4])
    assert three.shape == (2, 5, 3, 4, 4) and torch.equal(three, grey.expand_as(three))
    pixel = (colour[1, 2, :, 3, 0] * 255).round()
    image = Image.new("RGB", (1, 1), tuple(int(v) for v in pixel)).convert("L")
    ours = resize(pixel.view(3, 1, 1), [1, 1, 1])
    assert abs(float(ours) - image.getpixel((0, 0))) <= 1


def test_validation_tasks_are_those_of_the_other_data_set(tmp_path: Path) -> None:
    own, other = Numbered(tmp_path / "a", [9] * 6), Glyphs(size=4)
    data = TaskData(OtherValidation(own, other), *[EPISODES[1]] * 2, 1, 4, 4, 4, 4, 0, 0)
    reference = TaskData(other, *[EPISODES[1]] * 2, 1, 4, 4, 4, 4, 0, 0)
    unmixed = TaskData(own, *[EPISODES[1]] * 2, 1, 4, 4, 4, 4, 0, 0)
    for stage, expected in (("train", unmixed), ("val", reference), ("test", unmixed)):
        (ours,) = getattr(data, f"{stage}_dataloader")()
        (theirs,) = getattr(expected, f"{stage}_dataloader")()
        ours, theirs = (
            d.on_after_batch_transfer(t, 0) for d, t in ((data, ours), (expected, theirs))
        )
        for one, two in zip(ours, theirs, strict=True):
            assert torch.equal(one.inputs.values, two.inputs.values)
            assert torch.equal(one.targets, two.targets)
    assert data.fingerprint("val") == reference.fingerprint("val")
    assert data.fingerprint("test") == unmixed.fingerprint("test")
