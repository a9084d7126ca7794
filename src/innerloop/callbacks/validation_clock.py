"""Validates by the clock instead of by outer steps."""

import time
from typing import Any

import lightning
from lightning.pytorch.trainer.states import TrainerFn

from innerloop.callbacks.recovery import validates
from innerloop.outer.record import CheckpointDict

NEVER = 2**62  #: outer steps between two validations, where the clock decides


class ValidationClock(lightning.Callback):
    """Validates when the minutes since the last validation are over, and after the last outer step.

    Lightning's own interval in minutes looks at the clock of each process, so that two processes
    may disagree. Here they decide together. Time in which a run is stopped does not count.

    Arguments:
        minutes: between the end of a validation and the next.
        every: outer steps between two looks at the clock.
    """

    def __init__(self, minutes: float, every: int) -> None:
        self.minutes, self.every = minutes, every
        self.since = time.monotonic()  #: when the last validation ended, or the training began
        self.waited = 0.0  #: seconds since then, in the training that a run resumes
        self.pending = False  #: whether a resumed training has to repeat a validation

    def on_train_start(self, trainer: lightning.Trainer, *_: object) -> None:
        self.since = time.monotonic() - self.waited
        trainer.val_check_batch = 1 if self.pending else NEVER

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        """Sets the interval that Lightning reads next: 1 to validate after this outer step."""
        trainer.val_check_batch = 1 if self._is_due(trainer) else NEVER

    def on_validation_end(self, trainer: lightning.Trainer, *_: object) -> None:
        self.since = time.monotonic()

    def _is_due(self, trainer: lightning.Trainer) -> bool:
        if trainer.global_step >= trainer.max_steps:
            return True
        if trainer.global_step % self.every:
            return False
        late = time.monotonic() - self.since >= 60 * self.minutes
        return trainer.strategy.reduce_boolean_decision(late, all=False)

    def state_dict(self) -> dict[str, float]:
        return {"waited": time.monotonic() - self.since}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.waited = state_dict["waited"]

    def on_load_checkpoint(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        checkpoint: CheckpointDict,
    ) -> None:
        if trainer.state.fn == TrainerFn.FITTING:
            self.pending = validates(checkpoint)
