"""The page of all data sets, made from `conf/dataset` and their cards."""

from collections.abc import Iterator
from pathlib import Path

from innerloop.data.sets import card
from innerloop.reporting.configuration_page import about

HEADS = ("`dataset=`", "what it is", "classes", "examples", "download", "splits", "licence", "from")


def page(conf: Path) -> str:
    """A table of the data sets with cards, and a list of all others.

    Arguments:
        conf: the folder of the configuration.
    """
    files = sorted((conf / "dataset").glob("*.yaml"))
    carded = [file for file in files if file.stem in card.names()]
    others = [file for file in files if file not in carded]
    table = [f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}", *map(_row, carded)]
    listed = ["| `dataset=` | what it is |", "|---|---|", *_rest(others)]
    return "\n".join(["## Images", "", *table, "", "## Others, and your own", "", *listed])


def _row(file: Path) -> str:
    own = card.card(file.stem)
    cells = (
        f"`{file.stem}`", own.about, own.classes or "", own.images or "", own.download, own.splits,
        own.licence, f"{own.citation}: <{own.homepage}>",
    )  # fmt: skip
    return "| " + " | ".join(str(cell).replace("|", r"\|") for cell in cells) + " |"


def _rest(files: list[Path]) -> Iterator[str]:
    for file in files:
        yield f"| `{file.stem}` | {about(file)} |"
