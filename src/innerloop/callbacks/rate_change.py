"""Another learning rate of the outer loop for a training that resumes."""

from collections.abc import Iterator
from typing import Any

import lightning

from innerloop.outer.record import CheckpointDict


class RateChange(lightning.Callback):
    """Multiplies the rate that a checkpoint holds, before the optimizer reads it.

    A schedule keeps its form: all of its rates are multiplied.

    Arguments:
        old: `outer.optimizer.lr` of the checkpoint's run.
        new: that of the training that resumes it.
    """

    def __init__(self, old: float, new: float) -> None:
        self.old, self.new = old, new

    def on_load_checkpoint(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        checkpoint: CheckpointDict,
    ) -> None:
        for group in _groups(checkpoint):
            for name in ("lr", "initial_lr"):
                if name in group:
                    group[name] = self._changed(group[name])
        for schedule in checkpoint.get("lr_schedulers", []):
            for name in ("base_lrs", "_last_lr"):
                if name in schedule:
                    schedule[name] = [self._changed(rate) for rate in schedule[name]]

    def _changed(self, rate: float) -> float:
        return self.new if rate == self.old else rate * self.new / self.old


def _groups(checkpoint: CheckpointDict) -> Iterator[dict[str, Any]]:
    for state in checkpoint.get("optimizer_states", []):
        yield from state["param_groups"]
