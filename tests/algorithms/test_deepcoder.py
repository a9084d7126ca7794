"""DeepCoder: programs fit their examples, the guide changes only the order, queries stay hidden."""

import pytest
import torch
from helpers import NOW, close
from torch.nn import functional as F

from innerloop.algorithms.synthesis.deepcoder import DeepCoder
from innerloop.errors import UserError
from innerloop.languages.list_tokens import ListTokens
from innerloop.languages.lists import LISTS
from innerloop.models.identity import Identity
from innerloop.models.network import Network
from innerloop.objectives.exact_match import ExactMatch
from innerloop.tasks import Examples, Task

TOKENS = ListTokens(length=4)
INPUTS = [[3, 1, 2], [5, 4], [7, 0, 9, 2], []]


def learner(language: ListTokens | None = TOKENS, guess: bool = False) -> DeepCoder:
    model = Network(Identity([TOKENS.width]), outputs=1)
    objective = ExactMatch(4, 34)
    return DeepCoder(
        model, objective, language=language, guess=guess, places=4, width=8, heads=2
    ).double()


def task(answers: list[list[int]], programs: torch.Tensor) -> Task:
    x, y = TOKENS.rows(INPUTS).double(), TOKENS.rows(answers, answers=True).double()
    return Task(Examples(x, y), Examples(x, torch.cat([y, programs.expand(4, -1)], 1)))


UNKNOWN = torch.zeros(len(LISTS.symbols), dtype=torch.float64)


@pytest.mark.parametrize("guided", [False, True])
def test_the_program_fits_and_answers_new_inputs(guided: bool) -> None:
    own = learner()
    if guided:
        own.guide.bias.data[LISTS.symbols.index("reverse")] = 9.0
    support = task([x[::-1] for x in INPUTS], UNKNOWN).support
    (adapted,) = own.adapt(support, 0, NOW)
    for x in INPUTS:
        assert LISTS.evaluate(adapted.found.term, x) == x[::-1]
    new = TOKENS.rows([[8, 6, 1]]).double()
    assert TOKENS.lists(own.predict(adapted, new)) == [[1, 6, 8]]


def test_a_guide_that_knows_the_functions_finds_the_program_earlier() -> None:
    own, tried = learner(), []
    support = task([sorted(x)[:2][::-1] for x in INPUTS], UNKNOWN).support
    for weight in (0.0, 6.0):
        own.guide.weight.data.zero_()
        own.guide.bias.data[:] = -weight
        own.guide.bias.data[[LISTS.symbols.index(s) for s in ("reverse", "take", "sort", "2")]] = (
            weight
        )
        (adapted,) = own.adapt(support, 0, NOW)
        tried.append(adapted.found.tried)
    assert tried[1] < tried[0]


def test_the_loss_is_the_cross_entropy_of_the_programs_functions() -> None:
    own, functions = learner(), torch.rand(len(LISTS.symbols)).round().double()
    batch = task([x[::-1] for x in INPUTS], functions)
    (summary,) = own.network.adapt(batch.support, 0, NOW)
    p = own.guide(summary.mean).sigmoid()
    expected = -(functions * p.log() + (1 - functions) * (1 - p).log()).mean()
    close(own.meta_loss(batch, NOW), expected)


def test_without_a_program_there_is_no_answer_or_the_networks() -> None:
    noise = [[9, 9, 3], [1], [30, 2], [17, 17]]
    for guess in (False, True):
        own = learner(guess=guess)
        own.programs = 50
        batch = task(noise, UNKNOWN)
        (adapted,) = own.adapt(batch.support, 0, NOW)
        outputs = own.predict(adapted, batch.query.inputs)
        assert adapted.found.term is None and adapted.found.tried == 50
        expected = own.network.predict(adapted.summary, batch.query.inputs)
        close(outputs, expected if guess else torch.zeros_like(expected))


def test_what_is_known_of_the_query_changes_no_answer() -> None:
    own = learner(guess=True)
    batch = task([x[::-1] for x in INPUTS], UNKNOWN)
    other = Task(batch.support, Examples(batch.query.inputs, 1 - batch.query.targets))
    (first,), (second,) = ([o for _, o in own.trajectory(t, 0, NOW)] for t in (batch, other))
    close(first, second)


def test_settings_that_cannot_answer_are_refused() -> None:
    with pytest.raises(UserError, match="guess=false"):
        learner(language=None)
    with pytest.raises(UserError, match="length=5 does not fit"):
        learner(language=ListTokens(length=5))


def test_logits_and_programs_are_scored_alike() -> None:
    """Targets with the program's functions behind the tokens have the loss of those without."""
    objective, batch = ExactMatch(4, 34), task([x[::-1] for x in INPUTS], UNKNOWN + 1)
    logits = torch.randn(4, TOKENS.width).double()
    labels = batch.support.targets.view(-1, 34).argmax(1)
    close(objective.loss(logits, batch.query.targets), F.cross_entropy(logits.view(-1, 34), labels))
