"""Values of a language as rows of tokens, and programs that are searched and run on such rows."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from innerloop.errors import UserError
from innerloop.languages.enumeration import Found, costs, search
from innerloop.languages.language import Language, Term


class TokenRows(ABC):
    """A value is a row of `length` places, each with a 1 at its token: `(length * tokens,)`.

    Tokens are those of a subclass, one for the end, which fills up a row, and one for a part of the
    value that has no token of its own. In a value that is too long, the last place has the latter.

    Arguments:
        length: places of a row.

    Raises:
        UserError: if length is below 1.
    """

    language: ClassVar[Language]  #: of the programs
    known: ClassVar[int]  #: tokens of a subclass

    def __init__(self, length: int) -> None:
        if length < 1:
            raise UserError(f"length={length} of a list: give 1 or more.")
        self.length, self.end = length, self.known
        self.unknown, self.tokens = self.known + 1, self.known + 2

    @abstractmethod
    def numbers(self, value: Any) -> Sequence[int]:
        """The token of each part of a value; a number that is no token for a part without one."""

    @abstractmethod
    def value(self, numbers: Sequence[int | None]) -> Any:
        """The value that tokens stand for, with something that programs never give for None."""

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return self.length * self.tokens

    @property
    def symbols(self) -> tuple[str, ...]:
        """What a guide weighs."""
        return self.language.symbols

    def rows(self, values: Sequence[Any], answers: bool = False) -> Tensor:
        """Values as rows `(n, width)`.

        Arguments:
            answers: whether a place without a token has only zeros, and a value that is too long
                has them everywhere, so that no answer to it is right.
        """
        parts = [self.numbers(value) for value in values]
        places = np.array([self._places(own) for own in parts], np.int64)
        rows = np.eye(self.tokens, dtype=np.float32)[places.reshape(-1, self.length)]
        if answers:
            rows[..., self.unknown] = 0
            rows[[len(own) > self.length for own in parts]] = 0
        return torch.from_numpy(rows).flatten(-2)

    def _places(self, numbers: Sequence[int]) -> list[int]:
        places = [v if 0 <= v < self.end else self.unknown for v in numbers[: self.length]]
        if len(numbers) > self.length:
            places[-1] = self.unknown
        return places + [self.end] * (self.length - len(places))

    def lists(self, rows: Tensor) -> list[list[int | None]]:
        """The tokens of rows `(n, width)` before the end, with None for an unknown one."""
        places = rows.reshape(-1, self.length, self.tokens)
        known = (places.amax(-1) != 0) & (places.argmax(-1) != self.unknown)
        tokens = torch.where(known, places.argmax(-1), self.unknown).tolist()
        lists = [own[: own.index(self.end)] if self.end in own else own for own in tokens]
        return [[v if v < self.end else None for v in own] for own in lists]

    def search(
        self,
        inputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        programs: int | None = None,
        seconds: float | None = None,
    ) -> Found:
        """The cheapest program that fits the examples in which every part has a token.

        Arguments:
            inputs, targets: of the examples, `(n, width)`.
            weights: of `symbols`, see `costs`; equal costs without.
            programs, seconds: see `search`.
        """
        pairs = zip(self.lists(inputs), self.lists(targets), strict=True)
        known = [pair for pair in pairs if None not in pair[0] and None not in pair[1]]
        if not known:
            return Found(None, 0, 0.0)
        x, y = ([self.value(own) for own in part] for part in zip(*known, strict=True))
        cost = None
        if weights is not None:
            shares = dict(zip(self.symbols, weights.tolist(), strict=True))
            cost = costs(shares, self.language)
        return search(x, y, cost, programs=programs, seconds=seconds, language=self.language)

    def run(self, term: Term, inputs: Tensor) -> Tensor:
        """What a program answers, as rows `(n, width)`; zeros where it has no value."""
        values = [self.value(own) for own in self.lists(inputs)]
        answers = [self.language.answer(term, own) for own in values]
        rows = self.rows([self.value([]) if own is None else own for own in answers], answers=True)
        rows[[own is None for own in answers]] = 0
        return rows.to(inputs)
