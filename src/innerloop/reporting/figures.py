"""The figures that every run saves."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.sketch import Sketch
from innerloop.evaluation.answered import Answered
from innerloop.evaluation.measured import TestScores
from innerloop.inspection.diagnostics import Entries
from innerloop.reporting.drawing import embedding, mistakes, style
from innerloop.reporting.drawing.episode import episode, size
from innerloop.reporting.drawing.learning import learning
from innerloop.reporting.drawing.sketch import drawn
from innerloop.reporting.learning_log import Learning
from innerloop.reporting.panels import Panel, Panels
from innerloop.tasks import Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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
        names: of the first task's classes, by label; None if they have none.
        learning: the learning curve; None without a training.
        answered: answers to the queries of more test tasks; None without classes.
        pooled: `calibration` and `per_class` of the whole test; may be empty.
        sketch: from the answers to the first task's queries, to what the data set shows of it.
        title: a sentence above each figure, which says what was found; may be empty.
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
        names: Sequence[str] | None = None,
        learning: Learning | None = None,
        answered: Answered | None = None,
        pooled: Mapping[str, Any] | None = None,
        sketch: Callable[[Tensor], Sketch | None] = lambda outputs: None,
        title: str = "",
    ) -> None:
        self.sketch, self.title = sketch, title
        self.learned, self.answered, self.pooled = learning, answered, pooled or {}
        self.panels = Panels(
            algorithm=algorithm,
            tasks=tasks,
            scores=scores,
            scored_step=scored_step,
            progress=progress,
            span=span,
            entries=entries or {},
            names=names,
        )
        self.kinds: dict[str, Callable[[], Figure | None]] = {
            "adaptation": self.adaptation,
            "figures/learning": self.learning,
            "figures/curves": self.curves,
            "figures/tasks": self.histogram,
            "figures/episode": self.episode,
            "figures/task": self.task,
            "figures/classes": self.classes,
            "figures/reliability": self.reliability,
            "figures/embedding": self.embedding,
            "figures/inside": self.inside,
        }

    def save(self, name: str, folder: Path) -> Path | None:
        """Writes one of `kinds` as PNG, PDF and SVG; None if data or learner do not allow it.

        `adaptation`, the one to look at first, is in the folder itself, the others in `figures/`.

        Returns:
            the PNG file.
        """
        with torch.no_grad(), style.printed():
            figure = self.kinds[name]()
            if figure is None:
                return None
            style.entitle(figure, self.title)
        return style.save(figure, folder / name)

    def adaptation(self) -> "Figure | None":
        """Fitted functions or the spread of tasks; the headline metric over the inner steps."""
        return _row([*self._first_look(), *self.panels.curves([self.panels.metric.name])])

    def _first_look(self) -> list[Panel]:
        return self.panels.fits(2) or [self.panels.histogram()]

    def learning(self) -> "Figure | None":
        """Validation and training by outer step, with the paper's figure."""
        if self.learned is None or not any(self.learned.points.values()):
            return None
        return _row([partial(learning, curve=self.learned, metric=self.panels.metric)])

    def curves(self) -> "Figure | None":
        """The metrics beside the headline over the inner steps."""
        others = [m for m in self.panels.scores.curve if m not in ("loss", self.panels.metric.name)]
        return _row(self.panels.curves(others))

    def histogram(self) -> "Figure | None":
        """The tasks' scores before and after adapting, unless `adaptation` shows them."""
        return _row([self.panels.histogram()]) if self.panels.fits(1) else None

    def classes(self) -> "Figure | None":
        """Accuracy by class, and which classes are confused."""
        per_class = self.pooled.get("per_class")
        if not per_class:
            return None
        accuracy = {name: entry["accuracy"] for name, entry in per_class.items()}
        panels = [partial(mistakes.by_class, per_class=per_class)]
        if self.answered is not None:
            shown = self.answered
            panels.append(partial(mistakes.confusion, answered=shown, accuracy=accuracy))
        return _row(panels, 0.9 + 0.16 * min(len(accuracy), mistakes.MOST))

    def reliability(self) -> "Figure | None":
        """How often answers are right, by confidence."""
        if self.answered is None:
            return None
        error = self.pooled.get("calibration", {}).get("error")
        return _row([partial(mistakes.reliability, answered=self.answered, error=error)])

    def episode(self) -> "Figure | None":
        """The images of one task, with the predicted class of each query."""
        if not self.panels.images:
            return None
        _, path = self.panels.followed()
        outputs, raw = path[-1][1], task_tools.plain(self.panels.task(0))
        figure, (axis,) = style.canvas(1, *size(raw.support, raw.query))
        episode(axis, raw.support, raw.query, outputs, self.panels.names)
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
        figure, axes = style.canvas(len(features), style.WIDE, 2.8)
        embedding.embedding(axes, titles, features, task, self.panels.names)
        return figure

    def inside(self) -> "Figure | None":
        """Losses by step, and how much each layer changed."""
        return _row(self.panels.inside())


def _row(panels: Sequence[Panel], height: float | None = None) -> "Figure | None":
    """A figure with these panels next to each other; None if there are none.

    Arguments:
        height: in inches; None for the usual one.
    """
    if not panels:
        return None
    figure, axes = style.canvas(len(panels), height=height)
    for axis, draw in zip(axes, panels, strict=True):
        draw(axis)
    shared = next((a.get_legend_handles_labels() for a in axes if _shares_legend(a)), None)
    if shared is not None:
        figure.legend(*shared, loc="outside lower center", ncols=len(shared[1]))
    return figure


def _shares_legend(axis: "Axes") -> bool:
    """Whether a panel leaves its legend to the figure."""
    return axis.get_legend() is None and len(axis.get_legend_handles_labels()[1]) > 1
