"""Tasks that are programs: random ones to learn from, the publisher's to be tested on."""

import functools
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.programs.answers import commonest, copy, enumeration
from innerloop.data.sketch import Listing, Sketch
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.languages.language import Term, symbols_of
from innerloop.languages.token_rows import TokenRows
from innerloop.tasks import Episode, Examples, Padded, Task, bounds


class Pair(NamedTuple):
    """One example of a program: two lists, or two texts."""

    x: Any
    y: Any


class Drawn(NamedTuple):
    """A task before it is written as rows of tokens."""

    term: Term | None  #: the program, if it is known
    support: Sequence[Pair]
    query: Sequence[Pair]


class ProgramTasks(TaskSource):
    """A task is a program: `episode.shots` examples of it, and inputs to answer.

    Training and validation tasks are random programs of a language, on random inputs. Test tasks
    are the publisher's, with their own examples. No random program is a test task's: one that
    agrees with a test task on all its examples is not used.

    Inputs and targets are rows of tokens, see `innerloop.languages.token_rows.TokenRows`. A target
    that has too many parts, or one without a token, has zeros, and no learner is right about it.

    Arguments:
        tokens: how values are written.
        symbols: whether targets of training and validation queries also say, after the tokens,
            which symbols of the language the task's program has; those of test queries then have
            zeros there.
        enumeration: `programs` and `seconds` of a task, each the limit of a baseline that searches
            without guidance; None for no such baselines.
    """

    def __init__(
        self, tokens: TokenRows, symbols: bool, enumeration: Mapping[str, float] | None
    ) -> None:
        self.tokens, self.symbols, self.enumeration = tokens, symbols, enumeration
        self._compared: dict[Term, bool] = {}  # to the test tasks; programs often come again

    @abstractmethod
    def load(self) -> list[list[Pair]]:
        """The examples of each test task.

        Raises:
            UserError: if the file is missing or damaged.
        """

    @abstractmethod
    def draw(self, rng: np.random.Generator, count: int) -> tuple[Term, list[Pair]]:
        """A random program and examples of it; fewer than `count` if it is often undefined."""

    @functools.cached_property
    def tests(self) -> list[list[Pair]]:
        """The examples of each test task."""
        return self.load()

    def prepare(self) -> None:
        assert self.tests

    def check(self, split: str, episode: Episode) -> None:
        if episode.ways != 1:
            raise UserError(f"A program has no classes: episode.ways is 1, not {episode.ways}.")

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        keys = sampling.keys(seed, f"{self.name}/{split}", indices)
        drawn = [
            self._task(split, int(index), np.random.default_rng(int(key)), episode)
            for index, key in zip(indices, keys, strict=True)
        ]
        support = [self._rows(own.support) for own in drawn]
        query = [self._queries(own) for own in drawn]
        sizes = bounds(episode.shots).high, bounds(episode.queries).high
        return Task(
            *[
                _stacked(part, size, episode.varies)
                for part, size in zip((support, query), sizes, strict=True)
            ]
        )

    @property
    def name(self) -> str:
        """Of the stream of random numbers."""
        return type(self).__name__

    def _task(self, split: str, index: int, rng: np.random.Generator, episode: Episode) -> Drawn:
        (fewest, most), (_, queries) = bounds(episode.shots), bounds(episode.queries)
        if split == "test":
            own = self.tests[index % len(self.tests)]
            pairs = [own[i] for i in rng.permutation(len(own))[: most + queries]]
            shots = min(most, max(fewest, len(pairs) - queries))
            return Drawn(None, pairs[:shots], pairs[shots:])
        term, pairs = self.random_program(rng, most + queries)
        shots = most if fewest == most else int(rng.integers(fewest, most + 1))
        return Drawn(term, pairs[:shots], pairs[most:])

    def random_program(self, rng: np.random.Generator, count: int) -> tuple[Term, list[Pair]]:
        """A random program that is no test task's, and examples of it with different answers."""
        while True:
            term, pairs = self.draw(rng, count)
            if len(pairs) < count or len({str(pair.y) for pair in pairs}) < 2:
                continue
            if not self.is_a_test(term):
                return term, pairs

    def is_a_test(self, term: Term) -> bool:
        """Whether a program agrees with a test task on all its examples."""
        if term not in self._compared:
            answer = self.tokens.language.answer
            alike = (all(answer(term, p.x) == p.y for p in own) for own in self._by_length)
            self._compared[term] = any(alike)
        return self._compared[term]

    @functools.cached_property
    def _by_length(self) -> list[list[Pair]]:
        """The test tasks with their longest examples first, which tell programs apart."""
        return [sorted(own, key=lambda pair: -len(pair.x)) for own in self.tests]

    def _rows(self, pairs: Sequence[Pair]) -> Examples:
        x = self.tokens.rows([pair.x for pair in pairs])
        return Examples(x, self.tokens.rows([pair.y for pair in pairs], answers=True))

    def _queries(self, drawn: Drawn) -> Examples:
        x, y = self._rows(drawn.query)
        if self.symbols:
            own = set() if drawn.term is None else symbols_of(drawn.term)
            marks = torch.tensor([float(name in own) for name in self.tokens.symbols])
            y = torch.cat([y, marks.expand(len(y), -1)], 1)
        return Examples(x, y)

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
        return [self.shown(own) for own in self.tokens.lists(rows[:, : self.tokens.width])]

    @abstractmethod
    def shown(self, numbers: Sequence[int | None]) -> str:
        """A value in a picture, from its tokens; None for an unknown one."""


def _stacked(tasks: Sequence[Examples], most: int, varies: bool) -> Examples:
    """The examples of each task side by side, `Padded` to `most` rows if sizes vary."""
    if not varies:
        return Examples(*[torch.stack(parts) for parts in zip(*tasks, strict=True)])
    real = torch.tensor([[place < len(own.inputs) for place in range(most)] for own in tasks])
    x, y = (
        torch.stack([torch.cat([v, v.new_zeros(most - len(v), v.shape[1])]) for v in parts])
        for parts in zip(*tasks, strict=True)
    )
    return Examples(Padded(x, real), Padded(y, real))  # type: ignore[arg-type]
