"""Images that contain their own class and number."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from innerloop.data.images import ImageClasses
from innerloop.data.packs.writing import Classes


class Numbered(ImageClasses):
    """Images that contain their identity: pixel 0 is the class, pixel 1 the example."""

    def __init__(self, folder: Path, counts: list[int], rotations: bool = False) -> None:
        super().__init__("numbered", folder, rotations)
        self.sizes = counts

    @property
    def recipe(self) -> dict[str, Any]:
        return {"counts": self.sizes}

    def read(self) -> Mapping[str, Classes]:
        return {split: self._classes() for split in ("train", "val", "test")}

    def _classes(self) -> Classes:
        for number, count in enumerate(self.sizes):
            images = np.zeros((count, 4, 4, 1), np.uint8)
            images[:, 0, 0, 0], images[:, 0, 1, 0] = number + 1, np.arange(count) + 1
            yield f"class{number}", images
