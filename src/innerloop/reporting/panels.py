"""The panels of a run's figures: each draws one aspect of its test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.evaluation.measured import TestScores
from innerloop.inspection.diagnostics import Entries
from innerloop.objectives import Metric
from innerloop.reporting.drawing.curve import curve
from innerloop.reporting.drawing.fit import fit
from innerloop.reporting.drawing.layers import layers, layers_of, losses
from innerloop.reporting.drawing.spread import spread
from innerloop.tasks import Padded, Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Panel = Callable[["Axes"], None]
QUANTITIES = {  #: of each layer; no layer has an `update` if all that move start at zero
    "cka": "CKA before/after",
    "update": r"$\Vert\Delta\theta\Vert/\Vert\theta\Vert$",
}


@dataclass(frozen=True)
class Panels:
    """A test and its panels; the arguments are those of `Figures`."""

    algorithm: Algorithm
    tasks: Task
    scores: TestScores
    scored_step: int
    progress: Tensor
    span: Sequence[float] | None
    entries: Entries
    names: Sequence[str] | None  #: of the first task's classes, by label

    @property
    def metric(self) -> Metric:
        """The headline metric."""
        return self.algorithm.objective.metric

    @property
    def classes(self) -> bool:
        """Whether the tasks have classes."""
        return self.algorithm.objective.answers == "classes"

    @property
    def images(self) -> bool:
        """Whether the tasks are images with classes."""
        leaf = tree_leaves(self.tasks.support.inputs)[0]  # tasks, examples, channels, height, width
        return leaf.dim() == 5 and self.classes

    def task(self, index: int) -> Task:
        """One of the tasks, without padding."""
        return task_tools.trimmed(task_tools.only(task_tools.part(self.tasks, index, index + 1)))

    def followed(self) -> tuple[Task, list[tuple[Adapted, Tensor]]]:
        """The first task, embedded, and `(adapted, outputs)` before and after adapting."""
        task = task_tools.only(self.algorithm.embed(task_tools.alone(self.task(0))))
        steps = self.scored_step
        path = self.algorithm.trajectory(task, steps, self.progress, at=(0, steps), embedded=True)
        return task, list(path)

    def fits(self, most: int) -> list[Panel]:
        """Functions fitted to the shots of at most so many tasks; none without a range of x."""
        fits = self.algorithm.objective.answers == "targets" and self.algorithm.adapts_by_steps
        if self.span is None or not fits:
            return []
        tasks = [self.task(i) for i in range(min(most, task_tools.count(self.tasks)))]
        return [
            partial(
                fit, algorithm=self.algorithm, task=task_tools.plain(task), span=self.span,
                last=self.scored_step, progress=self.progress,
            )
            for task in tasks
        ]  # fmt: skip

    def histogram(self) -> Panel:
        """The spread of the tasks' scores."""
        after, curve = (s[self.metric.name] for s in (self.scores.scored, self.scores.curve))
        before = curve[:, 0] if self.scored_step else None
        step = self.scored_step
        return partial(spread, metric=self.metric, after=after, before=before, scored_step=step)

    def curves(self, names: list[str]) -> list[Panel]:
        """Metrics over the inner steps; none for learners without steps."""
        headline = self.metric.name
        if self.scores.curve[headline].shape[1] == 1:
            return []
        equal = not isinstance(self.tasks.support.inputs, Padded)  # others have no common chance
        ways = self.algorithm.objective.classes(False) if self.classes and equal else None
        metrics = [self.metric if name == headline else Metric(name) for name in names]
        chance = {headline: 1 / ways} if ways else {}
        return [
            partial(curve, metric=m, scores=self.scores.curve[m.name], chance=chance.get(m.name))
            for m in metrics
        ]

    def inside(self) -> list[Panel]:
        """Losses by step, and how much each layer changed; none without measurements."""
        if not any(name.startswith("cka/") for name in self.entries):
            return []
        known = [what for what in QUANTITIES if any(n.startswith(f"{what}/") for n in self.entries)]
        names = layers_of(self.entries, known)
        by_layer = [
            partial(
                layers, entries=self.entries, what=what, label=QUANTITIES[what], names=names,
                named=what == known[0],
            )
            for what in known
        ]  # fmt: skip
        unit = self.algorithm.objective.loss_unit
        return [partial(losses, entries=self.entries, unit=unit), *by_layer]
