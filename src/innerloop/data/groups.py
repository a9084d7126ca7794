"""Tasks within one group of classes, such as the characters of one alphabet."""

import numpy as np

from innerloop.data import sampling, sizes
from innerloop.errors import UserError
from innerloop.tasks import Episode, bounds


def draw_classes(key: np.ndarray, groups: np.ndarray, episode: Episode) -> np.ndarray:
    """The classes of each task, `(T, most_ways)`, all of one group; -1 after the last one.

    All groups that have enough classes are equally likely. The number of classes is uniform up to
    the size of the group.

    Arguments:
        key: `(T,)`.
        groups: the number of each class's group, `(classes,)`.
        episode: sizes of the tasks.
    """
    group_key, number_key, choice_key = np.moveaxis(sampling.split(key, 3), -1, 0)
    members, sizes_of = np.argsort(groups, kind="stable"), np.bincount(groups)
    eligible = np.flatnonzero(sizes_of >= bounds(episode.ways).low)
    group = eligible[sampling.integers(group_key, len(eligible), 1)[:, 0]]
    ways = sizes.draw_ways(number_key, episode, sizes_of[group])
    picks = sampling.choose_each(choice_key, sizes_of[group], ways)
    starts = np.cumsum(sizes_of) - sizes_of
    classes = np.full((len(key), episode.most_ways), -1)
    places = np.minimum(starts[group][:, None] + picks, len(groups) - 1)  # absent ones reach over
    classes[:, : picks.shape[1]] = members[places]
    return np.where(np.arange(episode.most_ways) < ways[:, None], classes, -1)


def check(name: str, split: str, episode: Episode, groups: np.ndarray | None) -> None:
    """Checks that a split has a group with enough classes.

    Arguments:
        name: of the data set.
        split: name of the split.
        episode: sizes of a task.
        groups: the number of each class's group, `(classes,)`; None without groups.

    Raises:
        UserError: if there are no groups, or all are too small.
    """
    if groups is None:
        raise UserError(
            f"episode.drawn_from=group: the classes of {name} have no groups, such as the "
            "alphabets of omniglot. Use drawn_from=split."
        )
    largest = int(np.bincount(groups).max())
    if largest < bounds(episode.ways).low:
        raise UserError(
            f"The largest group of the {split} split of {name} has {largest} classes, fewer than "
            f"ways={episode.ways}: use at most {largest}."
        )
