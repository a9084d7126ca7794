"""Stops a training when its loss is no longer finite, and names the outer step and its tasks."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import lightning
import torch
from torch import Tensor

from innerloop.callbacks import rerun
from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO
from innerloop.callbacks.hooks import learner_of
from innerloop.errors import UserError
from innerloop.outer.meta_learner import MetaLearner

BEFORE = "before_step_{}.ckpt"  #: the state before the outer step that fails


class DivergenceWatch(lightning.Callback):
    """Checks the sum of the losses once per interval, without synchronising in between.

    If the sum is not finite, the outer steps of the interval run again from the last good state,
    task by task, to find the step and the tasks. A diverged state is never written to a checkpoint;
    the state before the failing step is, for `src/replay.py`.

    Arguments:
        every: outer steps of an interval.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.total = torch.zeros(())  #: of the losses since the last good state
        self.good: rerun.State | None = None  #: the last good state; None before the training

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._remember(learner_of(module))

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Tensor | Mapping[str, Tensor] | None,
        *_: object,
    ) -> None:
        assert isinstance(outputs, Mapping)
        self.total = self.total + outputs["loss"]
        if trainer.global_step % self.every == 0:
            self._check(trainer, learner_of(module))

    def on_validation_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        if not trainer.sanity_checking:
            self._check(trainer, learner_of(module))

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: object
    ) -> None:
        self._check(trainer, learner_of(module))

    def on_train_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._check(trainer, learner_of(module))

    def _remember(self, learner: MetaLearner) -> None:
        self.total = torch.zeros((), device=learner.device)
        self.good = rerun.State.of(learner)

    def _check(self, trainer: lightning.Trainer, learner: MetaLearner) -> None:
        if self.good is None or self.good.step == learner.global_step:
            return
        finite = rerun.all_finite(self.total, *learner.parameters())
        if trainer.strategy.reduce_boolean_decision(finite):  # all processes decide alike
            self._remember(learner)
            return
        with torch.inference_mode(False), torch.enable_grad():  # validation may switch both
            failure = rerun.find(trainer, learner, self.good)
            hint = _keep(trainer, learner, failure.step) if failure.tasks else ""
            raise UserError(_message(failure) + hint)


def _message(failure: rerun.Failure) -> str:
    names = ", ".join(map(str, failure.tasks[:5])) + (", ..." if len(failure.tasks) > 5 else "")
    where = (
        f"in {len(failure.tasks)} of its {failure.total} tasks (training tasks {names})"
        if failure.tasks
        else "though every single task was finite when run again"
    )
    return (
        f"The loss or its gradient stopped being finite at outer step {failure.step}, {where}. A "
        "smaller inner.rate or outer.optimizer.lr, fewer inner.steps, or outer.clip=10 usually "
        "helps; the last good checkpoint was kept."
    )


def _keep(trainer: lightning.Trainer, learner: MetaLearner, step: int) -> str:
    """Writes the state before the failing step, which is still finite; says how to look at it."""
    record = learner.record()
    if not record:  # the run has no folder
        return ""
    folder = Path(record["config"]["paths"]["run"])
    if trainer.is_global_zero:
        content = {
            "state_dict": learner.state_dict(),
            "global_step": step,
            "innerloop": record | {"step": step, "validation": learner.validated},
        }
        AtomicCheckpointIO().save_checkpoint(content, folder / "checkpoints" / BEFORE.format(step))
    return f" To see the step: python src/replay.py {shlex.quote(str(folder))} task=train/{step}"
