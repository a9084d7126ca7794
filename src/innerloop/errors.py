"""The one exception that is meant for the person at the keyboard, and how names are shown there."""

from collections.abc import Iterator
from contextlib import contextmanager

# What a terminal obeys instead of showing: C0, DEL and C1 controls, line separators, changes of
# writing direction; and lone surrogates, which cannot be written at all.
HIDDEN = [*range(0x20), *range(0x7F, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F),
          *range(0x2066, 0x206A), *range(0xD800, 0xE000)]  # fmt: skip
SPELLED = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in HIDDEN}


class UserError(Exception):
    """A mistake the user can mend: the message says what, why, and what would work.

    `innerloop.startup.command` prints it without a traceback, and the program ends with status 1.
    """


def visible(text: object, longest: int | None = None) -> str:
    """A text from outside as a single line in which control characters are spelled out.

    The escape character, which begins a terminal's commands, becomes the four letters `\\x1b`.

    Arguments:
        longest: letters after which the text is cut.
    """
    text = str(text)
    cut = longest is not None and len(text) > longest
    return (f"{text[:longest]}…" if cut else text).translate(SPELLED)


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
