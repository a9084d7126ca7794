"""Texts as rows of tokens."""

from collections.abc import Sequence

from torch import Tensor

from innerloop.languages.texts import TEXTS
from innerloop.languages.token_rows import TokenRows

CHARACTERS = "".join(map(chr, range(32, 127))) + "\t\n"  #: those that have a token
BEYOND = "\ufffd"  #: how a program reads a character that has no token
NUMBERS = {character: number for number, character in enumerate(CHARACTERS)}


class TextTokens(TokenRows):
    r"""A text is a row of `length` places, each with a 1 at its character: `(length * 99,)`.

    Arguments:
        length: places of a text.

    Raises:
        UserError: if length is below 1.

    Example:
        >>> tokens = TextTokens(length=4)
        >>> tokens.texts(tokens.rows(["a1", "Zürich"]))
        ['a1', 'Z\ufffdr\ufffd']
    """

    language = TEXTS
    known = len(CHARACTERS)

    def __init__(self, length: int = 32) -> None:
        super().__init__(length)

    def numbers(self, value: str) -> Sequence[int]:
        return [NUMBERS.get(character, -1) for character in value]

    def value(self, numbers: Sequence[int | None]) -> str:
        return "".join(BEYOND if v is None else CHARACTERS[v] for v in numbers)

    def texts(self, rows: Tensor) -> list[str]:
        """The texts that rows `(n, length * 99)` stand for."""
        return [self.value(own) for own in self.lists(rows)]
