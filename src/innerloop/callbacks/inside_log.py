"""Logs diagnostics of the inner loop that need passes of their own, in validation and test."""

from collections.abc import Mapping

import lightning
import torch
from torch import Tensor

from innerloop.callbacks.hooks import Data, data_of, learner_of
from innerloop.errors import UserError
from innerloop.inspection import diagnostics
from innerloop.outer.meta_learner import MetaLearner
from innerloop.startup.warning import warn

Measures = dict[str, dict[str, float]]  #: `mean` and its interval, by name


class InsideLog(lightning.Callback):
    """Measures the first tasks of the two fixed lists, see `innerloop.inspection.diagnostics`.

    Only the first process measures: these are few tasks.

    Arguments:
        test_tasks, validation_tasks: the number of tasks of each list; 0 for none.
    """

    def __init__(self, test_tasks: int = 20, validation_tasks: int = 0) -> None:
        if min(test_tasks, validation_tasks) < 0:
            raise UserError(
                f"diagnostics.test_tasks={test_tasks}, diagnostics.validation_tasks="
                f"{validation_tasks}: give numbers of tasks, 0 for none."
            )
        self.test_tasks, self.validation_tasks = test_tasks, validation_tasks

    def on_validation_epoch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        if not self.validation_tasks or not trainer.is_global_zero or trainer.sanity_checking:
            return
        learner = learner_of(module)
        try:
            measures = _measure(
                learner=learner,
                data=data_of(trainer),
                split="val",
                count=self.validation_tasks,
                progress=learner.reached(),
            )
        except Exception as error:
            warn("diagnostics of validation", error, "the training continues without them.")
            self.validation_tasks = 0
            return
        module.log_dict(_means("val", measures), rank_zero_only=True)

    def after_test(self, trainer: lightning.Trainer, learner: MetaLearner, data: Data) -> Measures:
        """Measures the first test tasks, logs the means and returns all; empty if switched off."""
        if not self.test_tasks:
            return {}
        measures = _measure(
            learner=learner,
            data=data,
            split="test",
            count=self.test_tasks,
            progress=learner.progress(learner.loaded["step"]),
        )
        for logger in trainer.loggers:
            logger.log_metrics(_means("test", measures), trainer.global_step)
            logger.save()
        return measures


def after_test(trainer: lightning.Trainer, learner: MetaLearner, data: Data) -> Measures:
    """The diagnostics of a learner that was tested; empty without an `InsideLog`.

    Arguments:
        data: the `TaskData` of the test.
    """
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    log = next((c for c in callbacks if isinstance(c, InsideLog)), None)
    return {} if log is None else log.after_test(trainer, learner, data)


def _measure(
    learner: MetaLearner, data: Data, split: str, count: int, progress: Tensor
) -> Measures:
    with torch.inference_mode(False):  # tensors made in that mode cannot have gradients
        raw = learner.transfer_batch_to_device(data.first(split, count), learner.device, 0)
        tasks = data.on_after_batch_transfer(raw, 0)
        cores = learner.engine.cores(learner.algorithm, learner.device)
        return diagnostics.measure(
            learner.algorithm, tasks, learner.scored_step, progress, cores=cores
        )


def _means(split: str, measures: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {f"inside/{split}/{name}": entry["mean"] for name, entry in measures.items()}
