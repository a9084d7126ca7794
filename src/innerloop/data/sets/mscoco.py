"""MS COCO 2017 (Lin et al. 2014): 80 kinds of objects, cut out of photographs by their boxes."""

import json
from pathlib import Path

from innerloop.data.packs.archives import open_archive
from innerloop.data.packs.pictures import Box
from innerloop.data.sets.published import Picture, Pictures

MOST = 2**30  #: bytes of the annotations
MARGIN = 1.2  #: how much larger than its object an image is, as in Meta-Dataset


def pictures(files: list[Path]) -> Pictures:
    """One image for each object, crowds included.

    Arguments:
        files: the archive of photographs, and that of annotations.
    """
    archive, annotations = map(open_archive, files)
    content = json.loads(annotations.read("annotations/instances_train2017.json", MOST))
    names = {entry["id"]: entry["name"] for entry in content["categories"]}
    classes: Pictures = {}
    for entry in content["annotations"]:
        file = f"train2017/{entry['image_id']:012}.jpg"
        picture = Picture(archive, file, _with_margin(*entry["bbox"]))
        classes.setdefault(names[entry["category_id"]], []).append(picture)
    return classes


def _with_margin(x: float, y: float, width: float, height: float) -> Box:
    """The pixels of a box, given by its upper left corner and its size, and a margin around it."""
    left, top = x - width * (MARGIN - 1) / 2, y - height * (MARGIN - 1) / 2
    right, bottom = left + width * MARGIN, top + height * MARGIN
    return Box(
        left=round(left - 0.5),
        top=round(top - 0.5),
        right=round(right - 0.5) + 1,
        bottom=round(bottom - 0.5) + 1,
    )
