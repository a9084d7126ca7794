"""The file `.env`: environment variables that a user does not want to type, such as keys.

Imports nothing heavy.
"""

import os
import re
from pathlib import Path

from innerloop.errors import UserError, visible
from innerloop.startup import places

FILE = ".env"
LINE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)", re.ASCII)


def load() -> None:
    """Sets the variables of `.env` beside `outputs` and `data`; those of the environment win.

    Raises:
        UserError: if the file cannot be read as lines of `NAME=VALUE`.
    """
    file = places.root() / FILE
    if not file.is_file():
        return
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{visible(file)} cannot be read: {type(error).__name__}.") from error
    for name, value in read(text, file).items():
        os.environ.setdefault(name, value)


def read(text: str, file: Path = Path(FILE)) -> dict[str, str]:
    """The variables of a text with a line `NAME=VALUE` for each.

    Empty lines, comments and the word `export` are passed over. Quotes around a value are taken
    off; without them a value ends before ` #`. Nothing is expanded.

    Arguments:
        file: named in an error, which does not show the line: it may hold a key.

    Raises:
        UserError: for a line of another form.

    Example:
        >>> read('INNERLOOP_DATA=/data # of all runs\\nexport WANDB_MODE="offline"')
        {'INNERLOOP_DATA': '/data', 'WANDB_MODE': 'offline'}
    """
    values = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None or "\0" in line:
            raise UserError(
                f"{visible(file)}, line {number}: write NAME=VALUE, or # for a comment."
            )
        values[match[1]] = _unquoted(match[2])
    return values


def _unquoted(value: str) -> str:
    quoted = re.fullmatch(r"""(["'])(.*?)\1\s*(#.*)?""", value)
    return quoted[2] if quoted else re.split(r"(?:^|\s+)#", value, maxsplit=1)[0]
