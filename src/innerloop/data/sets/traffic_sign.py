"""GTSRB (Houben et al. 2013): 43 German traffic signs, about 30 images of each physical sign."""

from pathlib import Path, PurePosixPath

from innerloop.data.packs.archives import open_archive
from innerloop.data.sets.class_lists import by_number
from innerloop.data.sets.published import Picture, Pictures


def pictures(files: list[Path]) -> Pictures:
    """The training images `.../00014/00003_00029.ppm`: class 14, track 3, image 29.

    In copies of the data set they are called `14/00014_00003_00029.png`. The images of a track show
    one physical sign while a car approaches it, and are a series.

    Arguments:
        files: the archive, or a folder.
    """
    archive = open_archive(files[0])
    names = by_number("traffic_sign_meta_dataset")
    classes: Pictures = {}
    for name in archive.names:
        path = PurePosixPath(name)
        if path.suffix in (".ppm", ".png"):
            picture = Picture(archive, name, series=int(path.name.split("_")[-2]))
            classes.setdefault(names[int(path.parent.name)], []).append(picture)
    return classes
