"""The figures that every run saves."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.sketch import Sketch
from innerloop.evaluation.measured import TestScores
from innerloop.inspection.diagnostics import Entries
from innerloop.machine.files import whole_file
from innerloop.reporting.drawing import embedding, style
from innerloop.reporting.drawing.episode import episode, size
from innerloop.reporting.drawing.sketch import drawn
from innerloop.reporting.panels import Panel, Panels
from innerloop.tasks import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Figures:
    """Draws the results of a test.

    Arguments:
        algorithm: the tested learner, in evaluation mode.
        tasks: a few test tasks.
        scores: of the whole test.
        scored_step: inner step of the headline number.
        progress: how far the training was, a scalar in 0..1.
        span: least and largest x, for one-dimensional regression.
        entries: the measurements of `innerloop.inspection.diagnostics`; None without them.
        sketch: from the answers to the first task's queries, to what the data set shows of it.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        tasks: Task,
        scores: TestScores,
        scored_step: int,
        progress: Tensor,
        span: Sequence[float] | None = None,
        entries: Entries | None = None,
        sketch: Callable[[Tensor], Sketch | None] = lambda outputs: None,
    ) -> None:
        self.sketch = sketch
        self.panels = Panels(
            algorithm=algorithm,
            tasks=tasks,
            scores=scores,
            scored_step=scored_step,
            progress=progress,
            span=span,
            entries=entries or {},
        )
        self.kinds: dict[str, Callable[[], Figure | None]] = {
            "adaptation": self.adaptation,
            "figures/curves": self.curves,
            "figures/fits": self.fits,
            "figures/episode": self.episode,
            "figures/task": self.task,
            "figures/embedding": self.embedding,
            "figures/tasks": self.histogram,
            "figures/inside": self.inside,
        }

    def save(self, name: str, folder: Path) -> Path | None:
        """Writes one of `kinds`; None if the data or the learner do not allow it.

        `adaptation.png`, the one to look at first, is in the folder itself, the others in
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

    def adaptation(self) -> "Figure | None":
        """Two fitted functions, or the spread over tasks and a support; the curve over steps."""
        panels = self.panels.fits(2) or [self.panels.histogram()]
        if self.panels.images:
            panels.append(self.panels.support())
        return _row(panels + self.panels.curves([self.panels.metric.name]))

    def curves(self) -> "Figure | None":
        """Every metric over the inner steps."""
        return _row(self.panels.curves([m for m in self.panels.scores.curve if m != "loss"]))

    def fits(self) -> "Figure | None":
        """Functions fitted to the shots of several tasks."""
        return _row(self.panels.fits(4))

    def histogram(self) -> "Figure | None":
        """The tasks' scores before and after adapting."""
        return _row([self.panels.histogram()])

    def episode(self) -> "Figure | None":
        """The images of one task, with the predicted class of each query."""
        if not self.panels.images:
            return None
        _, path = self.panels.followed()
        outputs, raw = path[-1][1], task_tools.plain(self.panels.task(0))
        figure, (axis,) = style.canvas(1, *size(raw.support, raw.query))
        episode(axis, raw.support, raw.query, outputs)
        return figure

    def task(self) -> "Figure | None":
        """One task as its data set sketches it."""
        _, path = self.panels.followed()
        sketch = self.sketch(path[-1][1])
        return None if sketch is None else drawn(sketch)

    def embedding(self) -> "Figure | None":
        """The features of one task before and after adapting."""
        if not self.panels.classes:
            return None
        algorithm, last = self.panels.algorithm, self.panels.scored_step
        task, path = self.panels.followed()
        ends = {0: path[0][0], last: path[-1][0]} if last else {0: path[0][0]}
        titles = [f"features {style.steps(s)}" if last else "features" for s in ends]
        of_ends = [embedding.features_of(algorithm, task, adapted) for adapted in ends.values()]
        features = [own for own in of_ends if own is not None]
        if len(features) < len(of_ends):
            return None
        figure, axes = style.canvas(len(features), 4.6, 4.0)
        embedding.embedding(axes, titles, features, task)
        return figure

    def inside(self) -> "Figure | None":
        """Losses by step, and how much each layer changed."""
        return _row(self.panels.inside(), 4.6)


def _row(panels: list[Panel], width: float = 3.7) -> "Figure | None":
    """A figure with these panels next to each other; None if there are none."""
    if not panels:
        return None
    figure, axes = style.canvas(len(panels), width)
    for axis, draw in zip(axes, panels, strict=True):
        draw(axis)
    return figure
