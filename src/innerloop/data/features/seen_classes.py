"""Which classes of a data set an encoder has seen in its pre-training."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

NAMES = Path(__file__).with_name("imagenet_1k.txt")  #: WordNet numbers and names of ILSVRC 2012


def seen_classes(pretrained_on: str, classes: Sequence[str]) -> list[str] | None:
    """The classes that are also classes of the pre-training; None if its classes are not known.

    A class is recognised by its WordNet number or by one of its names in WordNet. A class of
    another name, such as `bottle` beside ImageNet's `beer bottle`, is not: the list may be too
    short, and never names a class that was not seen.

    Arguments:
        pretrained_on: the data of the pre-training; known are ImageNet and what contains it.
        classes: names of classes.

    Example:
        >>> seen_classes("ImageNet-1k", ["n01532829", "sea_lion", "bottle"])
        ['n01532829', 'sea_lion']
    """
    if "imagenet" not in pretrained_on.lower():
        return None
    known = _imagenet_names()
    return [name for name in classes if _plain(name) in known]


@cache
def _imagenet_names() -> frozenset[str]:
    """WordNet numbers and names of the 1,000 classes of ImageNet-1k."""
    words = [word for line in NAMES.read_text().splitlines() for word in line.split("\t")]
    return frozenset(_plain(name) for word in words for name in word.split(", "))


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ").strip()
