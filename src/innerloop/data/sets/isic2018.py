"""ISIC 2018, task 3 (Codella et al. 2019): seven kinds of moles and other marks of the skin."""

import csv
from pathlib import Path

from innerloop.data.packs.archives import open_archive
from innerloop.data.sets.published import Picture, Pictures

NAME = "ISIC2018_Task3_Training"


def pictures(files: list[Path]) -> Pictures:
    """The training images of each diagnosis, whose column in the table of truths is 1.

    Arguments:
        files: the archive of images, and that of truths.
    """
    archive, truths = map(open_archive, files)
    table = csv.DictReader(truths.lines(f"{NAME}_GroundTruth/{NAME}_GroundTruth.csv"))
    classes: Pictures = {}
    for row in table:
        image = row.pop("image")
        (diagnosis,) = (name for name, truth in row.items() if float(truth) == 1)
        picture = Picture(archive, f"{NAME}_Input/{image}.jpg")
        classes.setdefault(diagnosis, []).append(picture)
    return classes
