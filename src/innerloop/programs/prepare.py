"""The program prepare.py: downloads, checks and packs data sets before a run needs them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir

from innerloop.data.images import ImageClasses
from innerloop.data.sets import card
from innerloop.data.sets.card import Card
from innerloop.errors import UserError
from innerloop.experiment.parts.data import build_source
from innerloop.reporting.terminal import add_row, narrow_table, new_table, terminal
from innerloop.startup.overrides import CONF

KEYS = ("dataset.", "paths.data=")  #: beginnings of what else can be given


def prepare(words: Sequence[str]) -> None:
    """Prepares the data sets that `dataset=` names, or lists all sets.

    Arguments:
        words: the command line, such as `dataset=cifarfs,cub`.

    Raises:
        UserError: for other words, and if a set is not available.
    """
    names, overrides = _parsed(words)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        if not names:
            _list(Path(compose("train", overrides).paths.data))
        for name in names:
            source = build_source(compose("train", [f"dataset={name}", *overrides]))
            source.prepare()
            _show(name, source if isinstance(source, ImageClasses) else None)


def _parsed(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of data sets, and overrides."""
    names = [word for word in words if word.startswith("dataset=")]
    others = [word for word in words if word not in names]
    wrong = [word for word in others if not word.startswith(KEYS)]
    if wrong:
        raise UserError(
            f"prepare.py does not take {wrong[0]}: give dataset=NAME,NAME, dataset.KEY=VALUE or "
            "paths.data=FOLDER."
        )
    return [name for word in names for name in word.partition("=")[2].split(",")], others


def _list(data: Path) -> None:
    """Prints a row for each data set."""
    entries = [card.card(name) for name in card.names()]
    rows = [
        {
            "dataset": entry.name,
            "what; licence": f"{entry.about}; {entry.licence}",
            "classes": _number(entry.classes),
            "images": _number(entry.images),
            "download": entry.download,
            "here": _state(data, entry),
        }
        for entry in entries
    ]
    terminal().print(narrow_table(rows, folds=("what; licence",)))


def _state(data: Path, entry: Card) -> str:
    """Whether a data set is packed or downloaded."""
    packs = ("packed/*/pack.json", "*/packed/*/pack.json")  # the latter of sets within a set
    if any(next((data / entry.name).glob(pattern), None) for pattern in packs):
        return "packed"
    whole = entry.files and all((data / entry.folder / file).exists() for file in entry.files)
    return "downloaded" if whole else "-"


def _show(name: str, source: ImageClasses | None) -> None:
    """Prints the card of a data set that has been prepared."""
    table = new_table("dataset", name)
    if name in card.names():
        for what, text in _facts(card.card(name)):
            add_row(table, what, text)
    if source is not None:
        for split in source.pack.splits:
            counts = source.pack.counts(split)
            add_row(table, split, f"{len(counts):,} classes, {counts.sum():,} images")
        add_row(table, "packed in", source.pack.folder)
    terminal().print(table)


def _facts(entry: Card) -> Iterator[tuple[str, str]]:
    yield "title", entry.title
    yield "what", entry.about
    yield "licence", entry.licence
    yield "citation", entry.citation
    yield "homepage", entry.homepage
    yield "splits", entry.splits
    for file, remote in entry.files.items():
        yield file, ", ".join((remote.url, *remote.mirrors))


def _number(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
