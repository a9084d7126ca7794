"""Lists of integers as rows of tokens, and programs that are searched and run on such rows."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from innerloop.errors import UserError
from innerloop.languages.enumeration import Found, costs, search
from innerloop.languages.lists import SYMBOLS, Term, Undefined, evaluate

VALUES = 32  #: integers that a list can hold: 0 to 31
END = VALUES  #: the token after the last value; it fills up a list
UNKNOWN = VALUES + 1  #: the token of an integer that has none of its own
TOKENS = VALUES + 2
BEYOND = 99_991  #: how a program reads an integer that has no token; it is prime


class ListTokens:
    """A list is a row of `length` places, each with a 1 at its token: `(length * 34,)`.

    In a list that has too many integers, the last place has the token of an unknown one.

    Arguments:
        length: places of a list.

    Raises:
        UserError: if length is below 1.

    Example:
        >>> tokens = ListTokens(length=3)
        >>> rows = tokens.rows([[4, 7], [5, 5, 5, 5], [99]])
        >>> tokens.lists(rows)
        [[4, 7], [5, 5, None], [None]]
    """

    symbols = SYMBOLS  #: what a guide weighs

    def __init__(self, length: int = 12) -> None:
        if length < 1:
            raise UserError(f"length={length} of a list: give 1 or more.")
        self.length, self.width = length, length * TOKENS

    def rows(self, lists: Sequence[Sequence[int]], answers: bool = False) -> Tensor:
        """Lists as rows `(n, length * 34)`.

        Arguments:
            answers: whether a place without a token has only zeros, and a list that is too long has
                them everywhere, so that no answer to it is right.
        """
        tokens = np.array([self._tokens(values) for values in lists]).reshape(-1, self.length)
        rows = np.eye(TOKENS, dtype=np.float32)[tokens]
        if answers:
            rows[..., UNKNOWN] = 0
            rows[[len(values) > self.length for values in lists]] = 0
        return torch.from_numpy(rows).flatten(-2)

    def _tokens(self, values: Sequence[int]) -> list[int]:
        tokens = [v if 0 <= v < VALUES else UNKNOWN for v in values[: self.length]]
        if len(values) > self.length:
            tokens[-1] = UNKNOWN
        return tokens + [END] * (self.length - len(tokens))

    def lists(self, rows: Tensor) -> list[list[int | None]]:
        """The lists that rows `(n, length * 34)` stand for, with None for an unknown integer."""
        places = rows.reshape(-1, self.length, TOKENS)
        known = (places.amax(-1) != 0) & (places.argmax(-1) != UNKNOWN)
        tokens = torch.where(known, places.argmax(-1), UNKNOWN).tolist()
        lists = [own[: own.index(END)] if END in own else own for own in tokens]
        return [[v if v < VALUES else None for v in own] for own in lists]

    def search(
        self,
        inputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        programs: int | None = None,
        seconds: float | None = None,
    ) -> Found:
        """The cheapest program that fits the examples in which every integer has a token.

        Arguments:
            inputs, targets: of the examples, `(n, length * 34)`.
            weights: of `symbols`, see `costs`; equal costs without.
            programs, seconds: see `search`.
        """
        pairs = zip(self.lists(inputs), self.lists(targets), strict=True)
        known = [(x, y) for x, y in pairs if None not in x and None not in y]
        if not known:
            return Found(None, 0, 0.0)
        x, y = zip(*known, strict=True)
        own = None if weights is None else costs(dict(zip(SYMBOLS, weights.tolist(), strict=True)))
        return search(x, y, cost=own, programs=programs, seconds=seconds)

    def run(self, term: Term, inputs: Tensor) -> Tensor:
        """What a program answers, as rows `(n, length * 34)`; zeros where it has no value."""
        lists = [[BEYOND if v is None else v for v in own] for own in self.lists(inputs)]
        answers = [answer(term, own) for own in lists]
        rows = self.rows([own or [] for own in answers], answers=True)
        rows[[own is None for own in answers]] = 0
        return rows.to(inputs)


def answer(term: Term, x: list[int]) -> list[int] | None:
    """What a program answers, as a list; None if it has no value for this input."""
    try:
        value = evaluate(term, x)
    except Undefined:
        return None
    return value if isinstance(value, list) else [value]
