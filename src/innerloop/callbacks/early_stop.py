"""Stops a training whose validation no longer improves."""

import sys

import lightning
from lightning.pytorch.callbacks import EarlyStopping


class EarlyStop(EarlyStopping):
    """Lightning's `EarlyStopping` on the metric that also chooses the checkpoint.

    Its count of validations is stored in checkpoints, so that a resumed run stops where an
    uninterrupted one would.

    Arguments:
        patience: validations in a row without a better score; None to never stop.
        monitor, mode: the metric, and whether higher (`max`) or lower (`min`) is better.
    """

    def __init__(self, patience: int | None, monitor: str, mode: str) -> None:
        most = sys.maxsize if patience is None else patience
        super().__init__(
            monitor=monitor,
            mode=mode,
            patience=most,
            check_finite=False,  # `DivergenceWatch` stops with advice
            check_on_train_epoch_end=False,
        )

    def on_validation_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        super().on_validation_end(trainer, pl_module)
        if self.wait_count >= self.patience and not self._should_skip_check(trainer):
            trainer.print(
                f"stopped at outer step {trainer.global_step}: {self.wait_count} validations "
                f"without a better {self.monitor} than {float(self.best_score):.4g}"
            )
