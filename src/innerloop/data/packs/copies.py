"""Images that a data set holds more than once."""

import hashlib

import numpy as np


class Copies:
    """Finds copies: those within a split are `left_out`, those of two splits are `shared`."""

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self.shared: list[str] = []
        self._seen: dict[bytes, dict[str, str]] = {}  # by image: by split, the first class

    def first_of_their_kind(self, images: np.ndarray, split: str, name: str) -> list[int]:
        """Rows of `images`, of class `name`, that no class of the split has had before."""
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
