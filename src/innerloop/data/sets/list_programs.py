"""Programs over lists of integers, to be guessed from examples of what they do."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.programs.answers import commonest, copy, enumeration
from innerloop.data.programs.list_tasks import EXAMPLES, Pair, load
from innerloop.data.sketch import Listing, Sketch
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.languages.list_tokens import ListTokens, answer
from innerloop.languages.lists import SYMBOLS, Term, random_term, symbols_of
from innerloop.tasks import Episode, Examples, Task

VERSION = 2  #: increase it whenever the same key would draw another task


class ListPrograms(TaskSource):
    """A task is a program: `episode.shots` examples of it, and inputs to answer.

    Training and validation tasks are random programs of the language of
    `innerloop.languages.lists`, on random inputs. Test tasks are the 217 list tasks of
    DreamCoder, with their own examples. No random program is a test task's: one that agrees with
    a test task on all its examples is not used.

    Inputs and targets are lists as in `innerloop.languages.list_tokens.ListTokens`. A target that
    has too many places, or an integer beyond 0 to 31, has zeros, and no learner is right about it.

    Arguments:
        data_dir: folder of all data sets; it holds `programs/list_tasks.json`.
        length: places of a list.
        depth: of a random program's functions.
        symbols: whether targets of training and validation queries also say, after the tokens,
            which of `SYMBOLS` the task's program has; those of test queries then have zeros there.
        enumeration: `programs` and `seconds` of a task, each the limit of a baseline that searches
            without guidance; None for no such baselines.

    Raises:
        UserError: if length or depth is below 1.

    References:
        Ellis et al., "DreamCoder: bootstrapping inductive program synthesis with wake-sleep library
        learning", 2021.
    """

    def __init__(
        self,
        data_dir: str,
        length: int = 12,
        depth: int = 2,
        symbols: bool = False,
        enumeration: Mapping[str, float] | None = None,
    ) -> None:
        if length < 1 or depth < 1:
            raise UserError(f"dataset.length={length} dataset.depth={depth}: give 1 or more.")
        self.folder, self.depth, self.symbols = Path(data_dir), depth, symbols
        self.tokens, self.enumeration = ListTokens(length), enumeration
        self._compared: dict[Term, bool] = {}  # to the test tasks; programs often come again

    @functools.cached_property
    def tests(self) -> list[list[Pair]]:
        """The examples of each test task."""
        return load(self.folder)

    def prepare(self) -> None:
        assert self.tests

    def check(self, split: str, episode: Episode) -> None:
        ways, shots, queries = episode.numbers
        if ways != 1 or episode.varies:
            raise UserError("A program has no classes: set episode.ways=1, and sizes to numbers.")
        if split == "test" and shots + queries > EXAMPLES:
            raise UserError(
                f"A test task has {EXAMPLES} examples, fewer than {shots} shots and {queries} "
                "queries: make episode.test.shots or episode.test.queries smaller."
            )

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        _, shots, queries = episode.numbers
        keys = sampling.keys(seed, f"list programs/{split}", indices)
        parts = [
            self._task(split, int(index), int(key), shots, queries)
            for index, key in zip(indices, keys, strict=True)
        ]
        support, query = ([task[i] for task in parts] for i in range(2))
        return Task(
            *[Examples(*map(torch.stack, zip(*part, strict=True))) for part in (support, query)]
        )

    def _task(self, split: str, index: int, key: int, shots: int, queries: int) -> Task:
        rng = np.random.default_rng(key)
        if split == "test":
            own, term = self.tests[index % len(self.tests)], None
            pairs = [own[i] for i in rng.permutation(len(own))[: shots + queries]]
        else:
            term, pairs = self.random_program(rng, shots + queries)
        x = self.tokens.rows([pair.x for pair in pairs])
        y = self.tokens.rows([pair.y for pair in pairs], answers=True)
        answers = y[shots:]
        if self.symbols:
            answers = torch.cat([answers, occurring(term).expand(queries, -1)], 1)
        return Task(Examples(x[:shots], y[:shots]), Examples(x[shots:], answers))

    def random_program(self, rng: np.random.Generator, count: int) -> tuple[Term, list[Pair]]:
        """A random program that is no test task's, and examples of it with different answers."""
        while True:
            kind = "list" if rng.random() < 0.7 else "int"
            term = random_term(rng, kind, int(rng.integers(1, self.depth + 1)))
            pairs = examples(term, rng, count)
            if len({str(pair.y) for pair in pairs}) > 1 and not self.is_a_test(term):
                return term, pairs

    def is_a_test(self, term: Term) -> bool:
        """Whether a program agrees with a test task on all its examples."""
        if term not in self._compared:
            alike = (all(answer(term, p.x) == p.y for p in own) for own in self._by_length)
            self._compared[term] = any(alike)
        return self._compared[term]

    @functools.cached_property
    def _by_length(self) -> list[list[Pair]]:
        """The test tasks with their longest examples first, which tell programs apart."""
        return [sorted(own, key=lambda pair: -len(pair.x)) for own in self.tests]

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        simple = {"copy of the input": copy, "commonest output of the support": commonest}
        limits: Mapping[str, Any] = self.enumeration or {}
        searches = {
            f"enumeration, {limit:g} {name} a task": functools.partial(
                enumeration, self.tokens, **{name: limit}
            )
            for name, limit in limits.items()
        }
        return {**simple, **searches}

    def sketch(self, task: Task, outputs: Tensor) -> Sketch:
        known = [["example", x, y, ""] for x, y in self._texts(task.support)]
        asked = zip(self._texts(task.query), self._shown(outputs), strict=True)
        answers = [["query", x, y, own] for (x, y), own in asked]
        return Listing(
            title="one program: its examples, and the answers to new inputs",
            columns=["", "input", "output", "answer"],
            rows=[*known, *answers],
        )

    def _texts(self, rows: Examples) -> list[tuple[str, str]]:
        return list(zip(self._shown(rows.inputs), self._shown(rows.targets), strict=True))

    def _shown(self, rows: Tensor) -> list[str]:
        lists = self.tokens.lists(rows[:, : self.tokens.width])
        return [" ".join("?" if v is None else str(v) for v in values) for values in lists]

    def fingerprint(self, split: str) -> str:
        return f"list_programs version={VERSION} length={self.tokens.length} depth={self.depth}"


def occurring(term: Term | None) -> Tensor:
    """`(symbols,)` with 1 for those that a program has; zeros for an unknown program."""
    own = set() if term is None else symbols_of(term)
    return torch.tensor([float(name in own) for name in SYMBOLS])


def examples(term: Term, rng: np.random.Generator, count: int) -> list[Pair]:
    """Examples on random lists of up to 9 integers from 0 to 16; none if it is often undefined."""
    values, lengths = rng.integers(17, size=(2 * count, 9)), rng.integers(10, size=2 * count)
    pairs: list[Pair] = []
    for row, length in zip(values.tolist(), lengths.tolist(), strict=True):
        y = answer(term, row[:length]) if len(pairs) < count else None
        if y is not None:
            pairs.append(Pair(row[:length], y))
    return pairs if len(pairs) == count else []
