"""Times of ways to compute a step, cached for a machine, a learner, its shapes and the versions."""

import hashlib
import json
from pathlib import Path

import torch
from torch.utils._pytree import tree_leaves

from innerloop.adaptation.checkpointing import Checkpoint
from innerloop.algorithms.algorithm import Algorithm
from innerloop.machine.files import cache_folder, write_whole
from innerloop.machine.processor import processor
from innerloop.tasks import Task

Times = dict[str, float]  #: seconds of a step by way


class Timings:
    """The times that were measured earlier in the same circumstances.

    Arguments:
        algorithm, tasks: what a step consists of.
        checkpoint: whether inner steps are computed again.
        capture: whether steps are replayed as CUDA graphs.
    """

    def __init__(
        self, algorithm: Algorithm, tasks: Task, checkpoint: Checkpoint, capture: bool = False
    ) -> None:
        name = _circumstances(algorithm, tasks, checkpoint, capture)
        self._file = cache_folder() / "engines" / f"{name}.json"
        self.times: Times = _read(self._file)

    def keep(self, times: Times) -> None:
        """Adds times, and stores them where the cache can be written."""
        self.times |= times
        try:
            write_whole(self._file, json.dumps(self.times))
        except OSError:  # a read-only home: measured again next time
            return


def _circumstances(algorithm: Algorithm, tasks: Task, checkpoint: Checkpoint, capture: bool) -> str:
    """A short hash of all that the time of a step depends on."""
    device = tree_leaves(tasks)[0].device
    machine = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    circumstances = [
        machine, capture, torch.get_num_threads(), torch.__version__, repr(algorithm),
        algorithm.steps, getattr(algorithm, "first_order", None), checkpoint,
        torch.is_autocast_enabled(device.type),
        [(tuple(x.shape), str(x.dtype)) for x in tree_leaves(tasks)],
    ]  # fmt: skip
    return hashlib.sha256(repr(circumstances).encode()).hexdigest()[:16]


def _read(file: Path) -> Times:
    try:
        return {str(way): float(time) for way, time in json.loads(file.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
