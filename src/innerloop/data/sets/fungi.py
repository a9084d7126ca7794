"""FGVCx Fungi 2018 (Schroeder and Cui): 1394 species photographed in Denmark."""

import json
from pathlib import Path

from innerloop.data.packs.archives import open_archive
from innerloop.data.sets.published import Picture, Pictures


def pictures(files: list[Path]) -> Pictures:
    """The images of all species, as in Meta-Dataset: training and validation images together.

    Two species share a name, so that a class is named `0000.Abortiporus biennis`.

    Arguments:
        files: the archive of images, and that of annotations.
    """
    archive, annotations = map(open_archive, files)
    classes: Pictures = {}
    for part in ("train", "val"):
        content = json.loads(annotations.read(f"{part}.json"))
        species = {
            entry["id"]: f"{entry['id']:04}.{entry['name']}" for entry in content["categories"]
        }
        owner = {entry["image_id"]: entry["category_id"] for entry in content["annotations"]}
        for image in content["images"]:
            picture = Picture(archive, image["file_name"])
            classes.setdefault(species[owner[image["id"]]], []).append(picture)
    return classes
