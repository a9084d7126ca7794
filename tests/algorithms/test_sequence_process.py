"""The sequence process: shared places, and an answer that follows from its parts."""

import pytest
import torch
from helpers import NOW, close
from torch import Tensor

from innerloop.algorithms.in_context.sequence_process import SequenceProcess
from innerloop.errors import UserError
from innerloop.models.mlp import MLP
from innerloop.models.network import Network
from innerloop.objectives.exact_match import ExactMatch
from innerloop.tasks import Examples, Task

PLACES, TOKENS = 3, 4


def learner(places: int = PLACES) -> SequenceProcess:
    model = Network(MLP([PLACES * TOKENS], hidden=[]), outputs=1)
    objective = ExactMatch(PLACES, TOKENS)
    return SequenceProcess(model, objective, places, width=8, heads=2).double()


def lists(n: int) -> Tensor:
    return torch.eye(TOKENS).double()[torch.randint(TOKENS, (n, PLACES))].flatten(1)


def answers(process: SequenceProcess, support: Examples, queries: Tensor) -> Tensor:
    (adapted,) = process.adapt(support, 0, NOW)
    return process.predict(adapted, queries)


def permuted(rows: Tensor, order: Tensor) -> Tensor:
    return rows.unflatten(1, (PLACES, TOKENS))[:, order].flatten(1)


def test_without_their_vectors_places_are_interchangeable() -> None:
    """All places share their weights: only the vectors `place` tell them apart."""
    process, support, queries = learner(), Examples(lists(5), lists(5)), lists(4)
    order = torch.tensor([2, 0, 1])
    other = Examples(*[permuted(rows, order) for rows in support])
    before = answers(process, support, queries)
    gap = answers(process, other, permuted(queries, order)) - permuted(before, order)
    assert gap.abs().max() > 1e-3
    process.place.data[:PLACES] = process.place.data[0]
    process.place.data[PLACES:] = process.place.data[PLACES]
    before = answers(process, support, queries)
    close(answers(process, other, permuted(queries, order)), permuted(before, order))


def test_a_repeated_support_is_the_same_support() -> None:
    process, support, queries = learner(), Examples(lists(5), lists(5)), lists(4)
    twice = Examples(*[torch.cat([rows, rows]) for rows in support])
    close(answers(process, twice, queries), answers(process, support, queries))


def test_it_is_trained_by_the_objective_of_support_and_queries() -> None:
    process, support, query = learner(), Examples(lists(5), lists(5)), Examples(lists(4), lists(4))
    outputs = answers(process, support, torch.cat([support.inputs, query.inputs]))
    logits = outputs.view(-1, TOKENS)
    labels = torch.cat([support.targets, query.targets]).view(-1, TOKENS).argmax(1)
    expected = torch.nn.functional.cross_entropy(logits, labels)
    close(process.meta_loss(Task(support, query), NOW), expected)


def test_places_that_do_not_divide_the_features_are_refused() -> None:
    with pytest.raises(UserError, match="divides both the 12 features and the 12 outputs"):
        learner(places=5)
