"""The figures that every run saves."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.machine.files import whole_file
from innerloop.objectives import Metric
from innerloop.reporting.drawing import embedding, style
from innerloop.reporting.drawing.curve import curve
from innerloop.reporting.drawing.episode import episode, size, support
from innerloop.reporting.drawing.fit import fit
from innerloop.reporting.drawing.layers import layers, losses
from innerloop.reporting.drawing.spread import spread
from innerloop.tasks import Padded, Task

Panel = Callable[[Any], None]


class Figures:
    """Draws what a test found.

    Arguments:
        algorithm: the tested learner, in evaluation mode.
        tasks: a few test tasks.
        scores: `(tasks, steps + 1)` by metric, of the whole test.
        scored_step: inner step of the headline number.
        progress: how far the training was, in 0..1.
        span: range of x, for one-dimensional regression.
        found: what `innerloop.inspection.diagnostics` measured, or nothing.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        tasks: Task,
        scores: dict[str, Tensor],
        scored_step: int,
        progress: Tensor,
        span: Any = None,
        found: dict[str, Any] | None = None,
    ) -> None:
        self.algorithm, self.tasks, self.scores = algorithm, tasks, scores
        self.scored_step, self.progress = scored_step, progress
        self.span, self.found = span, found or {}
        self.metric = algorithm.objective.metric

        self.kinds: dict[str, Callable[[], Any]] = {
            "adaptation": self.adaptation, "figures/curves": self.curves,
            "figures/fits": self.fits, "figures/episode": self.episode,
            "figures/embedding": self.embedding, "figures/tasks": self.histogram,
            "figures/inside": self.inside,
        }  # fmt: skip

    def save(self, name: str, folder: Path) -> Path | None:
        """Writes one of `kinds`; None if the data or the learner do not allow it.

        `adaptation.png`, the one to look at first, lies in the folder itself, the others in
        `figures/`.
        """
        with torch.no_grad():
            figure = self.kinds[name]()
        if figure is None:
            return None
        path = folder / f"{name}.png"
        with whole_file(path) as file:
            figure.savefig(file, format="png", dpi=110)
        return path

    def adaptation(self) -> Any:
        """Two fitted functions, or the spread over tasks and a support; the curve over steps."""
        panels = self._fits(2) or [self._histogram()]
        if self._images:
            panels.append(partial(support, examples=task_tools.plain(self._task(0)).support))
        return _row(panels + self._curves([self.metric.name]))

    def curves(self) -> Any:
        """Every metric over the inner steps."""
        return _row(self._curves([m for m in self.scores if m != "loss"]))

    def fits(self) -> Any:
        """Functions fitted to the shots of several tasks."""
        return _row(self._fits(4))

    def histogram(self) -> Any:
        """The tasks' scores before and after."""
        return _row([self._histogram()])

    def episode(self) -> Any:
        """The images of one task, with what each query was taken for."""
        if not self._images:
            return None
        _, path = self._followed()
        outputs, raw = path[-1][1], task_tools.plain(self._task(0))
        figure, (axis,) = style.canvas(1, *size(raw.support, raw.query))
        episode(axis, raw.support, raw.query, outputs)
        return figure

    def embedding(self) -> Any:
        """The features of one task before and after adaptation."""
        if not self._classes:
            return None
        task, path = self._followed()
        first, last = path[0][0], path[-1][0]
        ends = [(0, first), (self.scored_step, last)] if self.scored_step else [(0, first)]
        found = [embedding.features_of(self.algorithm, task, adapted) for _, adapted in ends]
        if any(f is None for f in found):
            return None
        figure, axes = style.canvas(len(found), 4.6, 4.0)
        words = [f"features {style.steps(s)}" if len(ends) > 1 else "features" for s, _ in ends]
        embedding.embedding(axes, words, [f for f in found if f is not None], task)
        return figure

    def inside(self) -> Any:
        """Losses by step, and how much each layer changed."""
        if not any(name.startswith("cka/") for name in self.found):
            return None
        unit = self.algorithm.objective.loss_unit
        cka = "similarity of its answers before and after (linear CKA)"
        return _row([
            partial(losses, found=self.found, unit=unit),
            partial(layers, found=self.found, what="cka", label=cka),
            partial(layers, found=self.found, what="update", label="moved, relative to norm"),
        ], 4.6)  # fmt: skip

    @property
    def _classes(self) -> bool:
        return self.algorithm.objective.answers == "classes"

    @property
    def _images(self) -> bool:
        leaf = tree_leaves(self.tasks.support.inputs)[0]  # tasks, examples, channels, height, width
        return leaf.dim() == 5 and self._classes

    def _task(self, index: int) -> Task:
        return task_tools.trimmed(task_tools.only(task_tools.part(self.tasks, index, index + 1)))

    def _followed(self) -> tuple[Task, list[tuple[Any, Tensor]]]:
        """The first task as the learner sees it; what was adapted, and its answers, by step."""
        task = task_tools.only(self.algorithm.embed(task_tools.alone(self._task(0))))
        steps = self.scored_step
        path = self.algorithm.trajectory(task, steps, self.progress, at=(0, steps), embedded=True)
        return task, list(path)

    def _fits(self, most: int) -> list[Panel]:
        fits = self.algorithm.objective.answers == "targets" and self.algorithm.adapts_by_steps
        if self.span is None or not fits:
            return []
        shown = range(min(most, task_tools.count(self.tasks)))
        common = {
            "algorithm": self.algorithm, "span": self.span, "last": self.scored_step,
            "progress": self.progress,
        }  # fmt: skip
        return [partial(fit, task=task_tools.plain(self._task(i)), **common) for i in shown]

    def _histogram(self) -> Panel:
        scores = self.scores[self.metric.name]
        return partial(spread, metric=self.metric, scores=scores, scored_step=self.scored_step)

    def _curves(self, names: list[str]) -> list[Panel]:
        headline = self.metric.name
        if self.scores[headline].shape[1] == 1:
            return []
        alike = not isinstance(self.tasks.support.inputs, Padded)  # others have no common chance
        ways = self.algorithm.objective.classes(False) if self._classes and alike else None
        metrics = [self.metric if name == headline else Metric(name) for name in names]
        chance = {headline: 1 / ways} if ways else {}
        return [
            partial(curve, metric=m, scores=self.scores[m.name], chance=chance.get(m.name))
            for m in metrics
        ]


def _row(panels: list[Panel], width: float = 3.7) -> Any:
    """A figure with these panels side by side; None for none."""
    if not panels:
        return None
    figure, axes = style.canvas(len(panels), width)
    for axis, draw in zip(axes, panels, strict=True):
        draw(axis)
    return figure
