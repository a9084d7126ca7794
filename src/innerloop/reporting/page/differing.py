"""What differs between settings: the choices that somebody made, and what follows from them."""

from innerloop.reporting.settings import NAMED, Setting, differences

Rows = dict[str, list[object]]  #: the value of each setting by dotted key


def choices_and_rest(settings: list[Setting]) -> tuple[Rows, Rows]:
    """Keys that differ: choices, and what a choice of algorithm, data set or model brought along.

    Two algorithms differ in their class and in keywords that only one of them has; the page folds
    these, and names the algorithms.
    """
    names = {group: [getattr(s.first.results, group) for s in settings] for group in NAMED}
    chosen: Rows = {group: row for group, row in names.items() if len(set(row)) > 1}
    rows = differences(settings)
    brought = {key: row for key, row in rows.items() if _follows(key, chosen)}
    return chosen | {k: row for k, row in rows.items() if k not in brought}, brought


def _follows(key: str, chosen: Rows) -> bool:
    section, _, name = key.partition(".")
    return section in chosen or name.rpartition(".")[2].startswith("_")
