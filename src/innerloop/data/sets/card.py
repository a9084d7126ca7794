"""The card of a published data set: what it holds, who made it, where it is, under which terms."""

from importlib import resources
from typing import NamedTuple

from innerloop.data.download import Remote

FOLDER = resources.files("innerloop.data") / "cards"
UNITS = {"MB": 10**6, "GB": 10**9}
SMALL = 2**28  #: bytes that a file can have in any case


class Card(NamedTuple):
    """The content of a file `innerloop/data/cards/NAME.yaml`."""

    name: str
    title: str
    about: str  #: one line
    classes: int | None  #: of all splits; None if a user chooses among several sets
    images: int | None
    download: str  #: size of the files, such as `1.2 GB`
    licence: str
    homepage: str
    citation: str
    splits: str  #: sizes of the splits, and whose they are
    files: dict[str, Remote]  #: by name
    folder: str  #: in the folder of all data sets
    by_hand: str  #: what to do where the publisher demands a login or an agreement; else empty

    @property
    def most(self) -> int:
        """Bytes that none of the files exceeds."""
        number, unit = self.download.split()
        return max(2 * int(float(number) * UNITS[unit]), SMALL)


def card(name: str) -> Card:
    """The card of a data set."""
    import yaml

    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    files = {file: _remote(entry) for file, entry in content.pop("files").items()}
    options = {"folder": name, "by_hand": ""}
    return Card(name=name, files=files, **(options | content))


def names() -> list[str]:
    """The names of all data sets that have a card."""
    files = [file.name for file in FOLDER.iterdir()]
    return sorted(file.removesuffix(".yaml") for file in files if file.endswith(".yaml"))


def _remote(entry: dict[str, object]) -> Remote:
    mirrors = entry.get("mirrors", [])
    assert isinstance(mirrors, list)
    checksum = entry.get("checksum")
    return Remote(str(entry["url"]), None if checksum is None else str(checksum), tuple(mirrors))
