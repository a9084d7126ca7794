"""Logs what goes on inside the learner, where that takes passes of its own: validation and test."""

from typing import Any

import lightning
import torch

from innerloop.algorithms import inside
from innerloop.algorithms.meta_learner import MetaLearner
from innerloop.errors import UserError


class InsideLog(lightning.Callback):
    """Measures the first tasks of the two fixed lists, see `innerloop.algorithms.inside`.

    The first process does it alone: it is a handful of tasks.

    Arguments:
        test_tasks, validation_tasks: how many of each; 0 for none.
    """

    def __init__(self, test_tasks: int = 20, validation_tasks: int = 0) -> None:
        if min(test_tasks, validation_tasks) < 0:
            raise UserError(
                f"diagnostics.test_tasks={test_tasks}, diagnostics.validation_tasks="
                f"{validation_tasks}: give numbers of tasks, 0 for none."
            )
        self.test_tasks, self.validation_tasks = test_tasks, validation_tasks
        self.found: dict[str, Any] = {}  #: by the last test

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: Any) -> None:
        if self.validation_tasks and trainer.is_global_zero and not trainer.sanity_checking:
            self._measure(trainer, module, "val", self.validation_tasks)

    def on_test_epoch_end(self, trainer: lightning.Trainer, module: Any) -> None:
        self.found = {}
        if self.test_tasks and trainer.is_global_zero:
            self.found = self._measure(trainer, module, "test", self.test_tasks)

    def _measure(
        self, trainer: lightning.Trainer, module: MetaLearner, split: str, count: int
    ) -> dict[str, Any]:
        data = trainer.datamodule  # type: ignore[attr-defined]
        with torch.inference_mode(False):  # what is drawn within that mode has no gradient
            raw = module.transfer_batch_to_device(data.first(split, count), module.device, 0)
            tasks = data.on_after_batch_transfer(raw, 0)
            found = inside.measure(module.algorithm, tasks, module.scored_step, module.reached())
        shown = {f"inside/{split}/{name}": entry["mean"] for name, entry in found.items()}
        module.log_dict(shown, rank_zero_only=True)
        return found


def found_by(trainer: lightning.Trainer) -> dict[str, Any]:
    """What the last test found inside; empty where nobody looked."""
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    return next((c.found for c in callbacks if isinstance(c, InsideLog)), {})
