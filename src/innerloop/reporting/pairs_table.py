"""The table of the defaults of pairs of a data set and an algorithm, made from `conf/pairs/`."""

from collections.abc import Iterator
from pathlib import Path

from innerloop.machine.foreign import read_text
from innerloop.machine.mappings import read_yaml
from innerloop.startup.keys import flat

LARGEST = 2**16  #: bytes of a file of defaults
FOLDER = Path("pairs", "None")  #: in the configuration, for runs without an experiment


def table(conf: Path) -> Iterator[str]:
    """A row for each pair: what is typed, what it sets besides the data set's defaults, and why.

    Arguments:
        conf: the folder of the configuration.
    """
    yield from ("| choices | their defaults | why |", "|---|---|---|")
    for file in sorted((conf / FOLDER).glob("*/*.yaml")):
        own = " ".join(f"`{key}={value}`" for key, value in settings(file, conf).items())
        names = f"`algorithm={file.stem} dataset={file.parent.name}`"
        yield f"| {names} | {own} | {_reason(file)} |"


def settings(file: Path, conf: Path) -> dict[str, object]:
    """The values that a file sets by dotted key, with those of the files that it builds on."""
    content = read_yaml(file)
    values: dict[str, object] = {}
    for base in content.pop("defaults", []):
        if base != "_self_":
            values |= settings(conf / "pairs" / f"{base}.yaml", conf)
    return values | flat(content)


def _reason(file: Path) -> str:
    """The comment below the first line, which is Hydra's."""
    lines = read_text(file, LARGEST).splitlines()[1:]
    return " ".join(line.removeprefix("# ") for line in lines if line.startswith("#"))
