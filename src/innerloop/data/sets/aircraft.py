"""FGVC-Aircraft (Maji et al. 2013): 100 models of aircraft, each image cut out by its box."""

from pathlib import Path

from innerloop.data.packs.archives import open_archive
from innerloop.data.packs.pictures import Box
from innerloop.data.sets.published import Picture, Pictures

DATA = "fgvc-aircraft-2013b/data"


def pictures(files: list[Path]) -> Pictures:
    """The images of all models, as in Meta-Dataset: training, validation and test images together.

    Arguments:
        files: the archive.
    """
    archive = open_archive(files[0])
    boxes = dict(_box(line) for line in archive.lines(f"{DATA}/images_box.txt"))
    classes: Pictures = {}
    for part in ("trainval", "test"):
        for line in archive.lines(f"{DATA}/images_variant_{part}.txt"):
            image, _, model = line.partition(" ")
            picture = Picture(archive, f"{DATA}/images/{image}.jpg", boxes[image])
            classes.setdefault(model, []).append(picture)
    return classes


def _box(line: str) -> tuple[str, Box]:
    """The name of an image and its box, of a line such as `1025794 3 144 998 431`."""
    image, *corners = line.split()
    return image, Box(*map(int, corners))
