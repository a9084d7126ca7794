"""How far a run is: two lines at a terminal, redrawn by time; elsewhere a line now and then."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import lightning
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar
from rich.console import Console

from innerloop.callbacks.bar import Bar
from innerloop.callbacks.lines import Lines

SPEED = "train/tasks_per_second"


class Progress(ProgressBar):
    """Outer steps done, tasks per second and time left; scores before and after adaptation.

    Validation and test have bars of their own at a terminal, and are silent elsewhere.

    Arguments:
        every: outer steps between two lines where the output is no terminal.
        console: where it is drawn; None for the standard output.
    """

    def __init__(self, every: int, console: Console | None = None) -> None:
        super().__init__()
        console = console or Console()
        self._draws = console.is_terminal
        self._shown: Bar | Lines = Bar(console) if self._draws else Lines(every)

    def disable(self) -> None:
        """Shows nothing: Lightning asks for it in every process but the first."""
        self._draws, self._shown = False, Bar(Console(quiet=True, force_terminal=False))

    def on_train_start(self, trainer: lightning.Trainer, module: Any) -> None:
        self._shown.begin("Meta-training", module.steps, trainer.global_step)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        if self._shown.is_due(trainer.global_step):
            self._draw(trainer)

    def on_train_end(self, trainer: lightning.Trainer, module: Any) -> None:
        self._draw(trainer)
        self._shown.end()

    def on_validation_start(self, trainer: lightning.Trainer, module: Any) -> None:
        self._begin("Validation", trainer.num_val_batches)

    def on_test_start(self, trainer: lightning.Trainer, module: Any) -> None:
        self._begin("Test", trainer.num_test_batches)

    def on_validation_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self._advance(batch_idx + 1)

    def on_test_batch_end(
        self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        self._advance(batch_idx + 1)

    def on_validation_end(self, trainer: lightning.Trainer, module: Any) -> None:
        self._end(trainer.num_val_batches)

    def on_test_end(self, trainer: lightning.Trainer, module: Any) -> None:
        self._end(trainer.num_test_batches)

    def on_exception(self, *_: Any) -> None:
        self._shown.stop()

    def _draw(self, trainer: lightning.Trainer) -> None:
        metrics = trainer.progress_bar_metrics
        kept = [c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint)]
        words = "  ".join([*trained(metrics), *best(kept)])
        self._shown.draw(trainer.global_step, speed(metrics), words)

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


def trained(metrics: Mapping[str, Any]) -> Iterator[str]:
    """What training has logged, before and after adaptation: `mse 4.5 -> 0.12`."""
    for key, value in metrics.items():
        name = key.removeprefix("train/")
        if name == key or key == SPEED or key.endswith("_before"):
            continue
        before = metrics.get(f"{key}_before")
        yield f"{name} {value:.3g}" if before is None else f"{name} {before:.3g} -> {value:.3g}"


def best(kept: Sequence[ModelCheckpoint]) -> Iterator[str]:
    """The best validation so far, of the callback that keeps its checkpoint."""
    for callback in kept:
        if callback.best_model_score is not None:
            yield f"best {callback.monitor} {float(callback.best_model_score):.3g}"


def speed(metrics: Mapping[str, Any]) -> str:
    """Tasks per second in words; nothing while it is not known."""
    value = float(metrics.get(SPEED, "nan"))
    if value != value:
        return ""
    return f"{value:.0f} tasks/s" if value >= 100 else f"{value:.3g} tasks/s"
