"""Tasks of unequal size: guarantees for every row, on images that contain their identity."""

from pathlib import Path

import numpy as np
import pytest
import torch
from data.numbered import Numbered
from scipy import stats
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.module import TaskData
from innerloop.data.sets.glyphs import Glyphs
from innerloop.data.sets.sinusoid import Sinusoid
from innerloop.data.sizes import BALANCES
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import PADDING, Episode, Padded, Range, Task

COUNTS = [3, 6, 7, 8, 9, 20]
EPISODES = [Episode(Range(2, 5), Range(1, 4), Range(2, 4), balance) for balance in BALANCES]
EPISODES += [Episode(3, 4, 2, "dirichlet", 0.5), Episode(Range(2, 6), 2, 2)]
UNEQUAL_QUERIES = Episode(4, 1, 3, alpha=1.0, query_balance="dirichlet")
MANY = np.arange(200)


@pytest.fixture(params=[False, True], ids=["straight", "turned"])
def source(tmp_path: Path, request: pytest.FixtureRequest) -> Numbered:
    return Numbered(tmp_path, COUNTS, request.param)


def sets(batch: Task, row: int) -> list[tuple[Tensor, Tensor]]:
    """Images and labels of the real examples of support and query."""
    both = [(e.inputs.values[row][e.inputs.real[row]], e.targets[row]) for e in batch]
    return [(images, labels[labels != PADDING]) for images, labels in both]


def names(images: Tensor) -> list[tuple[int, int]]:
    """Class and example of each image, read from a corner that a rotation may have moved."""
    rows = []
    for image in images[:, 0]:
        straight = next(t for k in range(4) if (t := torch.rot90(image, k))[0, :2].min() > 0)
        rows.append((int(straight[0, 0]) - 1, int(straight[0, 1]) - 1))
    return rows


@pytest.mark.parametrize("episode", EPISODES, ids=str)
def test_each_row_is_a_different_image_of_the_class_of_its_label(
    source: Numbered, episode: Episode
) -> None:
    batch = source.tasks("train", MANY, episode, 0)
    classes = source.classes("train", MANY, episode, 0)
    assert classes.shape == (200, episode.most_ways)
    for row, own in enumerate(classes):
        (images, shown), (others, query_labels) = sets(batch, row)
        ways = int((own >= 0).sum())
        assert (own[ways:] == -1).all() and len({*own[:ways]}) == ways
        identities = names(torch.cat([images, others]))
        assert len({*identities}) == len(identities)  # no image appears twice, in support or query
        assert [c for c, _ in identities] == own[torch.cat([shown, query_labels])].tolist()
        assert set(shown.tolist()) == set(query_labels.tolist()) == set(range(ways))


@pytest.mark.parametrize("episode", EPISODES, ids=str)
def test_each_class_gives_the_requested_images_or_all_it_has(
    source: Numbered, episode: Episode
) -> None:
    batch = source.tasks("train", MANY, episode, 0)
    classes = source.classes("train", MANY, episode, 0)
    for row, own in enumerate(classes):
        shown, queries = (np.bincount(labels, minlength=1) for _, labels in sets(batch, row))
        there = np.array(COUNTS)[own[own >= 0]]
        plenty = shown < there - 1  # of the images, more than the shots took
        if episode.balance == "equal":
            assert len({*shown[plenty]}) <= 1
        assert (shown <= there - 1).all() and (shown + queries <= there).all()
        most = queries.max()
        assert (queries == np.minimum(most, there - shown)).all()


@pytest.mark.parametrize("episode", EPISODES, ids=str)
@pytest.mark.parametrize("kind", ["pack", "glyphs"])
def test_padding_comes_last_and_is_zero(kind: str, episode: Episode, tmp_path: Path) -> None:
    source: TaskSource = Glyphs(size=8) if kind == "glyphs" else Numbered(tmp_path, COUNTS)
    for examples in source.tasks("train", np.arange(30), episode, 0):
        (values, real), targets = examples
        length, fullest = real.shape[1], int(real.sum(1).max())
        assert length % 8 == 0 and fullest <= length < fullest + 8
        assert (real.int().diff(dim=1) <= 0).all()
        assert ((targets == PADDING) == ~real).all() and (targets[real] >= 0).all()
        assert not values[~real].any() and values[real].flatten(1).any(1).all()


