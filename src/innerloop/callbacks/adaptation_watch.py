"""Notices that the inner loop makes the loss much worse, in training, validation and test."""

import math
from collections.abc import Mapping
from typing import Any

import lightning
from torch import Tensor

from innerloop.objectives import Objective
from innerloop.outer.meta_learner import MetaLearner

WORSE = 3.0  #: times the loss before the inner loop: a larger one after it is no chance
ELSEWHERE = 10.0  #: the same where the loss before it is that of other tasks


class AdaptationWatch(lightning.Callback):
    """Looks at numbers that are logged anyway, and says so once for training and validation."""

    def __init__(self) -> None:
        self.told: set[str] = set()
        self.before: float | None = None  #: the loss of the last logged training tasks, unadapted

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % module.log_every:
            return
        logged = trainer.callback_metrics
        name = loss_of(module.algorithm.objective, "train/loss" in logged)
        if f"train/{name}_before" in logged:
            self.before, after = (
                float(logged[f"train/{name}_before"]),
                float(logged[f"train/{name}"]),
            )
            self._say(trainer, "training", self.before, after, module.algorithm.steps)

    def on_validation_end(self, trainer: lightning.Trainer, module: Any) -> None:
        objective, validated = module.algorithm.objective, module.validated
        after = validated.get(loss_of(objective, "loss" in validated))
        if trainer.sanity_checking or after is None or not module.scored_step:
            return
        classes = objective.classes(False) if objective.answers == "classes" else None
        known = [self.before, math.log(classes) if classes else None]  # the latter: knowing nothing
        before = max((loss for loss in known if loss is not None), default=None)
        self._say(trainer, "validation", before, after, module.scored_step, ELSEWHERE)

    def _say(
        self,
        trainer: lightning.Trainer,
        where: str,
        before: float | None,
        after: float,
        steps: int,
        limit: float = WORSE,
    ) -> None:
        if where not in self.told and is_worse(before, after, limit):
            self.told.add(where)
            trainer.print(line(where, before, after, steps))


def of_test(learner: MetaLearner, scores: Mapping[str, Tensor]) -> list[str]:
    """The line for a test's scores `(tasks, steps + 1)` by metric; nothing if all is well."""
    name = loss_of(learner.algorithm.objective, "loss" in scores)
    values, step = scores.get(name), learner.scored_step
    if values is None or not step:
        return []
    before, after = (float(values[:, k].double().mean()) for k in (0, step))
    return [line("the test", before, after, step)] if is_worse(before, after) else []


def loss_of(objective: Objective, scored: bool) -> str:
    """The score that the inner loop lowers: the loss, or a headline metric that is an error.

    Arguments:
        scored: whether the loss is among the scores.
    """
    error = not objective.metric.higher_is_better
    return objective.metric.name if error and not scored else "loss"


def is_worse(before: float | None, after: float, limit: float = WORSE) -> bool:
    """Whether the loss grew by more than chance, or to what is no number."""
    if before is None:
        return not math.isfinite(after)
    return math.isfinite(before) and not after <= limit * before


def line(where: str, before: float | None, after: float, steps: int) -> str:
    """What to say of it, with the numbers and what to lower."""
    start = "" if before is None else f"{before:.4g} before and "
    return (
        f"Adapting makes the loss much worse in {where}: {start}{after:.4g} after {steps} inner "
        f"step{'s' * (steps != 1)}. Lower inner.rate, or inner.steps (in validation and test "
        "evaluation.scored_step)."
    )
