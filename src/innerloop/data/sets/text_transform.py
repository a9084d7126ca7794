"""Programs over texts, to be guessed from examples of what they do."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from innerloop.data.programs.random_texts import random_texts
from innerloop.data.programs.source import Pair, ProgramTasks
from innerloop.data.programs.text_tasks import load
from innerloop.errors import UserError
from innerloop.languages.language import Term
from innerloop.languages.text_tokens import TextTokens
from innerloop.languages.texts import SIGNS, TEXTS

VERSION = 1  #: increase it whenever the same key would draw another task


class TextTransform(ProgramTasks):
    """A task is a program over texts, such as "the first word in capitals".

    Training and validation tasks are random programs of the language of
    `innerloop.languages.texts`, on random texts. Test tasks are the 354 of PROSE, with their own
    examples: the support has the most shots of the episode, if the task has more examples, and
    otherwise all but one; the queries are the others, up to their number. All else is as in
    `ProgramTasks`; a character has a token if it is in ASCII.

    Arguments:
        data_dir: folder of all data sets; it holds `programs/Transformation.Text`.
        length: places of a text.
        depth: of a random program's functions.
        symbols, enumeration: see `ProgramTasks`.

    Raises:
        UserError: if length or depth is below 1.

    References:
        Microsoft, "PROSE public benchmark suite", https://github.com/microsoft/prose-benchmarks.
        Gulwani, "Automating string processing in spreadsheets using input-output examples", 2011.
    """

    unequal = True

    def __init__(
        self,
        data_dir: str,
        length: int = 32,
        depth: int = 2,
        symbols: bool = False,
        enumeration: Mapping[str, float] | None = None,
    ) -> None:
        if length < 1 or depth < 1:
            raise UserError(f"dataset.length={length} dataset.depth={depth}: give 1 or more.")
        super().__init__(TextTokens(length), symbols, enumeration)
        self.folder, self.depth = Path(data_dir), depth

    def load(self) -> list[list[Pair]]:
        return load(self.folder)

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Term, list[Pair]]:
        texts = list(dict.fromkeys(random_texts(rng, 2 * count)))[:count]
        term = TEXTS.random_term(rng, "text", int(rng.integers(1, self.depth + 1)))
        term = with_signs_of(texts[0], term, rng)
        pairs = [Pair(x, TEXTS.answer(term, x)) for x in texts]
        length = self.tokens.length
        usable = [p for p in pairs if p.y is not None and max(len(p.x), len(p.y)) <= length]
        changed = any(pair.x != pair.y for pair in usable)
        return term, usable if changed else []

    def shown(self, numbers: Sequence[int | None]) -> str:
        return self.tokens.value(numbers)

    def fingerprint(self, split: str) -> str:
        return f"text_transform version={VERSION} length={self.tokens.length} depth={self.depth}"


def with_signs_of(text: str, term: Term, rng: np.random.Generator) -> Term:
    """The term, in which two of three signs are exchanged for signs that occur in a text, because
    few programs with other signs have a value for it."""
    if not isinstance(term, tuple):
        return term
    present = [name for name, sign in SIGNS.items() if sign in text]
    if term[0] in SIGNS and present and rng.random() < 2 / 3:
        return (present[rng.integers(len(present))],)
    return (term[0], *[with_signs_of(text, argument, rng) for argument in term[1:]])
