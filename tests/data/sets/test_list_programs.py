"""Programs over lists: the language against plain Python, what is held out, and damaged files."""

import json
import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data import damage
from data.real import beside

from innerloop.data.programs.answers import commonest, copy
from innerloop.data.programs.list_tasks import FILES
from innerloop.data.sets.list_programs import ListPrograms
from innerloop.errors import UserError
from innerloop.languages.language import Term, Undefined, written
from innerloop.languages.lists import FUNCTIONS, LISTS, LONGEST, is_prime
from innerloop.objectives.exact_match import ExactMatch
from innerloop.tasks import Episode, Task, only

EPISODE = Episode(1, 10, 5)
ROWS = [[], [4], [3, 1, 4, 1, 5], [2, 7, 1, 8, 2, 8], list(range(12))]

# Each function of the language in plain Python, by a term that uses it.
PLAIN: dict[Term, Callable[[list[int]], Any]] = {
    ("reverse", "x"): lambda x: list(reversed(x)),
    ("sort", "x"): lambda x: list(np.sort(x)),
    ("tail", "x"): lambda x: [v for i, v in enumerate(x) if i > 0],
    ("all_but_last", "x"): lambda x: [v for i, v in enumerate(x) if i < len(x) - 1],
    ("take", 2, "x"): lambda x: [v for i, v in enumerate(x) if i < 2],
    ("drop", 2, "x"): lambda x: [v for i, v in enumerate(x) if i >= 2],
    ("rotate", 3, "x"): lambda x: list(np.roll(x, -3)),
    ("repeat", 3, "x"): lambda x: x + x + x,
    ("append", 3, "x"): lambda x: list(np.append(np.array(x, int), 3)),
    ("prepend", 3, "x"): lambda x: list(np.insert(np.array(x, int), 0, 3)),
    ("apply", ("plus", 3), "x"): lambda x: list(np.array(x, int) + 3),
    ("apply", ("times", 3), "x"): lambda x: list(np.array(x, int) * 3),
    ("apply", ("modulo", 3), "x"): lambda x: list(np.mod(np.array(x, int), 3)),
    ("apply", ("power", 3), "x"): lambda x: list(np.array(x, int) ** 3),
    ("apply", ("constant", 3), "x"): lambda x: list(np.full(len(x), 3)),
    ("keep", ("at_least", 3), "x"): lambda x: list(filter(lambda v: v > 2, x)),
    ("keep", ("not", ("square",)), "x"): lambda x: [v for v in x if v not in (0, 1, 4, 9)],
    ("concatenate", "x", ("tail", "x")): lambda x: [*x, *x[1:]],
    ("each", 2, "x"): lambda x: list(np.repeat(x, 2)),
    ("is", ("even",), ("length", "x")): lambda x: not len(x) & 1,
    ("remove", ("equals", 1), "x"): lambda x: [v for v in x if v != 1],
    ("mark", ("prime",), "x"): lambda x: [v in (2, 3, 5, 7, 11) for v in x],
    ("count", ("divisible", 3), "x"): lambda x: len([v for v in x if v in range(0, 99, 3)]),
    ("any", ("even",), "x"): lambda x: not all(v & 1 for v in x),
    ("all", ("even",), "x"): lambda x: not [v for v in x if v & 1],
    ("range", ("length", "x")): lambda x: list(np.arange(len(x))),
    ("head", "x"): lambda x: next(iter(x)) if x else None,
    ("last", "x"): lambda x: next(reversed(x)) if x else None,
    ("largest", "x"): lambda x: sorted(x)[-1] if x else None,
    ("smallest", "x"): lambda x: sorted(x)[0] if x else None,
    ("sum", "x"): lambda x: np.sum(x),
    ("product", "x"): lambda x: np.prod(x),
    ("length", "x"): lambda x: Counter(map(bool, x)).total(),
    ("at", 2, "x"): lambda x: x[2] if len(x) > 2 else None,
}


def names(term: Term) -> set[str]:
    inner = [names(part) for part in term[1:]] if isinstance(term, tuple) else []
    return {term[0]}.union(*inner) if isinstance(term, tuple) else set()


@pytest.mark.parametrize("term", PLAIN, ids=written)
def test_a_function_equals_plain_python(term: Term) -> None:
    for x in ROWS:
        expected = PLAIN[term](x)
        if expected is None or np.abs(np.append(expected, 0)).max() > 10**6:
            with pytest.raises(Undefined):
                LISTS.evaluate(term, x)
        else:
            assert LISTS.evaluate(term, x) == expected


def test_every_function_is_compared() -> None:
    assert set().union(*map(names, PLAIN)) == set(FUNCTIONS)


def test_primes_are_those_of_the_sieve() -> None:
    sieve = set(range(2, 200)) - {a * b for a in range(2, 100) for b in range(2, 100)}
    assert {n for n in range(-5, 200) if is_prime(n)} == sieve


def test_random_programs_have_the_type_that_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    for kind in ("list", "int", "map", "test") * 500:
        assert LISTS.type_of(LISTS.random_term(rng, kind, 3)) == kind


def test_a_wrongly_typed_program_is_recognised() -> None:
    with pytest.raises(TypeError, match="take takes"):
        LISTS.type_of(("take", "x", 2))


def test_programs_beyond_the_limits_have_no_value() -> None:
    big: Term = "x"
    for _ in range(6):
        big = ("apply", ("power", 2), ("repeat", 5, big))
    assert LISTS.answer(big, [3] * LONGEST) is None
    assert LISTS.answer(("apply", ("modulo", 0), "x"), [3]) is None