@pytest.mark.parametrize("episode", EPISODES, ids=str)
@pytest.mark.parametrize("kind", ["pack", "glyphs"])
def test_a_task_is_the_same_alone_and_in_a_batch(
    kind: str, episode: Episode, tmp_path: Path
) -> None:
    source: TaskSource = Glyphs(size=8) if kind == "glyphs" else Numbered(tmp_path, COUNTS, True)
    batch = source.tasks("train", np.arange(40), episode, 3)
    for row in (0, 17, 39):
        alone = source.tasks("train", np.array([row]), episode, 3)
        for one, other in zip(sets(alone, 0), sets(batch, row), strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
        (own,), every = (
            source.classes("train", indices, episode, 3) for indices in ([row], np.arange(40))
        )
        assert (own == every[row]).all()


def test_classes_without_queries_still_have_support(source: Numbered) -> None:
    batch = source.tasks("train", MANY, UNEQUAL_QUERIES, 0)
    some_are_absent = False
    for row in range(len(MANY)):
        (_, shown), (_, asked) = sets(batch, row)
        assert sorted(shown.tolist()) == [0, 1, 2, 3] and 0 < len(asked) <= 12
        some_are_absent |= len({*asked.tolist()}) < 4
    assert some_are_absent


def test_tasks_differ_by_seed_split_and_index() -> None:
    seen = [
        Glyphs(size=8).classes(split, np.arange(5), EPISODES[0], seed)[:, :2]
        for split in ("train", "val")
        for seed in (0, 1)
    ]
    assert len(np.unique(np.concatenate(seen), axis=0)) == 20


def test_classes_and_images_are_drawn_equally_often(tmp_path: Path) -> None:
    source, episode = Numbered(tmp_path, [9] * 6), Episode(Range(2, 5), Range(1, 4), 2, "uniform")
    indices = np.arange(1500)
    classes = source.classes("train", indices, episode, 0)
    # Draws without replacement vary less than chi-square, so that its bound holds all the more.
    assert stats.chisquare(np.bincount(classes[classes >= 0])).pvalue > 0.001
    support, query = source.tasks("train", indices, episode, 0)
    for examples in (support, query):
        images = examples.inputs.values[examples.inputs.real][:, 0, 0, :2].numpy()
        table = np.zeros((6, 9))
        np.add.at(table, (images[:, 0].astype(int) - 1, images[:, 1].astype(int) - 1), 1)
        for row in table:
            assert stats.chisquare(row).pvalue > 0.001
    first = support.targets[(classes >= 0).sum(1) == 4, 0]
    assert stats.chisquare(np.bincount(first, minlength=4)).pvalue > 0.001


def test_a_class_has_one_rotation_within_a_task(tmp_path: Path) -> None:
    episode = EPISODES[1]
    batch = Numbered(tmp_path, COUNTS, True).tasks("train", MANY, episode, 0)
    seen = set()
    for row in range(len(MANY)):
        (images, shown), (others, query_labels) = sets(batch, row)
        turns = [
            next(k for k in range(4) if torch.rot90(image, k)[0, :2].min() > 0)
            for image in torch.cat([images, others])[:, 0]
        ]
        pairs = {*zip(torch.cat([shown, query_labels]).tolist(), turns, strict=True)}
        assert len(pairs) == len({label for label, _ in pairs})
        seen |= {turn for _, turn in pairs}
    assert seen == {0, 1, 2, 3}


def test_images_on_the_device_equal_those_of_the_files(source: Numbered) -> None:
    data = TaskData(source, EPISODES[0], EPISODES[1], 1, 4, 4, 4, 4, 0, 0)
    plain = data.on_after_batch_transfer(data.training_batch(0), 0)
    source.on_device = True
    source.use_device(torch.device("cpu"))
    (sent,) = data.train_dataloader()
    assert sent.support.inputs.values.rows.shape == sent.support.inputs.real.shape
    for ours, theirs in zip(data.on_after_batch_transfer(sent, 0), plain, strict=True):
        assert torch.equal(ours.inputs.values, theirs.inputs.values)
        assert torch.equal(ours.inputs.real, theirs.inputs.real)
        assert torch.equal(ours.targets, theirs.targets)
        assert not ours.inputs.values[~ours.inputs.real].any()


def mixed(bits: int) -> int:
    """The output function of SplitMix64."""
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB % 2**64
    return bits ^ (bits >> 31)


def children(key: int, count: int) -> list[int]:
    return [mixed((key + (i + 1) * 0x9E3779B97F4A7C15) % 2**64) for i in range(count)]


def chosen(key: int, population: int, count: int) -> list[int]:
    """Floyd's sampling without replacement, followed by a random order."""
    order, draws = children(key, 2)
    picks: list[int] = []
    for i, draw in enumerate(children(draws, count)):
        top = population - count + i
        pick = (draw >> 11) * (top + 1) // 2**53
        picks.append(top if pick in picks else pick)
    keys = children(order, count)
    return [picks[i] for i in sorted(range(count), key=keys.__getitem__)]


def test_tasks_of_one_size_follow_the_published_algorithms(tmp_path: Path) -> None:
    """Compared with the published algorithms in Python's integers, one number at a time."""
    source, episode = Numbered(tmp_path, COUNTS), Episode(3, 1, 2)
    assert not episode.varies
    task = source.tasks("val", np.array([5]), episode, 11)
    (root,) = sampling.keys(11, "val", np.array([5])).tolist()
    key = children(root, 5)
    classes = chosen(key[0], len(COUNTS), 3)
    picks = [chosen(k, COUNTS[c], 3) for k, c in zip(children(key[1], 3), classes, strict=True)]
    for examples, which, own in zip(task, (slice(0, 1), slice(1, 3)), key[3:], strict=True):
        assert not isinstance(examples.inputs, Padded)
        flat = [(c, n, i) for i, c in enumerate(classes) for n in picks[i][which]]
        keys = children(own, len(flat))
        expected = [flat[i] for i in sorted(range(len(flat)), key=keys.__getitem__)]
        actual = zip(names(examples.inputs[0]), examples.targets[0].tolist(), strict=True)
        assert [(*name, label) for name, label in actual] == expected


def of(source: TaskSource, episode: Episode) -> TaskData:
    return TaskData(source, episode, episode, 1, 1, 1, 1, 1, 0, 0, shape=[1, 4, 4])


def test_too_few_classes_or_images_are_refused_in_a_line(tmp_path: Path) -> None:
    source = Numbered(tmp_path, [1, 4, 9])
    with pytest.raises(
        UserError, match=r"3 classes, fewer than episode\.ways=\[4,9\]; use at most 3"
    ):
        of(source, Episode(Range(4, 9), 1, 1)).setup("fit")
    with pytest.raises(UserError, match=r"class0 .* has 1 images, fewer than 2, which the fewest"):
        of(source, Episode(Range(2, 3), Range(1, 5), 9)).setup("fit")
    with pytest.raises(UserError, match=r"fewer than 2, which the fewest episode\.test\.shots"):
        of(source, Episode(2, 3, 9, "dirichlet")).setup("test")
    of(Numbered(tmp_path / "more", [2, 4, 9]), Episode(Range(2, 9), Range(1, 5), 9)).setup("fit")
    with pytest.raises(UserError, match=r"100 classes, fewer than episode\.test\.ways=\[101,"):
        Glyphs(classes={"test": 100}).check("test", Episode(Range(101, 200), 1, 1))


def test_a_source_of_one_size_refuses_ranges() -> None:
    with pytest.raises(UserError, match="Sinusoid can only make tasks of one size"):
        of(Sinusoid(), Episode(1, Range(5, 10), 10)).setup("fit")


def test_only_tasks_of_unequal_size_name_their_sampler(tmp_path: Path) -> None:
    source = Numbered(tmp_path, COUNTS)
    plain, ranges = of(source, Episode(3, 1, 2)), of(source, EPISODES[0])
    assert plain.fingerprint("test") == f"{source.fingerprint('test')} sampler=1"
    assert ranges.fingerprint("test") == f"{plain.fingerprint('test')} unequal=1"


def test_the_shape_of_padded_inputs_is_checked(tmp_path: Path) -> None:
    data = of(Numbered(tmp_path, COUNTS), EPISODES[0])
    data.shape = [1, 5, 5]
    with pytest.raises(UserError, match=r"input_shape=\[1, 5, 5\]"):
        data.setup("fit")


def test_each_glyph_is_a_new_drawing_of_the_class_of_its_label() -> None:
    source, episode = Glyphs(classes={"train": 5}), Episode(Range(3, 5), Range(10, 30), 20)
    indices = np.arange(4)
    batch = source.tasks("train", indices, episode, 0)
    classes = source.classes("train", indices, episode, 0)
    asked_of = "train", np.array([0]), Episode(5, 60, 1), 9
    (images, labels), _ = source.tasks(*asked_of)
    of_class = source.classes(*asked_of)[0][labels[0]]
    means = torch.stack([images[0, of_class == c].float().mean(0).flatten() for c in range(5)])
    for row in indices:
        (first, shown), (second, query_labels) = sets(batch, row)
        both, labels = torch.cat([first, second]).flatten(1), torch.cat([shown, query_labels])
        assert len(torch.unique(both, dim=0)) == len(both)
        for label in range((classes[row] >= 0).sum()):
            mean = both[labels == label].float().mean(0)
            assert int(torch.cdist(mean[None], means).argmin()) == classes[row, label]
