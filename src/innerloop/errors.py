"""The one exception that is meant for the person at the keyboard."""

import re

# C0 but for tab and line feed, DEL, C1, and the marks that turn the direction of writing.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class UserError(Exception):
    """A mistake the user can mend: the message says what, why, and what would work.

    `innerloop.command` prints it without a traceback and ends the run with a non-zero status.
    """


def visible(text: object) -> str:
    """A text from outside without the characters that would steer a terminal."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text))
