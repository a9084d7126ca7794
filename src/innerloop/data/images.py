"""Episodes of image classes, drawn from a pack: the whole batch of tasks in one gather."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from innerloop.data import episodes, sampling, sizes
from innerloop.data.packs import identity, overlap, places
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.packing import Classes, open_or_build
from innerloop.data.packs.resident import Places, Resident, fits
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Task, without_support


class ImageClasses(TaskSource):
    """N-way episodes over the classes of a pack.

    A subclass says how the pack is made: `recipe` and `read`.

    Arguments:
        name: of the data set.
        folder: where its files lie.
        rotations: whether the quarter-turns of a class are further classes; a task never holds two
            turns of one class.
        mean, std: of each channel, on the scale 0..1, taken out on the device.
        on_device: whether all images live on the device; `auto` for: on a GPU, if they are small
            beside its free memory.
    """

    unequal = True

    def __init__(
        self,
        name: str,
        folder: Path,
        rotations: bool = False,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        on_device: bool | str = "auto",
    ) -> None:
        if on_device not in (True, False, "auto"):
            raise UserError(f"dataset.on_device={on_device}: choose auto, true or false.")
        self.name, self.folder, self.rotations = name, folder, rotations
        self.mean, self.std, self.on_device = torch.tensor(mean), torch.tensor(std), on_device
        self._resident: Resident | None = None
        self._pack: Pack | None = None
        self._warned = False

    @property
    @abstractmethod
    def recipe(self) -> dict[str, Any]:
        """Plain values that name how the pack is made; another recipe makes another pack."""

    @abstractmethod
    def read(self) -> Mapping[str, Classes]:
        """The classes of each split, read from the publisher's files.

        Raises:
            UserError: if they are not there or not what they should be.
        """

    @property
    def pack(self) -> Pack:
        """The opened pack, the same to the end of the run."""
        if self._pack is None:
            self._pack = open_or_build(self.folder, self.name, lambda: self.recipe, self.read)
        return self._pack

    def prepare(self) -> None:
        if not self._warned:
            self._warned = True
            self.warn(self.pack)

    def warn(self, pack: Pack) -> None:
        """Says what a user should know of the data, once a run."""
        overlap.warn_of_images(self.name, pack)

    def check(self, split: str, episode: Episode) -> None:
        key = "episode" if split == "train" else "episode.test"
        counts, names = self.pack.counts(split), self.pack.classes(split)
        episodes.check_ways(self.name, split, episode, len(counts))
        need, smallest = sizes.fewest_images(episode), int(counts.argmin())
        if need > counts[smallest]:
            total = f"{key}.shots + {key}.queries = {need}"
            least = f"{need}, which the fewest {key}.shots and one query take"
            raise UserError(
                f"Class {names[smallest]} of the {split} split of {self.name} has "
                f"{counts[smallest]} images, fewer than {least if episode.varies else total}; "
                "use smaller numbers, or add images."
            )

    def classes(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> np.ndarray:
        """Rows of the pack's list of classes; the turns of a class count as that class."""
        available = len(self.pack.counts(split))
        if episode.varies:
            return episodes.draw_classes(split, indices, episode, seed, available)
        key = sampling.split(sampling.keys(seed, split, indices), 5)
        return sampling.choose(key[:, 0], available, episode.most_ways)

    def class_names(self, split: str) -> Sequence[str]:
        return self.pack.classes(split)

    def shared_images(self, split: str, other: str) -> int:
        record = self.pack.record
        notes = [*record.get("copies", []), *record.get("shared", [])]
        both = [(split, other), (other, split)]
        return sum(n.startswith(f"{a}/") and f" and {b}/" in n for n in notes for a, b in both)

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        images = partial(self._images_at, split)
        found = self._places(split, indices, episode, seed)
        return Task(*[Examples(episodes.on_values(images, x), y) for x, y in found])

    def classes_in(self, split: str) -> int:
        """Classes of the pack, times four where quarter-turns are further classes."""
        return len(self.pack.counts(split)) * self._turns

    def batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        places = self._batch_places(split, indices, size, seed)
        return Task(*[Examples(self._images_at(split, x), y) for x, y in places])

    def settle(self, device: torch.device) -> None:
        if self._resident is not None and self._resident.images.device == device:
            return  # the test's images are those of the training
        self._resident = None
        own, ours = type(self), ImageClasses
        if own.tasks is not ours.tasks or own.transform is not ours.transform:
            return  # a subclass that makes its own of images is given images
        wanted = fits(self.pack, device) if self.on_device == "auto" else self.on_device
        self._resident = Resident(self.pack, device, self.rotations) if wanted else None

    def drawn(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        if self._resident is None:
            return self.tasks(split, indices, episode, seed)
        counted = partial(self._resident.places, split)
        found = self._places(split, indices, episode, seed)
        return Task(*[Examples(episodes.on_values(counted, x), y) for x, y in found])

    def drawn_batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        if self._resident is None:
            return self.batches(split, indices, size, seed)
        places = self._batch_places(split, indices, size, seed)
        return Task(*[Examples(self._resident.places(split, x), y) for x, y in places])

    @property
    def _turns(self) -> int:
        return 4 if self.rotations else 1

    def _batch_places(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        """Plain batches whose inputs are `Places`; class c turned t times has the label C t + c."""
        counts = self.pack.counts(split)
        images = int(counts.sum())
        walk = indices[:, None] * size + np.arange(size)
        members = sampling.epochs(seed, f"{split}/batches", walk, images * self._turns)
        turns, rows = np.divmod(members, images)
        labels = np.searchsorted(np.cumsum(counts), rows, side="right") + turns * len(counts)
        places = Places(torch.from_numpy(rows), torch.from_numpy(turns))
        return without_support(Examples(places, torch.from_numpy(labels)))

    def _places(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        """Tasks whose inputs are `Places` in the split."""
        counts, turns = self.pack.counts(split), self._turns
        if episode.varies:
            drawn = episodes.draw(split, indices, episode, seed, counts)
            return places.unequal(drawn, counts, turns)
        key = sampling.split(sampling.keys(seed, split, indices), 5)
        classes = self.classes(split, indices, episode, seed)
        return places.equal(key, classes, episode, counts, turns)

    def _images_at(self, split: str, places: Places) -> Tensor:
        images = self.pack.images(split)[places.rows.numpy()]  # (T, ways * n, H, W, C)
        if self.rotations:
            _rotate(images, places.turns.numpy())
        return torch.from_numpy(np.moveaxis(images, -1, -3)).contiguous()

    def transform(self, inputs: Tensor | Places) -> Tensor:
        if isinstance(inputs, Places):
            assert self._resident is not None
            inputs = self._resident(inputs)
        shape, device = (-1, 1, 1), inputs.device
        mean, std = self.mean.to(device).view(shape), self.std.to(device).view(shape)
        return (inputs.float() / 255 - mean) / std

    def fingerprint(self, split: str) -> str:
        return f"{self.name} {split} {identity.digest(self, split)}"


def _rotate(images: np.ndarray, turns: np.ndarray) -> None:
    """Turns `(T, n, H, W, C)` images in place by `(T, n)` quarter-turns."""
    for turn in (1, 2, 3):
        chosen = turns == turn
        images[chosen] = np.rot90(images[chosen], turn, axes=(1, 2))
