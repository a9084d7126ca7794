"""Lists of integers as rows of tokens."""

from collections.abc import Sequence

from innerloop.languages.lists import LISTS
from innerloop.languages.token_rows import TokenRows

VALUES = 32  #: integers that have a token: 0 to 31
BEYOND = 99_991  #: how a program reads an integer that has no token; it is prime


class ListTokens(TokenRows):
    """A list is a row of `length` places, each with a 1 at its token: `(length * 34,)`.

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

    language = LISTS
    known = VALUES

    def __init__(self, length: int = 12) -> None:
        super().__init__(length)

    def numbers(self, value: Sequence[int]) -> Sequence[int]:
        return value

    def value(self, numbers: Sequence[int | None]) -> list[int]:
        return [BEYOND if v is None else v for v in numbers]
