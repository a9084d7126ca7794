"""VGG Flower, or Flowers102 (Nilsback and Zisserman 2008): 102 kinds of flowers."""

from pathlib import Path

from innerloop.data.packs.archives import open_archive
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.sets.class_lists import by_number
from innerloop.data.sets.published import Picture, Pictures

MOST = 2**20  #: bytes of the labels


def pictures(files: list[Path]) -> Pictures:
    """The images of all kinds; label 1 is class `001.pink primrose`, and so on.

    Arguments:
        files: the archive, and the labels of image 1, 2, ... in MATLAB's format.
    """
    from scipy.io import loadmat

    images, labels = files
    archive = open_archive(images)
    (numbers,) = loadmat(regular_file(labels, MOST), variable_names=["labels"])["labels"].tolist()
    names = by_number("vgg_flower_meta_dataset")
    classes: Pictures = {}
    for image, number in enumerate(numbers, 1):
        picture = Picture(archive, f"jpg/image_{image:05}.jpg")
        classes.setdefault(names[number], []).append(picture)
    return classes
