"""Images that Hugging Face's library `datasets` reads: by name, or from files of many kinds."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from innerloop.data.images import ImageClasses
from innerloop.data.packs import overlap, pixels
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.parts import in_parts
from innerloop.data.packs.pictures import Reading
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import Classes
from innerloop.data.sets.hub_rows import HubRows
from innerloop.data.sets.own_pixels import per_channel, reading_of
from innerloop.errors import UserError


class HuggingFace(ImageClasses):
    """Classes of images from a data set of Hugging Face, or from a folder or an archive of files.

    `innerloop.data.sets.hub_rows` says which classes are in which split.

    Arguments:
        name: on the hub, such as `uoft-cs/cifar100`; a folder that `save_to_disk` wrote; or a
            format: `imagefolder`, `parquet` or `webdataset`.
        image: column of the images.
        files, label, split, revision: as of `HubRows`.
        folder: where the images are packed.
        size, channels, mean, std: as of `innerloop.data.sets.folder.Folder`.
        on_device: see `ImageClasses`.
    """

    reading: Reading
    skips_small = True

    def __init__(
        self,
        name: str,
        folder: str,
        files: str | None = None,
        image: str = "image",
        label: str = "label",
        split: str | None = None,
        revision: str | None = None,
        size: int = 84,
        channels: int = 3,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        on_device: bool | str = "auto",
    ) -> None:
        self.table = HubRows(
            name=name,
            files=files,
            content=("image", image),
            label=label,
            split=split,
            revision=revision,
        )
        self.reading = reading_of(size, channels)
        super().__init__(
            "hugging_face",
            Path(folder),
            mean=per_channel("mean", mean, channels, low=-np.inf),
            std=per_channel("std", std, channels, low=0),
            on_device=on_device,
        )

    @property
    def recipe(self) -> Recipe:
        return {
            **self.table.recipe,
            "size": self.reading.size,
            "channels": self.reading.channels,
            "filter": "lanczos",
            "pixels": pixels.VERSION,
        }

    def warn(self, pack: Pack) -> None:
        super().warn(pack)
        overlap.warn_of_classes(self.table.name, pack)

    def read(self) -> Mapping[str, Classes]:
        members = self.table.members()
        return {split: self._images_of(classes) for split, classes in members.items()}

    def _images_of(self, classes: Mapping[str, list[int]]) -> Iterator[tuple[str, np.ndarray]]:
        for name, rows in classes.items():
            yield from in_parts(name, rows, self._fitted)

    def _fitted(self, row: int) -> np.ndarray:
        try:
            return self.reading.fitted(self.table.rows[row][self.table.column])
        except Exception as error:  # a damaged image can raise nearly anything
            raise UserError(
                f"Row {row} of dataset.name={self.table.name} does not decode as an image "
                f"({error})."
            ) from error
