"""A Lightning callback for members of measured sweeps: records what ran where, causes failures."""

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from lightning.pytorch import Callback, LightningModule, Trainer

STEP = 10  #: the outer step at which failures happen


class Probe(Callback):
    """Records in `events.jsonl` when a member trains, on which GPU, and whether it shares the GPU.

    Arguments:
        sweep: the sweep's folder.
        raises: seeds whose members end with an error.
        killed: seeds whose members are killed outright.
        pause: seconds added to each outer step.
    """

    def __init__(
        self, sweep: str, raises: Sequence[int] = (), killed: Sequence[int] = (), pause: float = 0.0
    ) -> None:
        self.sweep, self.raises, self.killed, self.pause = Path(sweep), raises, killed, pause
        self.lock: FileLock | None = None

    def note(self, event: str, trainer: Trainer) -> None:
        line = {
            "event": event, "member": Path(trainer.default_root_dir).name, "pid": os.getpid(),
            "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"), "step": trainer.global_step,
            "time": time.time(),
        }  # fmt: skip
        with (self.sweep / "events.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.note("trains", trainer)
        self.lock = FileLock(self.sweep / f"gpu{os.environ.get('CUDA_VISIBLE_DEVICES')}.probe")
        try:
            self.lock.acquire(blocking=False)
        except Timeout:
            self.note("collision", trainer)

    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        time.sleep(self.pause)
        seed = trainer.datamodule.seed  # type: ignore[attr-defined]
        if trainer.global_step == STEP and seed in self.killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if trainer.global_step == STEP and seed in self.raises:
            raise RuntimeError("an accident at outer step 10")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.note("trained", trainer)
        if self.lock is not None:
            self.lock.release()
