"""ImageNet's classes in the tree of WordNet: which of them each of its nodes spans."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from innerloop.data.sets.class_lists import FOLDER

FILE = "imagenet_is_a.txt"  #: each line a parent and a child
Links = Mapping[str, set[str]]  #: from a node to its parents, or to its children


def spanned(names: Sequence[str]) -> np.ndarray | None:
    """Which classes each inner node of the tree spans, `(nodes, classes)` bool.

    As in Meta-Dataset, a node with one child is left out, because it spans what the child spans;
    and so is a node that is not below the lowest node that spans all classes.

    Arguments:
        names: of the classes, such as `n02110341`.

    Returns:
        None if a class is not in the tree.
    """
    return _spanned(tuple(names))


@functools.lru_cache(16)  # needed for every batch of tasks
def _spanned(names: tuple[str, ...]) -> np.ndarray | None:
    parents = _parents()
    if not set(names) <= set(parents):
        return None
    children = _children(names, parents)
    spans = {node: _leaves(node, children) for node in children}
    whole = [node for node in children if len(spans[node]) == len(set(names))]
    root = min(whole, key=lambda node: len(_below(node, children)))
    inner = sorted(n for n in _below(root, children) if len(_branches(n, children)) > 1)
    return np.array([[name in spans[node] for name in names] for node in inner])


@functools.cache
def _parents() -> Links:
    parents: dict[str, set[str]] = {}
    for line in (FOLDER / FILE).read_text().splitlines():
        if not line.startswith("#"):
            parent, child = line.split()
            parents.setdefault(child, set()).add(parent)
    return parents


def _children(names: Sequence[str], parents: Links) -> Links:
    """The children of each ancestor of the classes, as far as they have such classes."""
    children: dict[str, set[str]] = {}
    waiting = list(names)
    while waiting:
        node = waiting.pop()
        for parent in parents.get(node, ()):
            if parent not in children:
                waiting.append(parent)
            children.setdefault(parent, set()).add(node)
    return children


def _below(node: str, children: Links) -> set[str]:
    """A node and all nodes below it."""
    return {node}.union(*[_below(child, children) for child in children.get(node, ())])


def _leaves(node: str, children: Links) -> set[str]:
    """The classes that a node spans."""
    return {below for below in _below(node, children) if below not in children}


def _branches(node: str, children: Links) -> set[str]:
    """The children of a node, each replaced by its only child as long as it has one."""
    return {_collapsed(child, children) for child in children.get(node, ())}


def _collapsed(node: str, children: Links) -> str:
    branches = _branches(node, children)
    return next(iter(branches)) if len(branches) == 1 else node
