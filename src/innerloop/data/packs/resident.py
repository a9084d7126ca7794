"""Images that are stored on the learner's device: a batch only says which images it takes."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from innerloop.data.packs.pack import Pack

SHARE = 0.25  #: the largest part of a GPU's free memory that `auto` gives to a pack


class Places(NamedTuple):
    """Which images a batch takes, and by how many quarter-turns each is turned.

    Arguments:
        rows: `(tasks, n)` rows of a pack's images.
        turns: `(tasks, n)` numbers of quarter-turns, 0 to 3.
    """

    rows: Tensor
    turns: Tensor


class Resident:
    """The images of all splits of a pack on one device.

    Arguments:
        pack: the images.
        device: where they are stored.
        rotations: whether some images are turned.
    """

    def __init__(self, pack: Pack, device: torch.device, rotations: bool) -> None:
        self.rotations = rotations
        parts = [pack.images(split) for split in pack.splits]
        *starts, total = np.cumsum([0, *[len(part) for part in parts]]).tolist()
        self.starts = dict(zip(pack.splits, starts, strict=True))
        kind = torch.from_numpy(np.array(parts[0][:1])).dtype
        self.images = torch.empty((total, *parts[0].shape[1:]), dtype=kind, device=device)
        for start, part in zip(starts, parts, strict=True):
            self.images[start : start + len(part)] = torch.from_numpy(np.array(part))

    def places(self, split: str, places: Places) -> Places:
        """The same places of a split, with rows that count the images of all splits."""
        return Places(places.rows + self.starts[split], places.turns)

    def __call__(self, places: Places) -> Tensor:
        """The images `(tasks, n, channels, height, width)`, as `innerloop.data.images` reads them.

        Arguments:
            places: rows count the images of all splits.
        """
        images = self.images[places.rows]
        turns = places.turns[..., None, None, None]
        for turn in (1, 2, 3) if self.rotations else ():
            # `where` on all images: selecting the turned ones would wait for the GPU.
            images = torch.where(turns == turn, images.rot90(turn, (2, 3)), images)
        return images.movedim(-1, -3)

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"images": None}  # data workers send places and look up no image


def fits(pack: Pack, device: torch.device) -> bool:
    """Whether the device is a GPU and the pack takes at most `SHARE` of its free memory."""
    if device.type != "cuda":
        return False
    size = sum(pack.images(split).nbytes for split in pack.splits)
    return size < SHARE * torch.cuda.mem_get_info(device)[0]
