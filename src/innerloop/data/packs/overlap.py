"""What the splits of a data set have in common, said when a run starts."""

import logging

from innerloop.data.packs.pack import Pack
from innerloop.errors import visible

log = logging.getLogger(__name__)


def warn_of_images(name: str, pack: Pack) -> None:
    """Says which classes of two splits share an image."""
    if shared := pack.record.get("shared", []):
        few = visible("; ".join(shared[:3]))
        log.warning("%d images of %s are in two splits: %s.", len(shared), visible(name), few)


def warn_of_classes(name: str, pack: Pack) -> None:
    """Says which class names are in two splits."""
    splits = {split: set(pack.classes(split)) for split in pack.splits}
    found = {c: [s for s in splits if c in splits[s]] for c in set().union(*splits.values())}
    common = sorted(f"{c} ({', '.join(where)})" for c, where in found.items() if len(where) > 1)
    if common:
        few = visible("; ".join(common[:3]))
        log.warning(
            "%d class names of %s are in more than one split: %s. If they are the same classes, "
            "the scores are not those of new classes: keep each class in one split; if they are "
            "not, give them different names.", len(common), visible(name), few,
        )  # fmt: skip
