"""Enumeration against programs that are known, and against the interpreter."""

import numpy as np
import pytest

from innerloop.languages.enumeration import costs, search
from innerloop.languages.language import Term, written
from innerloop.languages.list_tokens import ListTokens
from innerloop.languages.lists import LISTS

INPUTS = [[3, 1, 2], [5, 4, 4, 8], [7, 0, 9, 2, 6], [1, 1]]
SHORTEST: list[tuple[Term, int]] = [
    ("x", 1),
    (("sum", "x"), 2),
    (("reverse", ("sort", "x")), 3),
    (("take", 2, "x"), 3),
    (("apply", ("plus", 3), "x"), 4),
]


def size(term: Term) -> int:
    return 1 + sum(map(size, term[1:])) if isinstance(term, tuple) else 1


@pytest.mark.parametrize(("term", "expected"), SHORTEST, ids=str)
def test_the_shortest_program_is_returned(term: Term, expected: int) -> None:
    outputs = [LISTS.answer(term, x) for x in INPUTS]
    found = search(INPUTS, outputs, programs=50_000)
    assert size(found.term) == expected, written(found.term)
    assert [LISTS.answer(found.term, x) for x in INPUTS] == outputs


def test_every_program_that_is_found_fits_all_examples() -> None:
    rng, hits = np.random.default_rng(0), 0
    for _ in range(60):
        term = LISTS.random_term(rng, "list", 2)
        outputs = [LISTS.answer(term, x) for x in INPUTS]
        if None in outputs:
            continue
        term = search(INPUTS, outputs, programs=3000).term
        if term is not None:
            hits += 1
            assert [LISTS.answer(term, x) for x in INPUTS] == outputs
    assert hits > 5


def test_limits_end_a_search() -> None:
    impossible = [[31, 17], [0], [30, 2, 2], [9]]
    assert search(INPUTS, impossible, programs=700)[:2] == (None, 700)
    assert search(INPUTS, impossible, seconds=0.05).seconds < 1


def test_costs_follow_from_the_shares_of_a_type() -> None:
    weights = dict.fromkeys(LISTS.symbols, 1.0)
    equal = costs(weights)
    maps = ("plus", "times", "modulo", "power", "constant")
    assert [equal[name] for name in maps] == [round(2 * np.log(len(maps)))] * len(maps)
    assert costs({**weights, "sum": 50.0})["sum"] < equal["sum"]


def test_rows_stand_for_their_lists() -> None:
    tokens, rng = ListTokens(length=6), np.random.default_rng(0)
    lists = [rng.integers(32, size=rng.integers(7)).tolist() for _ in range(50)]
    assert tokens.lists(tokens.rows(lists)) == lists
    term = ("drop", 1, "x")
    rows = tokens.run(term, tokens.rows(lists))
    assert tokens.lists(rows) == [LISTS.evaluate(term, x) for x in lists]
    assert not tokens.run(("head", "x"), tokens.rows([[]])).any()
