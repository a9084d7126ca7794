"""Tasks of the classes that one node of a tree spans, such as ImageNet's kinds of dogs."""

import numpy as np

from innerloop.data import sampling
from innerloop.errors import UserError
from innerloop.tasks import Episode, bounds

MOST_SPANNED = 392  #: of a node that tasks are drawn from; Meta-Dataset's, see `draw_classes`


def draw_classes(key: np.ndarray, spanned: np.ndarray, episode: Episode) -> np.ndarray:
    """The classes of each task, `(T, most_ways)`, all below one node; -1 after the last one.

    All eligible nodes are equally likely. A task has all classes of its node, or `most_ways` of
    them, all equally likely: its number of classes is not drawn. Of ImageNet's training classes,
    the larger nodes are needed for no class, and say little about what their classes share
    (Triantafillou et al., "Meta-Dataset", 2020, section 3.2 and the authors' code).

    Arguments:
        key: `(T,)`.
        spanned: which classes each node spans, `(nodes, classes)` bool.
        episode: sizes of the tasks.
    """
    node_key, choice_key = np.moveaxis(sampling.split(key, 2), -1, 0)
    nodes = spanned[eligible(spanned, episode)]
    sizes, members = nodes.sum(1), np.argsort(~nodes, axis=1, kind="stable")
    node = sampling.integers(node_key, len(nodes), 1)[:, 0]
    ways = np.minimum(sizes[node], episode.most_ways)
    picks = sampling.choose_each(choice_key, sizes[node], ways)
    places = np.minimum(picks, members.shape[1] - 1)  # absent ones reach over
    classes = np.full((len(key), episode.most_ways), -1)
    classes[:, : picks.shape[1]] = np.take_along_axis(members[node], places, 1)
    return np.where(np.arange(episode.most_ways) < ways[:, None], classes, -1)


def eligible(spanned: np.ndarray, episode: Episode) -> np.ndarray:
    """Numbers of the nodes that tasks are drawn from."""
    sizes = spanned.sum(1)
    return np.flatnonzero((sizes >= bounds(episode.ways).low) & (sizes <= MOST_SPANNED))


def check(name: str, split: str, episode: Episode, spanned: np.ndarray) -> None:
    """Checks that a node spans enough classes, and not too many.

    Arguments:
        name: of the data set.
        split: name of the split.
        episode: sizes of a task.
        spanned: as of `draw_classes`.

    Raises:
        UserError: if there is no such node.
    """
    if not len(eligible(spanned, episode)):
        sizes = spanned.sum(1)
        largest = sizes[sizes <= MOST_SPANNED].max(initial=0)
        raise UserError(
            f"episode.drawn_from=hierarchy: no node of the tree spans enough {split} classes of "
            f"{name} for ways={episode.ways}: use at most {largest}, or drawn_from=split."
        )
