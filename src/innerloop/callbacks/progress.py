"""A progress bar that is redrawn once per interval, so that drawing does not slow small steps."""

from typing import Any

import lightning
from lightning.pytorch.callbacks import TQDMProgressBar


class Progress(TQDMProgressBar):
    """Outer steps done, the losses and metrics that matter, and tasks per second.

    Arguments:
        every: outer steps between two drawings.
    """

    def __init__(self, every: int) -> None:
        super().__init__(refresh_rate=every)

    @property
    def refresh_rate(self) -> int:
        training = self._trainer is None or self._trainer.training
        return self._refresh_rate if training else 1  # a batch of evaluation takes a while

    def on_train_epoch_start(self, trainer: lightning.Trainer, *_: Any) -> None:
        super().on_train_epoch_start(trainer)
        self.train_progress_bar.set_description("Meta-training")

    def get_metrics(self, trainer: lightning.Trainer, module: Any) -> dict[str, Any]:
        shown = super().get_metrics(trainer, module)
        shown.pop("v_num", None)
        short = {
            str(k).removeprefix("train/").replace("tasks_per_second", "tasks/s"): v
            for k, v in shown.items()
        }
        return {k: f"{v:.3g}" if isinstance(v, float) else v for k, v in short.items()}
