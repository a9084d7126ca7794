"""Programs over lists of integers, to be guessed from examples of what they do."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from innerloop.data.programs.list_tasks import EXAMPLES, load
from innerloop.data.programs.source import Pair, ProgramTasks
from innerloop.errors import UserError
from innerloop.languages.language import Term
from innerloop.languages.list_tokens import ListTokens
from innerloop.languages.lists import LISTS
from innerloop.tasks import Episode

VERSION = 2  #: increase it whenever the same key would draw another task


class ListPrograms(ProgramTasks):
    """A task is a program: `episode.shots` examples of it, and inputs to answer.

    Training and validation tasks are random programs of the language of
    `innerloop.languages.lists`, on random inputs. Test tasks are the 217 list tasks of
    DreamCoder, with their own examples. All else is as in `ProgramTasks`; an integer has a token
    from 0 to 31.

    Arguments:
        data_dir: folder of all data sets; it holds `programs/list_tasks.json`.
        length: places of a list.
        depth: of a random program's functions.
        symbols, enumeration: see `ProgramTasks`.

    Raises:
        UserError: if length or depth is below 1.

    References:
        Ellis et al., "DreamCoder: bootstrapping inductive program synthesis with wake-sleep library
        learning", 2021.
    """

    name = "list programs"

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
        super().__init__(ListTokens(length), symbols, enumeration)
        self.folder, self.depth = Path(data_dir), depth

    def load(self) -> list[list[Pair]]:
        return load(self.folder)

    def check(self, split: str, episode: Episode) -> None:
        ways, shots, queries = episode.numbers
        if ways != 1 or episode.varies:
            raise UserError("A program has no classes: set episode.ways=1, and sizes to numbers.")
        if split == "test" and shots + queries > EXAMPLES:
            raise UserError(
                f"A test task has {EXAMPLES} examples, fewer than {shots} shots and {queries} "
                "queries: make episode.test.shots or episode.test.queries smaller."
            )

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Term, list[Pair]]:
        kind = "list" if rng.random() < 0.7 else "int"
        term = LISTS.random_term(rng, kind, int(rng.integers(1, self.depth + 1)))
        return term, examples(term, rng, count)

    def shown(self, numbers: Sequence[int | None]) -> str:
        return " ".join("?" if v is None else str(v) for v in numbers)

    def fingerprint(self, split: str) -> str:
        return f"list_programs version={VERSION} length={self.tokens.length} depth={self.depth}"


def examples(term: Term, rng: np.random.Generator, count: int) -> list[Pair]:
    """Examples on random lists of up to 9 integers from 0 to 16; none if it is often undefined."""
    values, lengths = rng.integers(17, size=(2 * count, 9)), rng.integers(10, size=2 * count)
    pairs: list[Pair] = []
    for row, length in zip(values.tolist(), lengths.tolist(), strict=True):
        y = LISTS.answer(term, row[:length]) if len(pairs) < count else None
        if y is not None:
            pairs.append(Pair(row[:length], y))
    return pairs if len(pairs) == count else []
