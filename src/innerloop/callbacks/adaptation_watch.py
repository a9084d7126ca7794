"""Warns when the inner loop makes the loss much worse, in training, validation or test."""

import math
from collections.abc import Mapping

import lightning
from torch import Tensor

from innerloop.callbacks.hooks import learner_of
from innerloop.machine.float64 import exact
from innerloop.objectives import Objective
from innerloop.outer.meta_learner import MetaLearner

WORSE = 3.0  #: times the loss before the inner loop that the loss after it may reach by chance
ELSEWHERE = 10.0  #: the same where the loss before it was measured on other tasks


class AdaptationWatch(lightning.Callback):
    """Watches the logged losses, and warns once for training and once for validation."""

    def __init__(self) -> None:
        self.warned: set[str] = set()  #: `training`, `validation`
        self.before: float | None = None  #: the last logged training loss before the inner loop

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: object
    ) -> None:
        learner, logged = learner_of(module), trainer.callback_metrics
        if trainer.global_step % learner.log_every:
            return
        name = loss_of(learner.algorithm.objective, "train/loss" in logged)
        if f"train/{name}_before" in logged:
            self.before, after = (float(logged[f"train/{name}{end}"]) for end in ("_before", ""))
            if is_worse(self.before, after):
                message = line("training", self.before, after, learner.algorithm.steps)
                self._warn(trainer, "training", message)

    def on_validation_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule
    ) -> None:
        learner = learner_of(module)
        objective, validated = learner.algorithm.objective, learner.validated
        after = validated.get(loss_of(objective, "loss" in validated))
        if trainer.sanity_checking or after is None or not learner.scored_step:
            return
        before = self._before_validation(objective)
        if is_worse(before, after, ELSEWHERE):
            message = line("validation", before, after, learner.scored_step)
            self._warn(trainer, "validation", message)

    def _before_validation(self, objective: Objective) -> float | None:
        """The larger of the last training loss before the inner loop and that of guessing."""
        classes = objective.classes(False) if objective.answers == "classes" else None
        losses = [self.before, math.log(classes) if classes else None]
        return max((loss for loss in losses if loss is not None), default=None)

    def _warn(self, trainer: lightning.Trainer, where: str, message: str) -> None:
        if where not in self.warned:
            self.warned.add(where)
            trainer.print(message)


def of_test(learner: MetaLearner, curve: Mapping[str, Tensor]) -> list[str]:
    """The warnings for a test.

    Arguments:
        curve: `(tasks, steps + 1)` by metric.
    """
    name = loss_of(learner.algorithm.objective, "loss" in curve)
    values, step = curve.get(name), learner.scored_step
    if values is None or not step:
        return []
    before, after = (float(exact(values[:, k]).mean()) for k in (0, step))
    return [line("the test", before, after, step)] if is_worse(before, after) else []


def loss_of(objective: Objective, scored: bool) -> str:
    """The score that the inner loop lowers: the loss, or a headline metric that is an error.

    Arguments:
        scored: whether the loss is among the scores.
    """
    error = not objective.metric.higher_is_better
    return objective.metric.name if error and not scored else "loss"


def is_worse(before: float | None, after: float, limit: float = WORSE) -> bool:
    """Whether the loss grew more than chance explains, or is no longer a finite number.

    Arguments:
        before: the loss before the inner loop; None if it is unknown.
        after: the loss after it.
        limit: times the loss before that are allowed.
    """
    if before is None:
        return not math.isfinite(after)
    return math.isfinite(before) and not after <= limit * before


def line(where: str, before: float | None, after: float, steps: int) -> str:
    """The warning, with the losses and the keys to lower."""
    start = "" if before is None else f"{before:.4g} before and "
    return (
        f"Adapting makes the loss much worse in {where}: {start}{after:.4g} after {steps} inner "
        f"step{'s' * (steps != 1)}. Lower inner.rate, or inner.steps (in validation and test "
        "evaluation.scored_step)."
    )
