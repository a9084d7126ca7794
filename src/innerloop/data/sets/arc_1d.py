"""1D-ARC: rules over a row of colours, only to be tested on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from innerloop.data.programs.arc_tasks import load
from innerloop.data.programs.source import Pair
from innerloop.data.sets.list_programs import ListPrograms
from innerloop.errors import UserError
from innerloop.languages.language import Term
from innerloop.tasks import Episode

VERSION = 1  #: increase it whenever the same key would draw another task


class Arc1D(ListPrograms):
    """A task is one of 18 types of puzzles, such as "move the block by one place".

    The examples of a task are drawn from all puzzles of its type, of which each has other colours
    and places. Rows of more than `length` colours are left out. There are test tasks alone: it
    tests a learner of `list_programs`, whose lists have as many places.

    Arguments:
        data_dir: folder of all data sets; it holds `programs/1D-ARC`.
        length: places of a list.
        depth: not used.
        symbols, enumeration: see `ProgramTasks`.

    Raises:
        UserError: if length is below 1.

    References:
        Xu, Li, Vaezipoor, Sanner and Khalil, "LLMs and the abstraction and reasoning corpus:
        successes, failures, and the importance of object-based representations", 2023.
    """

    name = "arc 1d"

    def __init__(
        self,
        data_dir: str,
        length: int = 33,
        depth: int = 2,
        symbols: bool = False,
        enumeration: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(data_dir, length, depth, symbols, enumeration)

    def load(self) -> list[list[Pair]]:
        length = self.tokens.length
        types = load(Path(self.folder)).values()
        return [[p for p in own if max(len(p.x), len(p.y)) <= length] for own in types]

    def check(self, split: str, episode: Episode) -> None:
        if split != "test":
            raise UserError(
                "arc_1d has test tasks alone: train on dataset=list_programs, and test by "
                "evaluation.on=[arc_1d]."
            )
        needed, fewest = sum(episode.numbers[1:]), min(map(len, self.tests))
        if episode.varies or fewest < needed:
            raise UserError(
                f"A type of arc_1d has {fewest} examples of up to {self.tokens.length} places, and "
                f"a task needs {needed}: make dataset.length larger, or episode.test.shots smaller."
            )

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Term, list[Pair]]:
        raise NotImplementedError("there are test tasks alone")

    def fingerprint(self, split: str) -> str:
        return f"arc_1d version={VERSION} length={self.tokens.length}"
