"""The one exception that is meant for the person at the keyboard."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """A mistake the user can mend: the message says what, why, and what would work.

    `innerloop.command` prints it without a traceback and ends the run with a non-zero status.
    """


def visible(text: str) -> str:
    """The text without control characters but line breaks, so that it cannot steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(error: BaseException, most: int = 400) -> str:
    """What an error says, in a line of bounded length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else f"{text[:most]} ..."


@contextmanager
def blamed_on(key: str) -> Iterator[None]:
    """While open, what a library raises for the value of a key becomes a `UserError`."""
    try:
        yield
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(f"{key}: {one_line(error)}") from error
