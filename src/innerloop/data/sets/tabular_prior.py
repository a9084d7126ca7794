"""Tables from random causal graphs: the tasks on which a prior-fitted network is trained."""

import numpy as np
import torch

from innerloop.data import layout, sampling
from innerloop.data.layout import Rows
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Padded, Task, bounds

CAUSES, NODES = 4, 16  #: nodes without parents, and nodes of each of the two layers below them
VERSION = 1  #: increase it whenever the same key would draw another table


class TabularPrior(TaskSource):
    r"""Classification of rows of a table, whose columns are nodes of a random network.

    A task draws a network of two layers, :math:`h_1 = \tanh(z W_1 + \epsilon_1)` and
    :math:`h_2 = \tanh(h_1 W_2 + \epsilon_2)`, with normal causes z, weights of which half are zero,
    and noise. The features are nodes of either layer, so that a feature may be a cause of the class
    or an effect of its causes. A class is an interval of one more node; classes are named at
    random.

    Deviations: the paper's prior mixes this kind of network, of random depth, width and activation,
    with Gaussian processes and with Bayesian networks, and its intervals are drawn apart from the
    rows. Here they are quantiles, so that each class has exactly the rows that `episode` says.

    References:
        Müller, Hollmann, Pineda Arango, Grabocka and Hutter, "Transformers can do Bayesian
        inference", 2022. Hollmann, Müller, Eggensperger and Hutter, "TabPFN: a transformer that
        solves small tabular classification problems in a second", 2023.

    Arguments:
        features: largest number of features. A task has 2 or more, and zeros for the others.

    Raises:
        UserError: for fewer than 2 features, or more than there are nodes.

    Example:
        >>> tasks = TabularPrior(5).tasks("train", np.arange(2), Episode(3, 4, 6), seed=0)
        >>> tasks.support.inputs.shape, tasks.query.targets.shape
        (torch.Size([2, 12, 5]), torch.Size([2, 18]))
    """

    unequal = True

    def __init__(self, features: int = 10) -> None:
        if not 2 <= features < 2 * NODES:
            raise UserError(f"dataset.features={features}: give 2 to {2 * NODES - 1} features.")
        self.features = features

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        drawn = layout.draw(
            split=split, indices=indices, episode=episode, seed=seed, supply=episode.most_ways
        )
        keys = sampling.split(sampling.keys(seed, f"tables/{split}", indices), 2)
        features, score = tables(keys[:, 0], _most_rows(episode), self.features)
        first, order = _rows_by_class(keys[:, 1], score, drawn.amounts)
        task = np.arange(len(indices))[:, None]

        def examples(rows: Rows) -> Examples:
            chosen = order[task, first[task, rows.labels] + rows.numbers]
            values = features[task, chosen] * rows.real[..., None]
            inputs = Padded(torch.from_numpy(values), torch.from_numpy(rows.real))
            return Examples(inputs, rows.targets())

        return _plain_unless(episode.varies, Task(examples(drawn.support), examples(drawn.query)))

    def fingerprint(self, split: str) -> str:
        return f"tabular_prior version={VERSION} features={self.features}"


def tables(keys: np.ndarray, rows: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Features `(T, rows, features)` float32 and scores `(T, rows)` of one table for each key."""
    nodes, choice, number = np.moveaxis(sampling.split(keys, 3), -1, 0)
    values = _network(nodes, rows)
    chosen = sampling.choose(choice, 2 * NODES, features + 1)
    columns = np.take_along_axis(values, chosen[:, None], 2)
    present = 2 + sampling.integers(number, features - 1, 1)[..., None]
    columns[..., 1:] *= np.arange(features) < present
    return columns[..., 1:].astype(np.float32), columns[..., 0]


def _network(keys: np.ndarray, rows: int) -> np.ndarray:
    """Values `(T, rows, 2 * NODES)` of the nodes of both layers."""
    cause, *layers = np.moveaxis(sampling.split(keys, 3), -1, 0)
    above = sampling.normal(cause, rows * CAUSES).reshape(-1, rows, CAUSES)
    values = []
    for key in layers:
        weight, mask, noise, deviation = np.moveaxis(sampling.split(key, 4), -1, 0)
        shape = (-1, above.shape[2], NODES)
        weights = sampling.normal(weight, above.shape[2] * NODES).reshape(shape)
        weights *= sampling.integers(mask, 2, above.shape[2] * NODES).reshape(shape)
        noises = sampling.normal(noise, rows * NODES).reshape(-1, rows, NODES)
        above = np.tanh(above @ weights + 0.3 * sampling.uniform(deviation, 1)[..., None] * noises)
        values.append(above)
    return np.concatenate(values, 2)


def _rows_by_class(
    keys: np.ndarray, score: np.ndarray, amounts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of each table sorted by class, `(T, rows)`, and where each class begins `(T, ways)`.

    Within a class they are in the order of the table, which says nothing about their scores.

    Arguments:
        keys: `(T,)`, for the order of the classes on the axis of the scores.
        amounts: rows of each class, `(T, ways)`; the table's last rows are left over.
    """
    used = np.arange(score.shape[1]) < amounts.sum(1, keepdims=True)
    rank = np.argsort(np.argsort(np.where(used, score, np.inf), 1), 1)
    classes = sampling.permutations(keys, amounts.shape[1])
    ends = np.take_along_axis(amounts, classes, 1).cumsum(1)
    interval = (rank[..., None] >= ends[:, None]).sum(2)  # the number of classes for what is left
    label = np.take_along_axis(
        np.pad(classes, ((0, 0), (0, 1)), constant_values=2**31), interval, 1
    )
    return amounts.cumsum(1) - amounts, np.argsort(label, 1, kind="stable")


def _most_rows(episode: Episode) -> int:
    ways, shots, queries = (bounds(part).high for part in episode[:3])
    return ways * (shots + queries)


def _plain_unless(varies: bool, tasks: Task) -> Task:
    """The tasks; those of one size without the rows that fill them up, which come last."""
    if varies:
        return tasks

    def plain(examples: Examples) -> Examples:
        rows = int(examples.inputs.real[0].sum())
        return Examples(examples.inputs.values[:, :rows], examples.targets[:, :rows])

    return Task(*[plain(examples) for examples in tasks])
