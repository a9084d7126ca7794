"""Tasks below one node of a tree of classes follow Meta-Dataset's procedure."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data.numbered import Numbered
from scipy import stats

from innerloop.data import sampling, tree
from innerloop.data.images import ImageClasses
from innerloop.data.packs.writing import Classes
from innerloop.data.sets import synsets
from innerloop.data.sets.class_lists import class_lists
from innerloop.errors import UserError
from innerloop.tasks import Episode, Range

EPISODE = Episode(Range(3, 6), Range(1, 5), Range(1, 3), "meta_dataset", drawn_from="hierarchy")
LINKS = {  # parent and children; `only` has one child, and `shared` is below two nodes
    "top": "root",
    "root": "animals tools other",
    "animals": "dogs only",
    "only": "cats",
    "dogs": "d1 d2 d3 d4 shared",
    "cats": "c1 c2 c3",
    "tools": "t1 t2 t3 t4 t5 t6 t7 t8 shared",
    "other": "o1 o2",
    "foreign": "d1 x1",
}
NAMES = ["d1", "d2", "d3", "d4", "s1", "s2", "c1", "c2", "c3", *[f"t{i}" for i in range(1, 9)],
         "o1", "o2"]  # fmt: skip
SPANNED = {
    "dogs": "d1 d2 d3 d4 s1 s2", "cats": "c1 c2 c3", "shared": "s1 s2", "other": "o1 o2",
    "tools": "t1 t2 t3 t4 t5 t6 t7 t8 s1 s2", "animals": "d1 d2 d3 d4 s1 s2 c1 c2 c3",
    "root": " ".join(NAMES),
}  # fmt: skip


@pytest.fixture
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    pairs = [(p, child) for p, children in (LINKS | {"shared": "s1 s2"}).items()
             for child in children.split()]  # fmt: skip
    lines = ["# parent and child", *[f"{parent} {child}" for parent, child in pairs]]
    (tmp_path / synsets.FILE).write_text("\n".join(lines))
    monkeypatch.setattr(synsets, "FOLDER", tmp_path)
    synsets._parents.cache_clear()
    synsets._spanned.cache_clear()
    yield
    synsets._parents.cache_clear()
    synsets._spanned.cache_clear()


@pytest.mark.usefixtures("_small")
def test_each_node_with_several_children_spans_the_classes_below_it() -> None:
    spanned = synsets.spanned(NAMES)
    assert spanned is not None
    sets = sorted(sorted(itertools.compress(NAMES, row)) for row in spanned)
    assert sets == sorted(sorted(names.split()) for names in SPANNED.values())


@pytest.mark.usefixtures("_small")
def test_the_tree_of_a_split_ends_at_the_lowest_node_that_spans_it() -> None:
    """`foreign` spans d1 as well, but neither all dogs nor only dogs."""
    spanned = synsets.spanned(["d1", "d2", "s1", "s2"])
    assert spanned is not None and sorted(spanned.sum(1)) == [2, 4]


@pytest.mark.usefixtures("_small")
def test_classes_that_are_not_in_the_tree_have_none() -> None:
    assert synsets.spanned(["d1", "aardvark"]) is None


@pytest.mark.usefixtures("_small")
def test_nodes_and_classes_are_as_likely_as_in_the_published_procedure() -> None:
    """A node uniformly, of those with 3 to 392 classes; then all its classes, or 6 of them."""
    spanned = synsets.spanned(NAMES)
    assert spanned is not None
    key = sampling.keys(0, "nodes", np.arange(100_000))
    classes = tree.draw_classes(key, spanned, EPISODE)
    chosen = np.zeros((len(key), len(NAMES)), int)
    for column in classes.T:
        chosen[np.flatnonzero(column >= 0), column[column >= 0]] += 1
    assert chosen.max() == 1
    large = [s.split() for s in SPANNED.values() if len(s.split()) >= 3]
    sizes = stats.chisquare(*_counts(chosen.sum(1), [min(len(names), 6) for names in large]))
    assert sizes.pvalue > 0.001
    frequency = np.array([sum(min(6 / len(n), 1) * (c in n) for n in large) for c in NAMES])
    expected = len(key) * frequency / len(large)
    deviation = (chosen.sum(0) - expected) / np.sqrt(expected * (1 - expected / len(key)) + 1e-9)
    assert np.abs(deviation[expected < len(key)]).max() < 4
    assert chosen[:, NAMES.index("o1")].sum() == pytest.approx(len(key) * 6 / 19 / 5, rel=0.05)


def _counts(ways: np.ndarray, of_nodes: list[int]) -> tuple[list[int], list[float]]:
    """How often each number of ways was drawn, and how often it is expected."""
    numbers = sorted(set(of_nodes))
    drawn = [int((ways == n).sum()) for n in numbers]
    assert sum(drawn) == len(ways)
    return drawn, [len(ways) * of_nodes.count(n) / len(of_nodes) for n in numbers]


@pytest.mark.usefixtures("_small")
def test_a_small_node_gives_all_its_classes_and_no_task_mixes_nodes() -> None:
    spanned = synsets.spanned(NAMES)
    assert spanned is not None
    key = sampling.keys(1, "nodes", np.arange(2000))
    eligible = [set(np.flatnonzero(row)) for row in spanned if row.sum() >= 3]
    for row in tree.draw_classes(key, spanned, EPISODE):
        own = set(row[row >= 0])
        assert any(own == node or (own < node and len(own) == 6) for node in eligible)


@pytest.mark.usefixtures("_small")
def test_a_task_does_not_depend_on_the_others_of_its_batch() -> None:
    spanned, key = synsets.spanned(NAMES), sampling.keys(0, "nodes", np.arange(50))
    assert spanned is not None
    together = tree.draw_classes(key, spanned, EPISODE)
    alone = [tree.draw_classes(key[i : i + 1], spanned, EPISODE)[0] for i in range(50)]
    assert (together == np.array(alone)).all()


def test_392_is_the_least_limit_that_leaves_no_class_of_imagenet_out() -> None:
    """So the authors say of their number, of the tree of the training classes."""
    spanned = synsets.spanned(class_lists("ilsvrc_meta_dataset")["train"])
    assert spanned is not None and spanned.shape[1] == 712
    sizes = spanned.sum(1)
    for limit, complete in ((tree.MOST_SPANNED, True), (tree.MOST_SPANNED - 1, False)):
        reached = spanned[(sizes >= 5) & (sizes <= limit)].any(0)
        assert reached.all() == complete


@pytest.mark.parametrize(
    "lists", ["ilsvrc_meta_dataset", "miniimagenet_ravi", "tieredimagenet_ren"]
)
def test_every_class_of_imagenet_is_below_an_eligible_node(lists: str) -> None:
    for split, names in class_lists(lists).items():
        spanned = synsets.spanned(names)
        assert spanned is not None, split
        assert spanned.sum(1).min() >= 2 and spanned.sum(1).max() == len(names)
        assert spanned[tree.eligible(spanned, EPISODE)].any(0).all(), split


class Named(Numbered):
    """Numbered images of classes with names of the tree."""

    def read(self) -> Mapping[str, Classes]:
        return {split: self._named(content) for split, content in super().read().items()}

    def _named(self, classes: Classes) -> Classes:
        for name, (_, images) in zip(NAMES, classes, strict=True):  # type: ignore[misc]
            yield name, images

    def tree(self, split: str) -> np.ndarray | None:
        return synsets.spanned(self.pack.classes(split))


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("ways", [Range(3, 6), 3])
def test_the_images_of_a_task_are_of_classes_below_one_node(
    tmp_path: Path, ways: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MOST_SPANNED", 18)  # so that the root, above all, is left out
    source: ImageClasses = Named(tmp_path / "data", [9] * len(NAMES))
    episode = EPISODE._replace(ways=ways)
    source.check("train", episode)
    tasks, indices = source.tasks("train", np.arange(300), episode, 0), np.arange(300)
    classes = source.classes("train", indices, episode, 0)
    nodes = [set(names.split()) for names in SPANNED.values()]
    for row in range(300):
        real = tasks.support.targets[row] >= 0
        pixels = tasks.support.inputs.values[row][real][:, 0, 0, 0].numpy() - 1
        assert (classes[row][tasks.support.targets[row][real]] == pixels).all()
        own = {NAMES[c] for c in pixels}
        assert any(own <= node for node in nodes if len(node) < 19)


@pytest.mark.usefixtures("_small")
def test_more_ways_than_any_node_spans_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MOST_SPANNED", 18)
    source = Named(tmp_path / "data", [9] * len(NAMES))
    source.check("train", EPISODE._replace(ways=10))
    with pytest.raises(UserError, match="no node .* of numbered for ways=11: use at most 10, or"):
        source.check("train", EPISODE._replace(ways=11))


def test_sets_without_tree_and_groups_are_drawn_from_as_a_whole(tmp_path: Path) -> None:
    source = Numbered(tmp_path, [9] * 8)
    drawn = [
        source.classes("train", np.arange(20), EPISODE._replace(drawn_from=kind), 0)
        for kind in ("hierarchy", "split")
    ]
    np.testing.assert_array_equal(*drawn)
