"""Archives with a folder for each class: CUB, DTD, Tiny ImageNet, ImageNet."""

from pathlib import Path

from innerloop.data.packs.archives import open_archive
from innerloop.data.packs.pictures import ENDINGS
from innerloop.data.sets.class_lists import FOLDER
from innerloop.data.sets.published import Picture, Pictures


def pictures(files: list[Path], inside: str = "", without: str | None = None) -> Pictures:
    """The images `INSIDE/CLASS/**/*.jpg` of an archive or a folder.

    Arguments:
        files: the archive or folder.
        inside: where the folders of the classes are, such as `dtd/images/`; "" for the top.
        without: a file of names of images to leave out, in `innerloop/data/splits`.
    """
    archive = open_archive(files[0])
    left_out = _names(without) if without else set()
    classes: Pictures = {}
    for name in archive.names:
        folder, _, image = name.removeprefix(inside).partition("/")
        listed = name.startswith(inside) and image.lower().endswith(ENDINGS)
        if listed and Path(image).name not in left_out:
            classes.setdefault(folder, []).append(Picture(archive, name))
    return classes


def _names(file: str) -> set[str]:
    return set((FOLDER / file).read_text().split())
