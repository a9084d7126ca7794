"""Images and class names that the splits of a data set have in common."""

import logging

from innerloop.data.packs.pack import Pack
from innerloop.errors import visible

log = logging.getLogger(__name__)


def shared_images(pack: Pack, split: str, other: str) -> int:
    """Number of images that two splits have in common."""
    notes = [*pack.record.get("copies", []), *pack.record.get("shared", [])]
    pairs = [(split, other), (other, split)]
    return sum(n.startswith(f"{a}/") and f" and {b}/" in n for n in notes for a, b in pairs)


def warn_of_images(name: str, pack: Pack) -> None:
    """Logs which classes of two splits share an image.

    Arguments:
        name: of the data set.
        pack: its images.
    """
    if shared := pack.record.get("shared", []):
        few = visible("; ".join(shared[:3]))
        log.warning("%d images of %s are in two splits: %s.", len(shared), visible(name), few)


def warn_of_classes(name: str, pack: Pack) -> None:
    """Logs which class names are in more than one split; arguments as of `warn_of_images`."""
    common = common_classes(pack)
    if common:
        log.warning(
            "%d class names of %s are in more than one split: %s. If they are the same classes, "
            "the scores are not those of new classes: keep each class in one split; if they are "
            "not, give them different names.",
            len(common),
            visible(name),
            visible("; ".join(common[:3])),
        )


def common_classes(pack: Pack) -> list[str]:
    """Names of classes that are in several splits, each with those splits."""
    splits = {split: set(pack.classes(split)) for split in pack.splits}
    every = set().union(*splits.values())
    owners = {name: [split for split in splits if name in splits[split]] for name in every}
    return sorted(f"{name} ({', '.join(own)})" for name, own in owners.items() if len(own) > 1)
