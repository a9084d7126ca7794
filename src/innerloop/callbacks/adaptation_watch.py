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
        name, logged = loss_of(module.algorithm.objective), trainer.callback_metrics
        if f"train/{name}_before" in logged:
            self.before, after = (
                float(logged[f"train/{name}_before"]),
                float(logged[f"train/{name}"]),
            )
            self._say(trainer, "training", self.before, after, module.algorithm.steps)

    def on_validation_end(self, trainer: lightning.Trainer, module: Any) -> None:
        after = module.validated.get(loss_of(module.algorithm.objective))
        if trainer.sanity_checking or after is None or not module.scored_step:
            return
        classes = module.algorithm.objective.classes(False)
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
    values, step = scores.get(loss_of(learner.algorithm.objective)), learner.scored_step
    if values is None or not step:
        return []
    before, after = (float(values[:, k].double().mean()) for k in (0, step))
    return [line("the test", before, after, step)] if is_worse(before, after) else []


def loss_of(objective: Objective) -> str:
    """The metric that the inner loop lowers: the headline one where it is an error."""
    return "loss" if objective.higher_is_better else objective.metric


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
