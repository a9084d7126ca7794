"""The progress of a run: two lines at a terminal, elsewhere a line at fixed intervals."""

import math
from collections.abc import Iterator, Mapping, Sequence

import lightning
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar
from rich.console import Console

from innerloop.callbacks.bar import Bar
from innerloop.callbacks.hooks import learner_of
from innerloop.callbacks.lines import Lines

SPEED = "train/tasks_per_second"


class Progress(ProgressBar):
    """Outer steps done, tasks per second and time left; scores before and after adaptation.

    Validation and test have bars of their own at a terminal, and no lines elsewhere.

    Arguments:
        every: outer steps between two lines where the output is not a terminal.
        console: where the progress is shown; None for the standard output.
    """

    def __init__(self, every: int, console: Console | None = None) -> None:
        super().__init__()
        console = console or Console()
        self._draws = console.is_terminal
        self._shown: Bar | Lines = Bar(console) if self._draws else Lines(every)

    def disable(self) -> None:
        """Shows nothing from now on; Lightning calls it in every process except the first."""
        self._draws, self._shown = False, Bar(Console(quiet=True, force_terminal=False))

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._shown.begin("Meta-training", learner_of(module).steps, trainer.global_step)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        if self._shown.is_due(trainer.global_step):
            self._draw(trainer)

    def on_train_end(self, trainer: lightning.Trainer, *_: object) -> None:
        self._draw(trainer)
        self._shown.end()

    def on_validation_start(self, trainer: lightning.Trainer, *_: object) -> None:
        self._begin("Validation", trainer.num_val_batches)

    def on_test_start(self, trainer: lightning.Trainer, *_: object) -> None:
        self._begin("Test", trainer.num_test_batches)

    def on_validation_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
        *_: object,
    ) -> None:
        self._advance(batch_idx + 1)

    def on_test_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
        *_: object,
    ) -> None:
        self._advance(batch_idx + 1)

    def on_validation_end(self, trainer: lightning.Trainer, *_: object) -> None:
        self._end(trainer.num_val_batches)

    def on_test_end(self, trainer: lightning.Trainer, *_: object) -> None:
        self._end(trainer.num_test_batches)

    def on_exception(self, *_: object) -> None:
        self._shown.stop()

    def _draw(self, trainer: lightning.Trainer) -> None:
        metrics = trainer.progress_bar_metrics
        checkpoints = [c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint)]
        numbers = "  ".join([*trained(metrics), *best(checkpoints)])
        self._shown.draw(trainer.global_step, speed(metrics), numbers)

    def _begin(self, what: str, batches: Sequence[int | float]) -> None:
        if self._draws:
            self._shown.begin(what, int(sum(batches)))

    def _advance(self, batches: int) -> None:
        if self._draws and self._shown.is_due(batches):
            self._shown.draw(batches)

    def _end(self, batches: Sequence[int | float]) -> None:
        if self._draws:
            self._shown.draw(int(sum(batches)))
            self._shown.end()


def trained(metrics: Mapping[str, float]) -> Iterator[str]:
    """The training metrics before and after adaptation: `mse 4.5 -> 0.12`."""
    for key, value in metrics.items():
        name = key.removeprefix("train/")
        if name == key or key == SPEED or key.endswith("_before"):
            continue
        before = metrics.get(f"{key}_before")
        yield f"{name} {value:.3g}" if before is None else f"{name} {before:.3g} -> {value:.3g}"


def best(checkpoints: Sequence[ModelCheckpoint]) -> Iterator[str]:
    """The best validation score so far, by the callbacks that keep its checkpoint."""
    for callback in checkpoints:
        if callback.best_model_score is not None:
            yield f"best {callback.monitor} {float(callback.best_model_score):.3g}"


def speed(metrics: Mapping[str, float]) -> str:
    """Tasks per second in words; empty while it is not known."""
    value = float(metrics.get(SPEED, math.nan))
    if value != value:
        return ""
    return f"{value:.0f} tasks/s" if value >= 100 else f"{value:.3g} tasks/s"
