"""What a data set promises: tasks are a function of seed, split, index and sizes."""

import pickle
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from innerloop import tasks as task_tools
from innerloop.conformance.failure import Failure, agree
from innerloop.data.source import SPLITS, TaskSource
from innerloop.tasks import Episode, Examples, Task, trimmed

TASKS = np.arange(4)


class DataSet(NamedTuple):
    """A prepared data set, the sizes of its tasks, and the shape of an input for the model."""

    source: TaskSource
    episode: Episode
    shape: object
    classes: int | None

    def tasks(self, split: str, indices: np.ndarray = TASKS, seed: int = 1) -> Task:
        """Tasks of a split."""
        return self.source.tasks(split, indices, self.episode, seed)


def the_same_index_gives_the_same_task(data: DataSet) -> None:
    """A task depends on its seed, split and index alone, not on the batch it is drawn in."""
    for split in SPLITS:
        batch = data.tasks(split)
        agree(data.tasks(split), batch, f"the {split} tasks drawn again")
        backwards = data.tasks(split, TASKS[::-1])
        agree(tree_map(lambda x: x.flip(0), backwards), batch, f"the {split} tasks backwards")
        single = data.tasks(split, TASKS[2:3])
        _alike(_task(single, 0), _task(batch, 2), f"the {split} task drawn alone")


def other_seeds_splits_and_indices_give_other_tasks(data: DataSet) -> None:
    """Another index, seed or split gives another task."""
    batch = data.tasks("train")
    others = {
        "another index": _task(batch, 1),
        "another seed": _task(data.tasks("train", seed=2), 0),
        "the val split": _task(data.tasks("val"), 0),
        "the test split": _task(data.tasks("test"), 0),
    }
    for what, other in others.items():
        if _equal(_task(batch, 0), other):
            raise Failure(f"{what} gives the same task as index 0 of train with seed 1")


def inputs_have_the_announced_shape(data: DataSet) -> None:
    """After `transform`, inputs are finite, and have `dataset.input_shape`."""
    for split in SPLITS:
        for examples in data.tasks(split):
            seen = data.source.transform(task_tools.values(examples.inputs))
            shape = tree_map(lambda x: list(x.shape[2:]), seen)
            if shape != data.shape:
                raise Failure(f"{split} inputs are {shape}, and dataset.input_shape = {data.shape}")
            for leaf in tree_leaves(seen):
                if leaf.is_floating_point() and not leaf.isfinite().all():
                    raise Failure(f"{split} inputs are not finite")


def a_task_has_the_sizes_that_were_asked_for(data: DataSet) -> None:
    """With classes, each has its shots and queries, labels are 0, 1, ...; rows are shuffled."""
    if data.classes is None or data.episode.varies:
        return
    ways, *each = data.episode.numbers
    shuffled = False
    for split in SPLITS:
        for part, number in zip(data.tasks(split), each, strict=True):
            expected = torch.arange(ways).repeat_interleave(number)
            for labels in part.targets:
                if not torch.equal(labels.sort().values, expected):
                    raise Failure(
                        f"a {split} task has the labels {labels.tolist()} and not {number} of each "
                        f"of {ways} classes"
                    )
                shuffled |= not torch.equal(labels, expected)
    if ways > 1 and not shuffled:
        raise Failure("rows are sorted by class, which a learner could use to guess the labels")


def support_and_query_share_no_example(data: DataSet) -> None:
    """No query is also in the support of its task."""
    for split in SPLITS:
        for i in range(len(TASKS)):
            support, query = (_rows(part) for part in _task(data.tasks(split), i))
            both = (support[:, None] == query[None]).all(-1).any(1)
            if both.any():
                raise Failure(f"{int(both.sum())} examples of a {split} task are in both")


def fingerprints_stay(data: DataSet) -> None:
    """`fingerprint` is a text, the same every time."""
    prints = [data.source.fingerprint(split) for split in SPLITS]
    if prints != [data.source.fingerprint(split) for split in SPLITS]:
        raise Failure("a second call gives another fingerprint")
    if not all(isinstance(name, str) and name for name in prints):
        raise Failure(f"a fingerprint is a text, not {prints[0]!r}")


def workers_can_draw_its_tasks(data: DataSet) -> None:
    """A copy in another process draws the same tasks: it can be pickled."""
    try:
        twin: TaskSource = pickle.loads(pickle.dumps(data.source))  # our own bytes
    except Exception as error:
        raise Failure(f"it cannot be sent to a worker process: {error}") from error
    agree(twin.tasks("train", TASKS, data.episode, 1), data.tasks("train"), "the copy's tasks")


def _task(batch: Task, index: int) -> Task:
    """A task of a batch without its padding."""
    return trimmed(task_tools.only(task_tools.part(batch, index, index + 1)))


def _leaves(task: Task) -> list[Tensor]:
    return tree_leaves(task_tools.plain(task))


def _equal(one: Task, other: Task) -> bool:
    pairs = zip(_leaves(one), _leaves(other), strict=True)
    return all(a.shape == b.shape and bool((a == b).all()) for a, b in pairs)


def _alike(one: Task, other: Task, what: str) -> None:
    agree(_leaves(one), _leaves(other), what)


def _rows(examples: Examples) -> Tensor:
    """Each example's inputs as one row of numbers."""
    leaves = tree_leaves(task_tools.values(examples.inputs))
    return torch.cat([leaf.reshape(len(leaf), -1).double() for leaf in leaves], 1)
