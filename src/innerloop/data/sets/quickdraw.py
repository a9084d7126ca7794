"""Quick, Draw! (Ha and Eck 2018): 345 kinds of sketches at 28x28, one array file for each."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import numpy as np

from innerloop.data.download import Remote, fetch
from innerloop.data.images import ImageClasses
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.regular_file import regular_file
from innerloop.data.packs.writing import Classes, Images
from innerloop.data.sets.class_lists import class_lists
from innerloop.errors import UserError

PUBLISHER = "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap"
MOST = 2**29  #: bytes of a file
PART = 2**16  #: sketches that are in memory together


class QuickDraw(ImageClasses):
    """Sketches, ink 1 on background 0, in the split of Meta-Dataset.

    Arguments:
        data_dir: folder of all data sets; `data_dir/quickdraw` holds the files `CLASS.npy`.
        images: how many of each class, the first ones of its file; None for all 50 million, which
            take 40 GB of disk and, while copies among them are looked for, 20 GB of memory.
        on_device: see `ImageClasses`.

    Raises `UserError` for an impossible number of images.
    """

    def __init__(
        self, data_dir: str, images: int | None = 1000, on_device: bool | str = "auto"
    ) -> None:
        if images is not None and images < 1:
            raise UserError(f"dataset.images={images}: give a number from 1, or null for all.")
        super().__init__("quickdraw", Path(data_dir) / "quickdraw", on_device=on_device)
        self.lists, self.most = class_lists("quickdraw_meta_dataset"), images
        self.reading = Reading(28, 1, ink=True)

    @property
    def recipe(self) -> Recipe:
        return {"set": "quickdraw", "split": "meta_dataset", "images": self.most or "all"}

    def read(self) -> Mapping[str, Classes]:
        names = [name for names in self.lists.values() for name in names]
        remote = {f"{n}.npy": Remote(f"{PUBLISHER}/{quote(n)}.npy") for n in names}
        fetch(remote, self.folder, "Quick, Draw!", MOST)
        return {split: self._sketches(names) for split, names in self.lists.items()}

    def _sketches(self, names: list[str]) -> Iterator[Images]:
        for name in names:
            sketches = _open(self.folder / f"{name}.npy")[: self.most]
            for start in range(0, len(sketches), PART):
                part = np.asarray(sketches[start : start + PART])
                yield name, part.reshape(-1, 28, 28, 1)


def _open(path: Path) -> np.ndarray:
    """The sketches of a class, `(n, 784)` uint8, read as needed."""
    try:
        sketches = np.load(regular_file(path), mmap_mode="r", allow_pickle=False)
    except UserError:
        raise
    except Exception as error:  # an altered file can raise nearly anything
        raise UserError(
            f"{path} is damaged or cut short ({error}): delete it and run again."
        ) from error
    if sketches.ndim != 2 or sketches.shape[1] != 784 or sketches.dtype != np.uint8:
        raise UserError(f"{path} does not hold sketches of 28x28 pixels: delete it and run again.")
    return sketches
