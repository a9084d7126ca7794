"""Stops a training whose loss is no longer a number, and finds out where that began."""

import copy
import shlex
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO
from innerloop.errors import UserError
from innerloop.outer.meta_learner import MetaLearner
from innerloop.tasks import Task

BEFORE = "before_step_{}.ckpt"  #: the state from which an outer step fails


class DivergenceWatch(lightning.Callback):
    """Looks at the sum of losses once per interval, which costs no synchronisation in between.

    When it is not finite, the interval's steps are run again from the last good state, task by
    task, to name the step and the tasks. No checkpoint of a diverged state is ever written; the
    state before the step that fails is, for `src/replay.py`.

    Arguments:
        every: outer steps of an interval.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.total = torch.zeros(())  # of the losses since the last good state

    def on_train_start(self, trainer: lightning.Trainer, module: Any) -> None:
        self._remember(module)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.total = self.total + outputs["loss"]
        if trainer.global_step % self.every == 0:
            self._check(trainer, module)

    def on_validation_start(self, trainer: lightning.Trainer, module: Any) -> None:
        if not trainer.sanity_checking:
            self._check(trainer, module)

    def on_save_checkpoint(self, trainer: lightning.Trainer, module: Any, checkpoint: Any) -> None:
        self._check(trainer, module)

    def on_train_end(self, trainer: lightning.Trainer, module: Any) -> None:
        self._check(trainer, module)

    def _remember(self, module: MetaLearner) -> None:
        self.step, self.total = module.global_step, torch.zeros((), device=module.device)
        self.good = {k: v.detach().clone() for k, v in module.state_dict().items()}
        self.moving = copy.deepcopy([part.state_dict() for part in _moving(module)])

    def _check(self, trainer: lightning.Trainer, module: MetaLearner) -> None:
        if not hasattr(self, "good") or self.step == module.global_step:
            return
        fine = _finite(self.total, *module.parameters())
        if trainer.strategy.reduce_boolean_decision(fine):  # all processes decide alike
            self._remember(module)
        else:
            self._explain(trainer, module)

    def _explain(self, trainer: lightning.Trainer, module: MetaLearner) -> None:
        with torch.inference_mode(False), torch.enable_grad():  # a validation may be about to start
            raise UserError(self._found_by_running_again(trainer, module))

    def _found_by_running_again(self, trainer: lightning.Trainer, module: MetaLearner) -> str:
        reached = module.global_step
        module.load_state_dict(self.good)
        for part, state in zip(_moving(module), self.moving, strict=True):
            part.load_state_dict(copy.deepcopy(state))
        for step in range(self.step, reached):
            tasks = self._tasks(trainer, module, step)
            indices = trainer.datamodule.training_indices(step)  # type: ignore[attr-defined]
            bad = _of_all(trainer, [indices[i] for i in _diverging(module, tasks, step)])
            if bad:
                kept = _kept(trainer, module, step)
                return _message(step, bad, len(indices) * trainer.world_size) + kept
            module.outer_step(tasks, step)
        return _message(reached, [], 0)

    def _tasks(self, trainer: lightning.Trainer, module: MetaLearner, step: int) -> Task:
        data = trainer.datamodule  # type: ignore[attr-defined]
        return data.on_after_batch_transfer(
            module.transfer_batch_to_device(data.training_batch(step), module.device, 0), 0
        )


def _moving(module: MetaLearner) -> list[Any]:
    """The outer optimizer, and its schedule if there is one."""
    optimizer, schedule = module.optimizers().optimizer, module.lr_schedulers()  # type: ignore[union-attr]
    return [optimizer] if schedule is None else [optimizer, schedule]


def _diverging(module: MetaLearner, tasks: Task, step: int) -> list[int]:
    """Positions of the tasks whose loss or meta-gradient is not finite."""
    bad = []
    for i in range(task_tools.count(tasks)):
        loss, gradient = module.engine.meta_gradient(
            module.algorithm, task_tools.part(tasks, i, i + 1), module.progress(step)
        )
        if not _finite(loss, *gradient.values()):
            bad.append(i)
    return bad


def _of_all(trainer: lightning.Trainer, own: list[int]) -> list[int]:
    """The numbers that any process has."""
    if trainer.world_size == 1:
        return own
    shares: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(shares, own)
    return sorted(number for share in shares for number in share)


def _message(step: int, bad: list[int], tasks: int) -> str:
    names = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
    who = (
        f"in {len(bad)} of its {tasks} tasks (training tasks {names})"
        if bad
        else "though every task by itself was finite when run again"
    )
    return (
        f"The loss or its gradient stopped being finite at outer step {step}, {who}. A smaller "
        "inner.rate or outer.optimizer.lr, fewer inner.steps, or outer.clip=10 usually helps; "
        "the last good checkpoint was kept."
    )


def _kept(trainer: lightning.Trainer, module: MetaLearner, step: int) -> str:
    """Keeps the state from which the step fails, which is still finite; says how to look at it."""
    record = module.record()
    if not record:  # no run's folder is known
        return ""
    folder = Path(record["config"]["paths"]["run"])
    if trainer.is_global_zero:
        content = {
            "state_dict": module.state_dict(),
            "global_step": step,
            "innerloop": record | {"step": step, "validation": module.validated},
        }
        AtomicCheckpointIO().save_checkpoint(content, folder / "checkpoints" / BEFORE.format(step))
    return f" To see the step: python src/replay.py {shlex.quote(str(folder))} task=train/{step}"


def _finite(*tensors: Tensor) -> bool:
    return bool(torch.stack([torch.isfinite(t.detach()).all() for t in tensors]).all())