def write(folder: Path) -> Path:
    """A file like the publisher's, whose task k is "take k" or, from 9, "add k - 9"."""
    file = folder / FILES.place
    file.parent.mkdir(parents=True)
    rng, tasks = np.random.default_rng(0), []
    for k in range(217):
        rows = [rng.integers(17, size=10).tolist() for _ in range(15)]
        pairs = [{"i": x, "o": x[:k] if k < 9 else [v + k - 9 for v in x]} for x in rows]
        tasks.append({"name": str(k), "examples": pairs})
    file.write_text(json.dumps(tasks))
    return file


@pytest.fixture
def data(tmp_path: Path) -> ListPrograms:
    write(tmp_path)
    return ListPrograms(str(tmp_path))


def test_no_random_program_agrees_with_a_test_task(data: ListPrograms) -> None:
    assert data.is_a_test(("take", 3, "x"))
    assert data.is_a_test(("reverse", ("reverse", ("take", 3, "x"))))  # the same, in other words
    assert not data.is_a_test(("tail", "x"))
    rng = np.random.default_rng(0)
    for _ in range(300):
        term, pairs = data.random_program(rng, 5)
        wrong = [any(LISTS.answer(term, p.x) != p.y for p in own) for own in data.tests]
        assert all(wrong)
        assert all(LISTS.answer(term, p.x) == p.y for p in pairs)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_task_depends_on_seed_and_index_alone(data: ListPrograms, split: str) -> None:
    together = data.tasks(split, np.arange(4), EPISODE, 0)
    alone = data.tasks(split, np.array([2]), EPISODE, 0)
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a.inputs[2], b.inputs[0]) and torch.equal(a.targets[2], b.targets[0])
    other = data.tasks(split, np.arange(4), EPISODE, 1)
    assert not torch.equal(other.support.inputs, together.support.inputs)


def test_test_tasks_are_the_publishers_in_order(data: ListPrograms) -> None:
    batch = data.tasks("test", np.arange(217), EPISODE, 0)
    for own, x, y in zip(data.tests, batch.query.inputs, batch.query.targets, strict=True):
        for row, target in zip(x, y, strict=True):
            ((known,), (written_,)) = data.tokens.lists(row[None]), data.tokens.lists(target[None])
            (expected,) = [p.y for p in own if p.x == known]
            if max(expected, default=0) < 32:
                assert written_ == expected


def test_what_cannot_be_written_is_never_right(data: ListPrograms) -> None:
    objective = ExactMatch(12, 34)
    for answer_ in ([3, 32], [-1], list(range(13))):
        x, y = data.tokens.rows([answer_]), data.tokens.rows([answer_], answers=True)
        assert objective.scores(x, y)["exact_match"] == 0
    full = data.tokens.rows([list(range(12))], answers=True)
    assert objective.scores(full, full)["exact_match"] == 1


def first(data: ListPrograms, index: int) -> Task:
    return only(data.tasks("test", np.array([index]), EPISODE, 0))


def test_baselines_are_right_where_they_must_be(data: ListPrograms) -> None:
    objective = ExactMatch(12, 34)
    added_nothing, took_nothing = first(data, 9), first(data, 0)
    for task, right, wrong in ((added_nothing, copy, commonest), (took_nothing, commonest, copy)):
        assert objective.scores(right(task), task.query.targets)["exact_match"] == 1
        assert objective.scores(wrong(task), task.query.targets)["exact_match"] == 0


def test_a_sketch_shows_examples_and_answers(data: ListPrograms) -> None:
    task = first(data, 10)
    sketch = data.sketch(task, copy(task))
    assert len(sketch.rows) == 15
    for kind, x, _, answer_ in sketch.rows:
        assert answer_ == (x if kind == "query" else "")


@pytest.mark.parametrize("how", ["cut", "empty", "noise", "web_page", "sparse", "folder"])
def test_a_damaged_file_gives_one_clear_error(tmp_path: Path, how: str) -> None:
    file = write(tmp_path)
    getattr(damage, how)(file, np.random.default_rng(0))
    with pytest.raises(UserError, match="list_tasks"):
        ListPrograms(str(tmp_path)).prepare()


@pytest.mark.parametrize("content", [{}, [], {"list_tasks.json": [{"examples": []}]}, [1] * 217])
def test_another_content_gives_one_clear_error(tmp_path: Path, content: object) -> None:
    file = tmp_path / FILES.archive
    file.parent.mkdir()
    file.write_bytes(lzma.compress(json.dumps(content).encode()))
    with pytest.raises(UserError, match="is not DreamCoder's list tasks"):
        ListPrograms(str(tmp_path)).prepare()


def test_a_missing_file_is_named_with_its_address(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="github.com/ellisk42/ec"):
        ListPrograms(str(tmp_path)).prepare()


def test_sizes_that_a_test_task_does_not_have_are_refused(data: ListPrograms) -> None:
    with pytest.raises(UserError, match="15 examples, fewer than 10 shots and 6"):
        data.check("test", Episode(1, 10, 6))
    with pytest.raises(UserError, match="ways=1"):
        data.check("train", Episode(2, 10, 5))


def test_the_real_tasks_are_read() -> None:
    data = ListPrograms(str(beside(FILES.archive).parents[1]))
    assert len(data.tests) == 217
    assert data.is_a_test(("reverse", "x")) and data.is_a_test(("sum", "x"))
