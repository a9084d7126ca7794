"""Logs what goes on inside the learner, where that takes passes of its own: validation and test."""

from typing import Any

import lightning
import torch
from torch import Tensor

from innerloop.errors import UserError
from innerloop.inspection import diagnostics
from innerloop.outer.meta_learner import MetaLearner
from innerloop.startup.warning import warn


class InsideLog(lightning.Callback):
    """Measures the first tasks of the two fixed lists, see `innerloop.inspection.diagnostics`.

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

    def on_validation_epoch_end(self, trainer: lightning.Trainer, module: Any) -> None:
        if not self.validation_tasks or not trainer.is_global_zero or trainer.sanity_checking:
            return
        try:
            data = trainer.datamodule  # type: ignore[attr-defined]
            found = _measure(module, data, "val", self.validation_tasks, module.reached())
        except Exception as error:
            warn("diagnostics of validation", error, "the training continues without them.")
            self.validation_tasks = 0
            return
        module.log_dict(_shown("val", found), rank_zero_only=True)

    def after_test(
        self, trainer: lightning.Trainer, module: MetaLearner, data: Any
    ) -> dict[str, Any]:
        """Measures the first test tasks, logs that, and returns it; nothing if switched off."""
        if not self.test_tasks:
            return {}
        progress = module.progress(module.loaded["step"])
        found = _measure(module, data, "test", self.test_tasks, progress)
        for logger in trainer.loggers:
            logger.log_metrics(_shown("test", found), trainer.global_step)
            logger.save()
        return found


def after_test(trainer: lightning.Trainer, module: MetaLearner, data: Any) -> dict[str, Any]:
    """What goes on inside a learner that was tested; empty where nobody looks.

    Arguments:
        data: the `TaskData` of the test.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    looks = next((c for c in callbacks if isinstance(c, InsideLog)), None)
    return {} if looks is None else looks.after_test(trainer, module, data)


def _measure(
    module: MetaLearner, data: Any, split: str, count: int, progress: Tensor
) -> dict[str, Any]:
    with torch.inference_mode(False):  # what is drawn within that mode has no gradient
        raw = module.transfer_batch_to_device(data.first(split, count), module.device, 0)
        tasks = data.on_after_batch_transfer(raw, 0)
        return diagnostics.measure(module.algorithm, tasks, module.scored_step, progress)


def _shown(split: str, found: dict[str, Any]) -> dict[str, float]:
    return {f"inside/{split}/{name}": entry["mean"] for name, entry in found.items()}
