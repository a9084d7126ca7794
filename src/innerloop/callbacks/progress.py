"""The progress of a run: two lines at a terminal, elsewhere a line at fixed intervals."""

import math
from collections.abc import Iterator, Mapping, Sequence

import lightning
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar
from rich.console import Console

from innerloop.callbacks.hooks import learner_of
from innerloop.callbacks.lines import Lines
from innerloop.machine import work
from innerloop.machine.bar import Bar
from innerloop.objectives import Metric

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
        self._draws = (console or Console()).is_terminal
        bar = work.bar() if console is None else Bar(console)
        self._shown: Bar | Lines = bar if self._draws else Lines(every)
        self._best: float | None = None  #: validation score
        self._best_at: int | None = None  #: outer step; None if an earlier process reached it
        self._validated_at: int | None = None

    def disable(self) -> None:
        """Shows nothing from now on; Lightning calls it in every process except the first."""
        self._draws, self._shown = False, Bar(Console(quiet=True, force_terminal=False))

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._validated_at = None
        self._note_best(trainer)
        self._shown.begin("Meta-training", learner_of(module).steps, trainer.global_step)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: object
    ) -> None:
        if self._shown.is_due(trainer.global_step):
            self._draw(trainer, learner_of(module).algorithm.objective.metric)

    def on_train_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._draw(trainer, learner_of(module).algorithm.objective.metric)
        self._shown.end()

    def on_validation_start(self, trainer: lightning.Trainer, *_: object) -> None:
        self._note_best(trainer)
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
        self._validated_at = trainer.global_step
        self._end(trainer.num_val_batches)

    def on_test_end(self, trainer: lightning.Trainer, *_: object) -> None:
        self._end(trainer.num_test_batches)

    def on_exception(self, *_: object) -> None:
        self._shown.stop()

    def _draw(self, trainer: lightning.Trainer, metric: Metric) -> None:
        self._note_best(trainer)
        logged = trainer.progress_bar_metrics
        numbers = [*trained(logged, metric), *best(self._best, self._best_at, metric)]
        self._shown.draw(trainer.global_step, speed(logged), "  ".join(numbers))

    def _note_best(self, trainer: lightning.Trainer) -> None:
        """Lightning's callbacks for checkpoints come last: a new best score is seen afterwards."""
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.best_model_score is not None:
                score = float(callback.best_model_score)
                if score != self._best:
                    self._best, self._best_at = score, self._validated_at

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


def trained(metrics: Mapping[str, float], metric: Metric) -> Iterator[str]:
    """The training metrics before and after adaptation: `accuracy 21.3 -> 67.1 %`.

    Arguments:
        metrics: what was logged, by key.
        metric: the headline metric, which is shown in its unit.
    """
    for key, value in metrics.items():
        name = key.removeprefix("train/")
        if name == key or key == SPEED or key.endswith("_before"):
            continue
        scale, unit = _scale(metric) if name == metric.name else (1.0, "")
        before = metrics.get(f"{key}_before")
        start = "" if before is None else f"{scale * before:.3g} -> "
        yield f"{name} {start}{scale * value:.3g}{unit}"


def best(score: float | None, step: int | None, metric: Metric) -> Iterator[str]:
    """The best validation score so far and its outer step: `best validation 70.2 % at step 500`."""
    if score is not None:
        scale, unit = _scale(metric)
        where = "" if step is None else f" at step {step:,}"
        yield f"best validation {scale * score:.3g}{unit}{where}"


def _scale(metric: Metric) -> tuple[float, str]:
    return metric.scale, f" {metric.unit}" if metric.unit else ""


def speed(metrics: Mapping[str, float]) -> str:
    """Tasks per second in words; empty while it is not known."""
    value = float(metrics.get(SPEED, math.nan))
    if value != value:
        return ""
    return f"{value:,.0f} tasks/s" if value >= 100 else f"{value:.3g} tasks/s"
