"""Images that live where the learner runs: a batch is a list of places, looked up there."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from innerloop.data.packs.pack import Pack

SHARE = 0.25  #: of a GPU's free memory that a pack may take by itself


class Places(NamedTuple):
    """Which images, and how often each is turned by a quarter: `(tasks, n)` both."""

    rows: Tensor
    turns: Tensor


class Resident:
    """The images of all splits of a pack on one device.

    Arguments:
        rotations: whether places have turns.
    """

    def __init__(self, pack: Pack, device: torch.device, rotations: bool) -> None:
        self.rotations = rotations
        parts = [pack.images(split) for split in pack.splits]
        *starts, total = np.cumsum([0, *[len(part) for part in parts]]).tolist()
        self.starts = dict(zip(pack.splits, starts, strict=True))
        self.images = torch.empty((total, *parts[0].shape[1:]), dtype=torch.uint8, device=device)
        for start, part in zip(starts, parts, strict=True):
            self.images[start : start + len(part)] = torch.from_numpy(np.array(part))

    def places(self, split: str, places: Places) -> Places:
        """The same places, counted over all splits."""
        return Places(places.rows + self.starts[split], places.turns)

    def __call__(self, places: Places) -> Tensor:
        """The images `(tasks, n, C, H, W)`, as `innerloop.data.images` reads them from memory."""
        found = self.images[places.rows]
        turns = places.turns[..., None, None, None]
        for turn in (1, 2, 3) if self.rotations else ():  # picking the turned would wait
            found = torch.where(turns == turn, found.rot90(turn, (2, 3)), found)
        return found.movedim(-1, -3)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"images": None}  # a data worker names places and looks nothing up


def fits(pack: Pack, device: torch.device) -> bool:
    """Whether the pack is small beside the free memory of a GPU."""
    if device.type != "cuda":
        return False
    size = sum(pack.images(split).nbytes for split in pack.splits)
    return size < SHARE * torch.cuda.mem_get_info(device)[0]
