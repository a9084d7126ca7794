"""Programs over lists of integers, to be guessed from examples of what they do."""

import functools
import json
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.list_language import Term, Undefined, evaluate, random_term
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.sketch import Listing, Sketch
from innerloop.data.source import TaskSource
from innerloop.errors import UserError, one_line
from innerloop.tasks import Episode, Examples, Task

FILES = ("programs/list_tasks.json", "programs/dreamcoder_list_tasks.json.xz")
MOST = 2**26  #: bytes of a file
VALUES = 32  #: integers that a list can hold: 0 to 31
END = VALUES  #: the token after the last value; it fills up a list
UNKNOWN = VALUES + 1  #: the token of an integer that has none of its own
TOKENS = VALUES + 2
TESTS, EXAMPLES = 217, 15
VERSION = 1  #: increase it whenever the same key would draw another task


class Pair(NamedTuple):
    """One example of a program."""

    x: list[int]
    y: list[int]  #: a number or a truth value is a list of one


class ListPrograms(TaskSource):
    """A task is a program: `episode.shots` examples of it, and inputs to answer.

    Training and validation tasks are random programs of the language of
    `innerloop.data.list_language`, on random inputs. Test tasks are the 217 list tasks of
    DreamCoder, with their own examples. No random program is a test task's: one that agrees with
    a test task on all its examples is not used.

    Inputs and targets are lists of `length` places, each with a 1 at its token: `(n, length *
    34)`. A target that has too many places, or an integer beyond 0 to 31, has zeros, and no
    learner is right about it.

    Arguments:
        data_dir: folder of all data sets; it holds `programs/list_tasks.json`.
        length: places of a list.
        depth: of a random program's functions.

    Raises:
        UserError: if length or depth is below 1.

    References:
        Ellis et al., "DreamCoder: bootstrapping inductive program synthesis with wake-sleep library
        learning", 2021.
    """

    def __init__(self, data_dir: str, length: int = 12, depth: int = 2) -> None:
        if length < 1 or depth < 1:
            raise UserError(f"dataset.length={length} dataset.depth={depth}: give 1 or more.")
        self.folder, self.length, self.depth = Path(data_dir), length, depth
        self._compared: dict[Term, bool] = {}  # to the test tasks; programs often come again

    @functools.cached_property
    def tests(self) -> list[list[Pair]]:
        """The examples of each test task."""
        files = [self.folder / name for name in FILES]
        file = next((file for file in files if file.exists()), None)
        if file is None:
            raise UserError(
                f"{files[0]} is not there: put the file data/list_tasks.json of "
                "https://github.com/ellisk42/ec there."
            )
        regular_file(file, MOST)
        try:
            return read(file)
        except Exception as error:  # a damaged file can raise nearly anything
            raise UserError(
                f"{file} is not DreamCoder's list tasks ({one_line(error, 120)}): replace it."
            ) from error

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
        pairs = [
            self._pairs(split, int(index), int(key), shots + queries)
            for index, key in zip(indices, keys, strict=True)
        ]
        x = self.encoded([[pair.x for pair in own] for own in pairs])
        y = self.encoded([[pair.y for pair in own] for own in pairs], answers=True)
        return Task(Examples(x[:, :shots], y[:, :shots]), Examples(x[:, shots:], y[:, shots:]))

    def _pairs(self, split: str, index: int, key: int, count: int) -> list[Pair]:
        rng = np.random.default_rng(key)
        if split != "test":
            return self.random_program(rng, count)[1]
        own = self.tests[index % len(self.tests)]
        return [own[i] for i in rng.permutation(len(own))[:count]]

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

    def encoded(self, lists: list[list[list[int]]], answers: bool = False) -> Tensor:
        """Lists of T tasks as `(T, n, length * 34)` numbers; what does not fit is cut off.

        Arguments:
            answers: whether lists that cannot be written are never right.
        """
        tokens = np.array([[self._tokens(values) for values in own] for own in lists])
        rows = np.eye(TOKENS, dtype=np.float32)[tokens]
        if answers:
            rows[..., UNKNOWN] = 0
            rows[np.array([[len(v) > self.length for v in own] for own in lists])] = 0
        return torch.from_numpy(rows).flatten(-2)

    def _tokens(self, values: list[int]) -> list[int]:
        tokens = [v if 0 <= v < VALUES else UNKNOWN for v in values[: self.length]]
        return tokens + [END] * (self.length - len(tokens))

    def decoded(self, row: Tensor) -> str:
        """The list that outputs, targets or inputs `(length * 34,)` stand for, as text."""
        places = row.reshape(self.length, TOKENS)
        tokens = torch.where(places.amax(1) != 0, places.argmax(1), UNKNOWN).tolist()
        shown = tokens[: tokens.index(END)] if END in tokens else tokens
        return " ".join("?" if token > END else str(token) for token in shown)

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {"copy of the input": copy, "commonest output of the support": commonest}

    def sketch(self, task: Task, outputs: Tensor) -> Sketch:
        known = [["example", x, y, ""] for x, y in self._texts(task.support)]
        asked = zip(self._texts(task.query), outputs, strict=True)
        answers = [["query", x, y, self.decoded(row)] for (x, y), row in asked]
        return Listing(
            title="one program: its examples, and the answers to new inputs",
            columns=["", "input", "output", "answer"],
            rows=[*known, *answers],
        )

    def _texts(self, rows: Examples) -> list[tuple[str, str]]:
        return [
            (self.decoded(x), self.decoded(y))
            for x, y in zip(rows.inputs, rows.targets, strict=True)
        ]

    def fingerprint(self, split: str) -> str:
        return f"list_programs version={VERSION} length={self.length} depth={self.depth}"


def read(file: Path) -> list[list[Pair]]:
    """The examples of DreamCoder's tasks; `file` may be compressed, as a part of an archive."""
    content = file.read_bytes()
    data: Any = json.loads(lzma.decompress(content) if file.suffix == ".xz" else content)
    data = data["list_tasks.json"] if isinstance(data, dict) else data
    tasks = [[Pair(_list(e["i"]), _list(e["o"])) for e in task["examples"]] for task in data]
    if len(tasks) != TESTS or any(len(task) != EXAMPLES for task in tasks):
        raise ValueError(f"it does not have {TESTS} tasks of {EXAMPLES} examples")
    return tasks


def _list(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, int) for v in values):
        raise ValueError("a value is no integer")
    return [int(v) for v in values]


def answer(term: Term, x: list[int]) -> list[int] | None:
    """What a program answers, as a list; None if it has no value for this input."""
    try:
        value = evaluate(term, x)
    except Undefined:
        return None
    return value if isinstance(value, list) else [value]


def examples(term: Term, rng: np.random.Generator, count: int) -> list[Pair]:
    """Examples on random lists of up to 9 integers from 0 to 16; none if it is often undefined."""
    values, lengths = rng.integers(17, size=(2 * count, 9)), rng.integers(10, size=2 * count)
    pairs: list[Pair] = []
    for row, length in zip(values.tolist(), lengths.tolist(), strict=True):
        y = answer(term, row[:length]) if len(pairs) < count else None
        if y is not None:
            pairs.append(Pair(row[:length], y))
    return pairs if len(pairs) == count else []


def copy(task: Task) -> Tensor:
    """Answers every query with its input."""
    return task.query.inputs


def commonest(task: Task) -> Tensor:
    """Answers every query with the commonest output of the support, the first one among equals."""
    targets = task.support.targets
    alike = (targets[:, None] == targets[None]).all(-1).sum(1)
    return targets[alike.argmax()].expand(len(task.query.inputs), -1)
