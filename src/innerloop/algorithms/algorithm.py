"""The contract of an algorithm: how one task is adapted to, and how its queries are answered."""

from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from innerloop.algorithms import promises
from innerloop.errors import UserError
from innerloop.layers import attention
from innerloop.layers.adopt import adopt
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Task, over_tasks

WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "adapt": promises.carries_support,
    "predict": promises.uses_support,
    "embed": promises.sees_no_query_labels,
    "weights": promises.without_support,
}


class Algorithm(nn.Module):
    """A learner: its parameters are what the outer loop improves.

    A subclass writes `adapt` and `predict`, both for ONE task and without touching `self`, so that
    many tasks can run at once; `embed` and `meta_loss` where it needs them. What
    `innerloop.algorithms.promises` says holds for all of them.

    Arguments:
        model: `body` (inputs to features) and `head`. Batch norm of PyTorch's own becomes
            `TaskNorm`, see `innerloop.layers.adopt`.
        objective: the data set's loss, metrics and classes.
        steps: inner steps of training.
    """

    adapts_by_steps: ClassVar[bool] = True  #: False for learners that adapt in one go
    uses_head: ClassVar[bool] = True  #: False for learners of features, which take it off
    needs_classes: ClassVar[bool] = False  #: whether regression is refused
    trains_on_batches: ClassVar[bool] = False  #: learns from plain batches, not from episodes
    relabelling_permutes: ClassVar[bool] = False  #: renaming classes permutes the outputs, no more
    shuffling_changes: ClassVar[bool] = False  #: whether the order of the support matters

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Wraps what a subclass defines in what `innerloop.algorithms.promises` promises."""
        super().__init_subclass__(**arguments)
        for name, wrap in WRAPPERS.items():
            owner = next((base for base in cls.__mro__ if name in vars(base)), Algorithm)
            if owner is cls or not issubclass(owner, Algorithm):  # a mixin's is wrapped as well
                setattr(cls, name, wrap(vars(owner)[name]))

    def __init__(self, model: nn.Module, objective: Objective, steps: int = 0) -> None:
        super().__init__()
        if steps < 0:
            raise UserError(f"inner.steps={steps} makes no sense: give 0 or more inner steps.")
        if self.needs_classes and objective.classes(training=True) is None:
            raise UserError(
                f"{type(self).__name__} compares classes, and this data set has real targets: "
                "choose algorithm=maml, anil, meta_sgd or reptile, or dataset=glyphs."
            )
        self.model, self.objective, self.steps = adopt(model), objective, steps
        if not self.uses_head:
            self.model.head = nn.Identity()  # no parameters that never get a gradient

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Any]:
        """Yields what was adapted after 0, 1, ... `steps` steps (once, if there are no steps).

        Arguments:
            support: `(n, ...)` examples of one task.
            progress: how far training is, a scalar in 0..1.
        """
        raise NotImplementedError

    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        """Outputs `(n, width)` for `n` inputs of the task that `adapted` came from."""
        raise NotImplementedError

    @promises.without_support
    def weights(self, adapted: Any) -> dict[str, Tensor]:
        """What was adapted by name, to be kept in a file: by default each tensor by its place."""
        leaves, _ = torch.utils._pytree.tree_flatten_with_path(adapted)
        named = [(torch.utils._pytree.keystr(path).lstrip("."), leaf) for path, leaf in leaves]
        return {name or "adapted": leaf for name, leaf in named if isinstance(leaf, Tensor)}

    def embed(self, tasks: Task) -> Task:
        """Features of all tasks of a batch, before `adapt` and `predict`: by default their inputs.

        The labels of queries are hidden from it.
        """
        return tasks

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        """What the outer loop minimises for one task: the query loss after the last inner step."""
        *_, adapted = self.adapt(task.support, self.steps, progress)
        return self.objective.loss(self.predict(adapted, task.query.inputs), task.query.targets)

    def learned_rates(self) -> dict[str, Tensor]:
        """Inner learning rates that the outer loop improves, by parameter; by default none."""
        return {}

    def forward(self, tasks: Task, progress: Tensor, side_by_side: bool = True) -> Tensor:
        """Mean of `meta_loss` over the tasks of a batch.

        Arguments:
            side_by_side: whether the tasks run at once, by `vmap`, or one after the other.
        """

        def loss(task: Task) -> Tensor:
            return self.meta_loss(task, progress)

        plain = self.second_order or (side_by_side and not self.embeds)
        with attention.differentiable_twice(plain):
            return over_tasks(loss, self.embed(tasks), side_by_side).mean()

    def scores(
        self,
        tasks: Task,
        steps: int,
        progress: Tensor,
        at: Collection[int] | None = None,
        side_by_side: bool = True,
    ) -> dict[str, Tensor]:
        """Metrics of each task's queries after 0, 1, ... `steps` steps, from one trajectory each.

        Arguments:
            at: the inner steps to score; None for all. Learners without steps ignore it.
            side_by_side: as in `forward`.

        Returns `(T, steps + 1)` per metric, or `(T, len(at))`; `(T, 1)` if there are no steps.
        What the objective scores by a vector has its dimension at the end.
        """
        scored = at if at is not None and self.adapts_by_steps else range(steps + 1)

        def score(task: Task) -> dict[str, Tensor]:
            path = enumerate(self.adapt(task.support, steps, progress))
            rows = [
                self.objective.scores(self.predict(adapted, task.query.inputs), task.query.targets)
                for step, adapted in path
                if step in scored
            ]
            return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

        return over_tasks(score, self.embed(tasks), side_by_side)

    @property
    def second_order(self) -> bool:
        """Whether the outer loop differentiates through inner gradients."""
        return self.adapts_by_steps and self.steps > 0

    @property
    def unrolls(self) -> bool:
        """Whether the outer loop differentiates through several inner steps."""
        return self.second_order and self.steps > 1

    @property
    def embeds(self) -> bool:
        """Whether the batch must be run as a whole, because `embed` looks across tasks."""
        return type(self).embed is not Algorithm.embed

    def call(self, module: nn.Module, parameters: dict[str, Tensor], inputs: Any) -> Tensor:
        """`module(inputs)` with these parameters in place of its own."""
        return functional_call(module, parameters, (inputs,))
