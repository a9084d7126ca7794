"""The features of a pack's images, computed once and stored beside it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from innerloop.data.features.encoder import Encoder
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.packing import open_or_build
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.writing import write_features


class FeaturePack(Pack):
    """A pack with features `(images, turns, width)` float32 instead of images.

    The features of a split are computed when they are first read, and stored as a pack of their
    own. Classes and their numbers of images are those of the images' pack.

    Arguments:
        pack: the images.
        data: folder of the data set.
        name: of the data set.
        turns: quarter-turns of every image that are encoded, 1 or 4.
        encoder: makes the features.
        device: where they are computed.
    """

    def __init__(
        self,
        pack: Pack,
        data: Path,
        name: str,
        turns: int,
        encoder: Encoder,
        device: torch.device,
    ) -> None:
        self.folder, self.record = pack.folder, pack.record
        self.pack, self.data, self.name = pack, data, name
        self.turns, self.encoder, self.device = turns, encoder, device
        self._features: dict[str, np.ndarray] = {}

    def __reduce__(self) -> tuple[Callable[..., Pack], tuple[object, ...]]:
        parts = (self.pack, self.data, self.name, self.turns, self.encoder, self.device)
        return FeaturePack, parts

    def images(self, split: str) -> np.ndarray:
        """The features of a split, `(images, turns, width)` float32, read as needed."""
        if split not in self._features:
            recipe = self._recipe(split)
            stored = open_or_build(
                data=self.data,
                name=self.name,
                recipe=lambda: recipe,
                read=lambda: {split: self._encoded(split)},
                write=write_features,
            )
            self._features[split] = stored.images(split)
        return self._features[split]

    def _recipe(self, split: str) -> Recipe:
        checksum = self.pack.checksum(split)
        return self.encoder.recipe | {"images": checksum, "split": split, "turns": self.turns}

    def _encoded(self, split: str) -> Iterator[tuple[str, np.ndarray]]:
        """Names of classes with the features of their images, `(n, turns, width)`."""
        images, start = self.pack.images(split), 0
        for name, count in zip(self.classes(split), self.pack.counts(split), strict=True):
            yield name, self._features_of(images[start : start + count])
            start += count

    def _features_of(self, images: np.ndarray) -> np.ndarray:
        turned = np.stack([np.rot90(images, turn, axes=(1, 2)) for turn in range(self.turns)], 1)
        rows = torch.from_numpy(np.moveaxis(turned.reshape(-1, *turned.shape[2:]), -1, 1).copy())
        features = self.encoder.encode(rows, self.device)
        return features.unflatten(0, (len(images), self.turns)).numpy()
