"""The checkpoint from which a killed run resumes as if it had never stopped."""

import time
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.trainer.states import TrainerFn

from innerloop.callbacks import random_state
from innerloop.callbacks.csv_log import CSVLog
from innerloop.callbacks.kept import LAST
from innerloop.callbacks.loop_state import loops_after
from innerloop.callbacks.random_state import RandomState
from innerloop.errors import UserError
from innerloop.outer.record import CheckpointDict


def validates(checkpoint: CheckpointDict) -> bool:
    """Whether the checkpoint was written during a validation, which has to be repeated."""
    return bool(checkpoint.get("callbacks", {}).get(Recovery.__qualname__, {}).get("validating"))


class Recovery(Checkpoint):
    """Writes `last.ckpt` after every validation, and in between by steps and by minutes.

    Lightning keeps weights, optimizer, schedule, and the best score of the callbacks that stand
    before this one; here the states of the random number generators of all processes are added.
    Between validations it is written when an outer step begins, so that the log of the step before
    is complete.

    Arguments:
        folder: the folder of the checkpoints.
        steps: outer steps between two checkpoints; None for no limit.
        minutes: minutes between two checkpoints; None for no limit.
        keep: number of files that stay: `last.ckpt`, before it `last-1.ckpt`, and so on.
        every: outer steps between two looks at the clock.
    """

    def __init__(
        self, folder: str, steps: int | None, minutes: float | None, keep: int, every: int
    ) -> None:
        if keep < 1 or (steps is not None and steps < 1) or (minutes is not None and minutes < 0):
            raise UserError(
                f"callbacks.last: keep={keep} and steps={steps} are whole numbers from 1, "
                f"minutes={minutes} is 0 or more; null switches steps or minutes off."
            )
        self.file, self.keep, self.every = Path(folder) / LAST, keep, every
        self.steps, self.minutes = steps, minutes
        self.saved, self.when = 0, time.monotonic()  #: outer step and time of the last checkpoint
        self.validating = False  #: whether a validation is under way
        self.random: list[RandomState] = []  #: of each process, for a resumed run

    # --- writing

    def on_train_batch_start(self, trainer: lightning.Trainer, *_: object) -> None:
        step = trainer.global_step
        by_steps = self.steps is not None and step % self.steps == 0
        if by_steps or (step % self.every == 0 and self._late(trainer)):
            self.save(trainer)

    def on_validation_start(self, trainer: lightning.Trainer, *_: object) -> None:
        self.validating, self.random = True, random_state.of_all_processes()

    def on_validation_end(self, trainer: lightning.Trainer, *_: object) -> None:
        self.validating = False
        self.save(trainer)

    def save(self, trainer: lightning.Trainer) -> None:
        """Writes the state now, unless this step has been saved or no training is running.

        A validation that was cut short is repeated. Lightning would not repeat the one after the
        last step: nothing is saved there, and a run resumes from the checkpoint before.
        """
        step = trainer.global_step
        last = self.validating and step >= trainer.max_steps
        if trainer.state.fn != TrainerFn.FITTING or step == self.saved or last:
            return
        if not self.validating:
            self.random = random_state.of_all_processes()
        for log in trainer.loggers:
            if isinstance(log, CSVLog):
                log.sync()
        trainer.save_checkpoint(self.file, False, storage_options={"keep": self.keep})
        self.saved, self.when = step, time.monotonic()

    def _late(self, trainer: lightning.Trainer) -> bool:
        if self.minutes is None:
            return False
        late = time.monotonic() - self.when >= 60 * self.minutes
        return trainer.strategy.reduce_boolean_decision(late, all=False)  # clocks differ

    def state_dict(self) -> dict[str, object]:
        return {"random": self.random, "validating": self.validating}

    # --- resuming

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.random = state_dict["random"]

    def on_load_checkpoint(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        checkpoint: CheckpointDict,
    ) -> None:
        if trainer.state.fn == TrainerFn.FITTING and self.state_key in checkpoint["callbacks"]:
            step, every = checkpoint["global_step"], int(trainer.val_check_interval)
            loops = loops_after(checkpoint["loops"]["fit_loop"], step, every, validates(checkpoint))
            checkpoint["loops"]["fit_loop"] = loops
            self.saved = 0 if validates(checkpoint) else step

    def on_fit_start(self, trainer: lightning.Trainer, *_: object) -> None:
        if len(self.random) == trainer.world_size:  # if the number of processes is the same
            random_state.restore(self.random[trainer.global_rank])
