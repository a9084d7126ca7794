"""What a task is: a support set to adapt to, and a query set to be judged on."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.func import vmap
from torch.utils._pytree import tree_leaves, tree_map

PADDING = -100  #: the label of a row that only fills up a batch; cross-entropy ignores it

Tree = TypeVar("Tree")  #: a nest of tuples and dicts with tensors at its leaves
Result = TypeVar("Result")
Inputs = Any  #: a tensor `(n, ...)`, a dict or a tuple of such tensors, or `Padded`


class Padded(NamedTuple):
    """Rows of which only some are real, so that tasks of unequal size form a batch."""

    values: Inputs  #: `(n, ...)`
    real: Tensor  #: `(n,)` bool; the labels of the other rows are `PADDING`


class Examples(NamedTuple):
    """`n` examples of a task. A batch of tasks has one more dimension in front.

    Arguments:
        inputs: a tensor `(n, ...)`, or a dict of such tensors; `Padded` in tasks of unequal size.
        targets: `(n,)` class labels, or `(n, d)` real targets; the latter are `Padded` as well.
    """

    inputs: Inputs
    targets: Tensor


class Task(NamedTuple):
    """One task, or a batch of tasks when every tensor has a leading task dimension."""

    support: Examples
    query: Examples


class Range(NamedTuple):
    """A size that every task draws for itself: `low` to `high`, all equally likely."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"[{self.low},{self.high}]"  # as it is typed


def size(value: Any) -> int | Range:
    """A number from 1, or a range `[low, high]` of such numbers; `[5, 5]` is the number 5.

    Raises:
        ValueError: if it is neither.
    """
    pair = value if isinstance(value, Sequence) and len(value) == 2 else (value, value)
    if any(type(end) is not int for end in pair) or not 1 <= pair[0] <= pair[1] < 2**31:
        raise ValueError("neither a number from 1 nor a range such as [1, 10]")
    return pair[0] if pair[0] == pair[1] else Range(*pair)


def bounds(size: int | Range) -> Range:
    """The least and the largest that a size can be."""
    return size if isinstance(size, Range) else Range(size, size)


class Episode(NamedTuple):
    """The sizes of a task: classes, labelled examples of each, and examples of each to predict."""

    ways: int | Range
    shots: int | Range
    queries: int | Range
    balance: str = "equal"  #: of the classes' shots; `innerloop.data.sizes` says what there is
    alpha: float = 1.0  #: of `dirichlet`: the smaller, the more unequal
    query_balance: str = "equal"  #: of the classes' queries: `equal` or `dirichlet`
    largest_support: int = 500  #: of `balance="meta_dataset"`: examples of a support set
    drawn_from: str = "split"  #: classes of a task: any of the `split`, or of one `group`, ...
    replacement: bool = True  #: False: no image is in two tasks of the list

    @classmethod
    def of(cls, section: Mapping[str, Any]) -> "Episode":
        """The sizes that a section of the configuration, or of the results, states."""
        ways, shots, queries = [size(section[name]) for name in cls._fields[:3]]
        others = {name: section[name] for name in cls._fields[3:] if name in section}
        alpha = float(others.pop("alpha", 1.0))
        return cls(ways, shots, queries, alpha=alpha, **others)

    @property
    def varies(self) -> bool:
        """Whether its tasks, or the classes of a task, differ in size: then they are `Padded`."""
        unequal = self.balance != "equal" or self.query_balance != "equal"
        return unequal or any(isinstance(part, Range) for part in self)

    @property
    def most_ways(self) -> int:
        """The largest number of classes."""
        return bounds(self.ways).high

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Ways, shots and queries of tasks that are all of one size."""
        ways, shots, queries = (bounds(part).high for part in self[:3])
        return ways, shots, queries

    def record(self) -> dict[str, Any]:
        """What tells it from others, by name."""
        used = {
            "alpha": "dirichlet" in (self.balance, self.query_balance),
            "largest_support": self.balance == "meta_dataset",
        }
        defaults = self._field_defaults
        return {
            name: part
            for name, part in self._asdict().items()
            if name not in defaults or used.get(name, part != defaults[name])
        }


def count(tasks: object) -> int:
    """Length of the first dimension: the number of tasks of a batch, or of examples of a task."""
    return int(tree_leaves(tasks)[0].shape[0])


def part(tasks: Tree, start: int, stop: int) -> Tree:
    """The tasks `start:stop` of a batch."""
    return tree_map(lambda x: x[start:stop], tasks)


def only(tasks: Tree) -> Tree:
    """The single task of a batch that holds one."""
    return tree_map(lambda x: x[0], tasks)


def alone(task: Tree) -> Tree:
    """A batch that holds this task alone."""
    return tree_map(lambda x: x[None], task)


def like(inputs: Inputs, features: Tensor) -> Tensor | Padded:
    """Features in the place of the inputs, row by row: padded where the inputs are."""
    return Padded(features, inputs.real) if isinstance(inputs, Padded) else features


def values(inputs: Inputs) -> Inputs:
    """The inputs without the note which rows are real."""
    return inputs.values if isinstance(inputs, Padded) else inputs


def plain(task: Task) -> Task:
    """The task without the note which rows are real, to be shown."""
    return Task(*[Examples(values(inputs), values(targets)) for inputs, targets in task])


def trimmed(task: Task) -> Task:
    """One task without the rows that only fill up a batch; it still knows that it was padded."""

    def without_padding(examples: Examples) -> Examples:
        if not isinstance(examples.inputs, Padded):
            return examples
        real = examples.inputs.real
        return Examples(*tree_map(lambda x: x[real], tuple(examples)))

    return Task(*[without_padding(examples) for examples in task])


def without_support(query: Examples) -> Task:
    """A batch of tasks that have nothing to adapt to, only examples to be judged on."""
    return Task(tree_map(lambda x: x[:, :0], query), query)


def concatenate(first: Tree, second: Tree, dim: int = 0) -> Tree:
    """Joins two sets of examples, or the same leaves of two batches along `dim`."""
    return tree_map(lambda a, b: torch.cat([a, b], dim), first, second)


def over_tasks(
    function: Callable[[Tree], Result], tasks: Tree, side_by_side: bool = True
) -> Result:
    """What `function` returns for each task of a batch, stacked.

    Arguments:
        function: of one task, to a tree of tensors.
        side_by_side: whether the tasks run at once, by `vmap`. Each then draws random numbers of
            its own, as dropout needs.
    """
    total = count(tasks)
    if total > 1 and side_by_side:
        return vmap(function, randomness="different")(tasks)
    # One task needs no vmap, which would turn its convolutions into slower grouped ones.
    results = [function(only(part(tasks, i, i + 1))) for i in range(total)]
    return tree_map(lambda *values: torch.stack(values), *results)
