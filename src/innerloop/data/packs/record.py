"""The record of a pack, which is stored in its `pack.json`."""

from typing import NotRequired, TypedDict

RECORD = "pack.json"  #: name of the file
LARGEST = 2**28  #: bytes of the file

FILES = {"uint8": "u8", "float32": "f32"}  #: the endings of files, by kind of numbers

Recipe = dict[str, str | int]  #: how a pack is made; another recipe makes another pack


class SplitRecord(TypedDict):
    """The images of one split."""

    classes: list[str]  #: names, in the order of their images
    counts: list[int]  #: images of each class
    shape: list[int]  #: images, height, width, channels; of features: images, turns, width
    kind: NotRequired[str]  #: of the numbers; `uint8` in older packs, which lack it
    sha256: str  #: checksum of the images
    mtime_ns: int  #: time of the file's last change, in nanoseconds
    series: NotRequired[list[list[int]]]  #: images of each series of each class


class Record(TypedDict):
    """A whole pack."""

    recipe: Recipe
    splits: dict[str, SplitRecord]
    copies: NotRequired[list[str]]  #: a sentence for each image that was left out as a copy
    shared: NotRequired[list[str]]  #: a sentence for each image that two splits share
