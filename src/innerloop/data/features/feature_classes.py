"""A data set of images whose tasks hold the images' features."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from innerloop.data.centroid import cosine_centroid
from innerloop.data.features.encoder import Encoder
from innerloop.data.features.feature_pack import FeaturePack
from innerloop.data.features.seen_classes import seen_classes
from innerloop.data.images import ImageClasses
from innerloop.data.own_table import OwnTask, Row, Table, class_task
from innerloop.data.packs.pack import Pack
from innerloop.data.packs.record import Recipe
from innerloop.data.packs.resident import Places, Resident
from innerloop.data.packs.writing import Classes
from innerloop.data.source import TaskSource
from innerloop.data.texts.as_bytes import encoded
from innerloop.errors import UserError
from innerloop.tasks import Task


class FeatureClasses(ImageClasses):
    """The episodes of `source`, with features `(n, width)` float32 for images.

    The tasks are those of `source`: the same classes and images for the same seed and index.

    Arguments:
        source: the images.
        encoder: makes the features.
        device: where they are computed.

    Raises:
        UserError: if the data set has no pack of images.
    """

    def __init__(self, source: TaskSource, encoder: Encoder, device: torch.device) -> None:
        if not isinstance(source, ImageClasses):
            raise UserError(
                f"encoder= encodes images once, and {type(source).__name__} has no files of them: "
                "choose dataset=cifarfs, miniimagenet, omniglot or folder, or leave encoder= out."
            )
        super().__init__(
            name=source.name,
            folder=source.folder,
            rotations=source.rotations,
            on_device=source.on_device,
        )
        if encoder.encodes != source.holds:
            raise UserError(
                f"encoder={type(encoder).__name__} encodes {encoder.encodes}, and {source.name} "
                f"holds {source.holds}: choose another encoder."
            )
        self.source, self.encoder, self.device = source, encoder, device
        self.underlying = source
        self.reading = source.reading

    @property
    def recipe(self) -> Recipe:
        return self.source.recipe

    def read(self) -> Mapping[str, Classes]:
        return self.source.read()

    @property
    def pack(self) -> Pack:
        if self._pack is None:
            self._pack = FeaturePack(
                pack=self.source.pack,
                data=self.folder,
                name=self.name,
                turns=self._turns,
                encoder=self.encoder,
                device=self.device,
            )
        return self._pack

    def warn(self, pack: Pack) -> None:
        self.source.warn(self.source.pack)

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {"nearest centroid of features, by cosine": cosine_centroid}

    def own_task(self, table: Table) -> OwnTask:
        """A task of the columns `text` and `label`."""
        if self.encoder.encodes != "texts":
            return super().own_task(table)
        table.check_columns(["text", "label"])
        return class_task(table, self._features_of)

    def _features_of(self, rows: list[Row]) -> Tensor:
        return self.normalised(torch.from_numpy(encoded([row["text"] for row in rows])))

    def groups(self, split: str) -> np.ndarray | None:
        return self.source.groups(split)

    def tree(self, split: str) -> np.ndarray | None:
        return self.source.tree(split)

    def resident(self, device: torch.device) -> Resident:
        return ResidentFeatures(self.pack, device, self.rotations)

    def normalised(self, inputs: Tensor) -> Tensor:
        """Features as they are; the features of images that are not in the pack."""
        if inputs.dtype != torch.uint8:
            return inputs
        rows = inputs.flatten(0, -4)
        return self.encoder.encode(rows, self.device).unflatten(0, inputs.shape[:-3])

    def _look_up(self, split: str, places: Places) -> Tensor:
        features = self.pack.images(split)[places.rows.numpy(), places.turns.numpy()]
        return torch.from_numpy(features)

    def fingerprint(self, split: str) -> str:
        """That of the images: whoever learns from them has the same tasks."""
        return self.source.fingerprint(split)

    def seen_in_pretraining(self, split: str) -> list[str] | None:
        """Classes of a split that the encoder was trained on; None if that is not known."""
        return seen_classes(self.encoder.pretrained_on, self.class_names(split))


class ResidentFeatures(Resident):
    """Features that are stored on the learner's device."""

    def __call__(self, places: Places) -> Tensor:
        """The features `(tasks, n, width)`; arguments as of `Resident`."""
        return self.images[places.rows, places.turns]
