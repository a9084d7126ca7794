"""Images that a data set holds more than once."""

import hashlib

import numpy as np


class Copies:
    """Finds copies of images while a data set is read.

    `left_out` describes copies within a split, which are not kept; `shared` describes images that
    two splits have in common, which are kept.
    """

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self.shared: list[str] = []
        self._seen: dict[bytes, dict[str, str]] = {}  # for each image and split, the first class

    def new_images(self, images: np.ndarray, split: str, name: str) -> list[int]:
        """The rows of `images` that no class of the split has held before.

        Arguments:
            images: `(n, height, width, channels)`, of one class.
            split: the split.
            name: of the class.
        """
        rows = []
        for row, image in enumerate(images):
            key = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
            places = self._seen.setdefault(key, {})
            if split in places:
                self.left_out.append(f"one of {split}/{places[split]} left out of {split}/{name}")
                continue
            self.shared += [f"{split}/{name} and {s}/{c} share one" for s, c in places.items()]
            places[split] = name
            rows.append(row)
        return rows
