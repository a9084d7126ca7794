"""Tables and lines for the terminal, safe for texts that somebody else wrote."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from innerloop.errors import visible

WIDE = 200  #: columns if the output is not a terminal, so that nothing is cut


def terminal() -> Console:
    """A console as wide as the terminal, or `WIDE`."""
    width = None if sys.stdout.isatty() else WIDE
    return Console(width=width, markup=False, highlight=False, emoji=False)


def cell(text: object) -> Text:
    """A text that is shown as it is, even if it looks like rich's markup or a terminal's escape."""
    return Text(visible(text))


def new_table(*headings: str) -> Table:
    """A table that folds long cells and does not cut them."""
    table = Table()
    for heading in headings:
        table.add_column(cell(heading), overflow="fold")
    return table


def add_row(table: Table, *cells: object) -> None:
    """Adds a row of texts that are shown as they are."""
    table.add_row(*map(cell, cells))


def leave_out(fault: object) -> None:
    """Prints on standard error that something is left out, and why."""
    print(f"left out: {visible(fault)}", file=sys.stderr, flush=True)
