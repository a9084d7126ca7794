"""Tables and lines for the terminal, in which nothing from outside can play a trick."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from innerloop.errors import visible

WIDE = 200  #: columns where the output is no terminal: nothing is cut


def terminal() -> Console:
    """To the terminal's width; wide where there is none."""
    width = None if sys.stdout.isatty() else WIDE
    return Console(width=width, markup=False, highlight=False, emoji=False)


def cell(text: object) -> Text:
    """A text from outside as it stands, be it rich's markup or a terminal's escape."""
    return Text(visible(text))


def new_table(*headings: str) -> Table:
    """A table whose cells are folded rather than cut."""
    table = Table()
    for heading in headings:
        table.add_column(cell(heading), overflow="fold")
    return table


def add_row(table: Table, *cells: object) -> None:
    """A row of texts from outside."""
    table.add_row(*map(cell, cells))


def leave_out(fault: object) -> None:
    """Says in a line of its own what is left out, and why."""
    print(f"left out: {visible(fault)}", file=sys.stderr, flush=True)
