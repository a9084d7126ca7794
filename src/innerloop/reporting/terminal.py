"""Tables and lines for the terminal, safe for texts that somebody else wrote."""

import sys
from collections.abc import Collection, Mapping, Sequence

from rich.box import SIMPLE_HEAD
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


def narrow_table(
    rows: Sequence[Mapping[str, str]], hidden: Collection[str] = (), folds: Collection[str] = ()
) -> Table:
    """A table without lines around its cells, so that 80 columns are enough.

    Arguments:
        rows: cells by heading, the same headings in each.
        hidden: headings that are left out.
        folds: headings of columns that may be folded, between words where possible.
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    shown = [heading for heading in rows[0] if heading not in hidden]
    for heading in shown:
        may = heading in folds
        table.add_column(cell(heading), overflow="fold", no_wrap=not may, min_width=8 * may)
    for row in rows:
        add_row(table, *[row[heading] for heading in shown])
    return table


def add_row(table: Table, *cells: object) -> None:
    """Adds a row of texts that are shown as they are."""
    table.add_row(*map(cell, cells))


def leave_out(fault: object) -> None:
    """Prints on standard error that something is left out, and why."""
    print(f"left out: {visible(fault)}", file=sys.stderr, flush=True)
