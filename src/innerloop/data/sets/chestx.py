"""ChestX-ray8 (Wang et al. 2017): findings in X-ray images of the chest."""

import csv
from pathlib import Path

from innerloop.data.packs.archives import open_archive
from innerloop.data.sets.class_lists import class_lists
from innerloop.data.sets.published import Picture, Pictures

TABLE = "Data_Entry_2017.csv"


def pictures(files: list[Path]) -> Pictures:
    """The images with one finding, if it is one of the seven of Guo et al. 2020.

    Arguments:
        files: the folder of `images` and the table of findings.
    """
    archive = open_archive(files[0])
    classes: Pictures = {name: [] for name in class_lists("chestx_bscd_fsl")["test"]}
    for row in csv.DictReader(archive.lines(TABLE)):
        if row["Finding Labels"] in classes:  # several findings are written as `Mass|Nodule`
            picture = Picture(archive, f"images/{row['Image Index']}")
            classes[row["Finding Labels"]].append(picture)
    return classes
