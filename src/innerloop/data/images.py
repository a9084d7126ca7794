"""Episodes of image classes, drawn from a pack: one indexing operation for a batch of tasks."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from innerloop.data import checks, groups, layout, sampling, sizes, tree
from innerloop.data.centroid import nearest_centroid
from innerloop.data.packs import identity, overlap, places
from innerloop.data.packs.gather import gather
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.packing import open_or_build
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.resident import Places, Resident, fits
from innerloop.data.packs.series import Series
from innerloop.data.packs.writing import Classes
from innerloop.data.padding import map_inputs
from innerloop.data.source import TaskSource
from innerloop.data.without_replacement import plan
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Padded, Task


class ImageClasses(TaskSource):
    """N-way episodes over the classes of a pack.

    A subclass says how the pack is made: `recipe` and `read`.

    Arguments:
        name: of the data set.
        folder: of its files.
        rotations: whether the quarter-turns of a class are further classes; a task never holds two
            turns of one class.
        mean, std: of each channel, on the scale 0 to 1; the device normalises with them.
        on_device: whether all images are stored on the device; with `auto`, if it is a GPU and they
            take a small part of its free memory.
    """

    unequal = True
    holds = "images"  #: or `texts`, for the encoder
    skips_small = False  #: whether classes with too few images are left out, or else refused

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
    def recipe(self) -> Recipe:
        """Plain values that name how the pack is made; another recipe makes another pack."""

    @abstractmethod
    def read(self) -> Mapping[str, Classes]:
        """The classes of each split, read from the publisher's files.

        Raises:
            UserError: if the files are missing or not what they should be.
        """

    @property
    def pack(self) -> Pack:
        """The opened pack, the same until the end of the run."""
        if self._pack is None:
            self._pack = open_or_build(self.folder, self.name, lambda: self.recipe, self.read)
        return self._pack

    def prepare(self) -> None:
        if not self._warned:
            self._warned = True
            self.warn(self.pack)

    def warn(self, pack: Pack) -> None:
        """Logs, once in a run, what a user should know about the data."""
        overlap.warn_of_images(self.name, pack)

    def check(self, split: str, episode: Episode) -> None:
        counts, names = self._counts(split), self.pack.classes(split)
        usable = self._usable(split, episode)
        if 0 < len(usable) < len(counts):
            checks.warn_of_small_classes(self.name, split, episode, names, counts)
            counts, names = counts[usable], [names[i] for i in usable]
        checks.check_ways(self.name, split, episode, len(counts))
        checks.check_images(
            name=self.name, split=split, episode=episode, classes=names, counts=counts
        )
        related = self._groups(split, episode)
        if related is not None:
            kind = groups if related.ndim == 1 else tree
            kind.check(self.name, split, episode, related)
        series = self._series(split)
        if series is not None:
            series.check(names, *((1, 1) if episode.varies else episode.numbers[1:]))

    def classes(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> np.ndarray:
        """Positions in the pack's list of classes; the turns of a class count as that class."""
        if not episode.replacement:
            return plan(split, self.pack.counts(split), episode, seed).classes[indices]
        usable, chosen = self._usable(split, episode), self._groups(split, episode)
        if not episode.varies and chosen is None:
            key = sampling.split(sampling.keys(seed, split, indices), 5)
            return usable[sampling.choose(key[:, 0], len(usable), episode.most_ways)]
        drawn = layout.draw_classes(
            split=split,
            indices=indices,
            episode=episode,
            seed=seed,
            available=len(usable),
            groups=chosen,
        )
        return np.where(drawn >= 0, usable[drawn], -1)

    def _usable(self, split: str, episode: Episode) -> np.ndarray:
        """The classes that tasks are drawn from, `(usable,)`."""
        counts = self.pack.counts(split)
        needed = sizes.fewest_images(episode) if self.skips_small else 0
        return np.flatnonzero(counts >= needed)

    def _groups(self, split: str, episode: Episode) -> np.ndarray | None:
        """Groups or tree of usable classes, if a task takes its classes from one group or node."""
        if episode.drawn_from == "split":
            return None
        tree = self.tree(split) if episode.drawn_from == "hierarchy" else None
        related = self.groups(split) if tree is None else tree
        return None if related is None else related[..., self._usable(split, episode)]

    def longest_list(self, split: str, episode: Episode, seed: int) -> int:
        if self.pack.series(split) is not None:
            raise UserError(
                f"episode.test.replacement=false: the images of {self.name} come in series, whose "
                "images must not be in both support and query. Leave episode.test.replacement=true."
            )
        return len(plan(split, self.pack.counts(split), episode, seed).classes)

    def class_names(self, split: str) -> Sequence[str]:
        return self.pack.classes(split)

    def shared_images(self, split: str, other: str) -> int:
        return overlap.shared_images(self.pack, split, other)

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        tasks = self._places(split, indices, episode, seed)
        return Task(*[Examples(self._inputs(split, part.inputs), part.targets) for part in tasks])

    def classes_in(self, split: str) -> int:
        """Classes of the pack, times four if quarter-turns are further classes."""
        return len(self._counts(split)) * self._turns

    def labels(self, split: str) -> np.ndarray:
        counts = self._counts(split)
        return np.repeat(np.arange(len(counts)), counts)

    def rows(self, split: str, rows: np.ndarray) -> Tensor:
        """The images as they are stored, without quarter-turns."""
        chosen = torch.from_numpy(rows)[None]
        return self._look_up(split, Places(chosen, torch.zeros_like(chosen)))[0]

    def batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        batches = self._batch_places(split, indices, size, seed)
        return map_inputs(partial(self._look_up, split), batches)

    def use_device(self, device: torch.device) -> None:
        if self._resident is not None and self._resident.images.device == device:
            return  # the images are still there from training
        self._resident = None
        subclass = type(self)
        if (subclass.tasks, subclass.transform) != (ImageClasses.tasks, ImageClasses.transform):
            return  # a subclass with its own methods expects images, not places
        wanted = fits(self.pack, device) if self.on_device == "auto" else self.on_device
        self._resident = self.resident(device) if wanted else None

    def resident(self, device: torch.device) -> Resident:
        """All images, stored on the device."""
        return Resident(self.pack, device, self.rotations)

    def compact_tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        """Tasks with `Places` as inputs if the images are stored on the device."""
        if self._resident is None:
            return self.tasks(split, indices, episode, seed)
        tasks = self._places(split, indices, episode, seed)
        return map_inputs(partial(self._resident.places, split), tasks)

    def compact_batches(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        """Batches with `Places` as inputs if the images are stored on the device."""
        if self._resident is None:
            return self.batches(split, indices, size, seed)
        batches = self._batch_places(split, indices, size, seed)
        return map_inputs(partial(self._resident.places, split), batches)

    @property
    def _turns(self) -> int:
        return 4 if self.rotations else 1

    def _batch_places(self, split: str, indices: np.ndarray, size: int, seed: int) -> Task:
        """Plain batches with `Places` in the split as inputs."""
        walk = indices[:, None] * size + np.arange(size)
        return places.plain(
            name=f"{split}/batches",
            walk=walk,
            seed=seed,
            counts=self.pack.counts(split),
            turns=self._turns,
        )

    def _places(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        """Tasks with `Places` in the split as inputs."""
        counts, turns = self.pack.counts(split), self._turns
        if episode.varies:
            usable, series = self._usable(split, episode), self._series(split)
            drawn = layout.draw(
                split=split,
                indices=indices,
                episode=episode,
                seed=seed,
                supply=counts[usable],
                groups=self._groups(split, episode),
                limit=None if series is None else series.limited,
            )
            drawn = drawn._replace(classes=usable[drawn.classes])
            return places.unequal(drawn, counts, turns, series)
        key = sampling.split(sampling.keys(seed, split, indices), 5)
        classes = self.classes(split, indices, episode, seed)
        return places.equal(
            key=key,
            classes=classes,
            episode=episode,
            counts=counts,
            turns=turns,
            images=self._chosen_images(split, indices, episode, seed, key[:, 1], classes),
        )

    def _chosen_images(
        self,
        split: str,
        indices: np.ndarray,
        episode: Episode,
        seed: int,
        key: np.ndarray,
        classes: np.ndarray,
    ) -> np.ndarray | None:
        """Numbers of the images within their class, `(T, ways, shots + queries)`; None where they
        are drawn freely."""
        if not episode.replacement:
            return plan(split, self.pack.counts(split), episode, seed).images[indices]
        series, (ways, shots, queries) = self._series(split), episode.numbers
        if series is None:
            return None
        return series.draw(sampling.split(key, ways), classes, shots, queries)

    def _series(self, split: str) -> Series | None:
        """Which images of each class show the same thing; None if that is not recorded."""
        lengths = self.pack.series(split)
        return None if lengths is None else Series(lengths)

    def _counts(self, split: str) -> np.ndarray:
        """Images of each class of a split; raises `UserError` if the data set lacks the split."""
        if split not in self.pack.splits:
            raise UserError(
                f"{self.name} has no {split} classes, only {', '.join(self.pack.splits)}: test a "
                f"run of another data set on it, with evaluation.on=[{self.name}], or with "
                f"python src/evaluate.py ckpt_path=RUN dataset={self.name}."
            )
        return self.pack.counts(split)

    def _inputs(self, split: str, places: Places | Padded) -> Tensor | Padded:
        """The raw inputs at places of a split; the padding is zero."""
        if not isinstance(places, Padded):
            return self._look_up(split, places)
        images = self._look_up(split, places.values)
        images.numpy()[~places.real.numpy()] = 0  # in place: a copy would double the time
        return Padded(images, places.real)

    def _look_up(self, split: str, places: Places) -> Tensor:
        """The raw inputs at places of a split, `(T, n, ...)`, in memory of their own."""
        return gather(self.pack.images(split), places, self.rotations)

    def transform(self, inputs: Tensor | Places) -> Tensor:
        """Normalised images `(..., channels, height, width)` float32."""
        if isinstance(inputs, Places):
            assert self._resident is not None
            inputs = self._resident(inputs)
        return self.normalised(inputs)

    def normalised(self, images: Tensor) -> Tensor:
        """Raw images `(..., channels, height, width)` with each channel normalised."""
        shape, device = (-1, 1, 1), images.device
        mean, std = self.mean.to(device).view(shape), self.std.to(device).view(shape)
        return (images.float() / 255 - mean) / std

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {"nearest centroid of pixels": nearest_centroid}

    def fingerprint(self, split: str) -> str:
        return f"{self.name} {split} {identity.digest(self, split)}"
