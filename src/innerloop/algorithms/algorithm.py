"""The contract of an algorithm: how one task is adapted to, and how its queries are answered."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from innerloop import tasks as task_tools
from innerloop.adaptation import pieces
from innerloop.algorithms import promises
from innerloop.errors import UserError
from innerloop.layers import attention, layout, norm
from innerloop.layers.adopt import adopt
from innerloop.objectives import Objective, Tasks
from innerloop.tasks import Examples, Inputs, Task, over_tasks

Adapted = Any  #: what an algorithm adapts to a task, in whatever form it likes
WRAPPERS: dict[str, Callable[..., Callable[..., object]]] = {
    "adapt": promises.carries_support,
    "predict": promises.uses_support,
    "embed": promises.sees_no_query_labels,
    "weights": promises.without_support,
}


class Algorithm(nn.Module):
    """A learner: its parameters are what the outer loop improves.

    A subclass writes `adapt` and `predict`, both for ONE task and without changing `self`, so that
    many tasks can run at once; `embed` and `meta_loss` where it needs them. It calls the model with
    `call` or `features`, which also accept tasks of unequal size (`innerloop.tasks.Padded`). The
    guarantees of `innerloop.algorithms.promises` hold for every subclass.

    The class attributes state what a learner is, and the shared tests check them.

    Arguments:
        model: `body` (inputs to features) and `head`. Batch norm of PyTorch's own becomes
            `TaskNorm`, see `innerloop.layers.adopt`.
        objective: the loss, the metric and the classes.
        steps: inner steps of training.
    """

    adapts_by_steps: ClassVar[bool] = True  #: False for learners that adapt in one go
    fixed_ways: ClassVar[bool] = True  #: whether the width of its head is trained
    joint_queries: ClassVar[bool] = False  #: whether an answer may depend on the other queries
    one_by_one: ClassVar[str] = ""  #: why its tasks cannot run side by side; empty if they can
    mixed_mode: ClassVar[bool] = False  #: whether `engine.checkpoint=mixed` is exact for it
    uses_head: ClassVar[bool] = True  #: False for learners of features, which take it off
    needs_classes: ClassVar[bool] = False  #: whether regression is refused
    needs: ClassVar[Tasks] = "examples"  #: or `environments`, to act in: the objective's `tasks`
    trains_on_batches: ClassVar[bool] = False  #: learns from plain batches, not from episodes
    relabelling_permutes: ClassVar[bool] = False  #: renaming classes permutes the outputs, no more
    package: ClassVar[str] = ""  #: another library that it needs, which may not be installed
    shuffling_changes: ClassVar[bool] = False  #: whether the order of the support matters
    exact_meta_gradient: bool = True  #: whether it is the derivative of the meta-loss
    measured_images: int = 0  #: training examples that `measure` needs; 0: it needs none
    selecting_tasks: int = 0  #: labelled tasks of the test's classes that `select` needs; 0: none
    current_phase: Hashable = None  #: the phase of the outer step under way
    moves: int = 0  #: how often its tensors were moved to a device or converted

    def __init_subclass__(cls, **arguments: object) -> None:
        """Wraps the methods of a subclass so that the guarantees of `promises` hold."""
        super().__init_subclass__(**arguments)
        for name, wrap in WRAPPERS.items():
            owner = next((base for base in cls.__mro__ if name in vars(base)), Algorithm)
            if owner is cls or not issubclass(owner, Algorithm):  # a mixin's is wrapped as well
                setattr(cls, name, wrap(vars(owner)[name]))

    def __init__(self, model: nn.Module, objective: Objective, steps: int = 0) -> None:
        super().__init__()
        if steps < 0:
            raise UserError(f"inner.steps={steps} makes no sense: give 0 or more inner steps.")
        _check_tasks(type(self), objective)
        if self.needs_classes and objective.classes(training=True) is None:
            raise UserError(
                f"{type(self).__name__} compares classes, and this data set has real targets: "
                "choose algorithm=maml, anil, meta_sgd or reptile, or dataset=glyphs."
            )
        self.model, self.objective, self.steps = adopt(model), objective, steps
        if "per_step" in norm.modes(self.model) and (self.embeds or steps == 0):
            raise UserError(
                f"norm=per_step: {type(self).__name__} runs its model in no inner steps, whose "
                "averages it could keep apart: choose norm=running."
            )
        norm.separate_steps(self.model, steps)
        if not self.uses_head:
            self.model.head = nn.Identity()  # no parameters that never get a gradient

    def _apply(self, *arguments: Any, **keywords: Any) -> "Algorithm":
        """Of PyTorch: moves or converts all tensors, of which some are then other objects."""
        self.moves += 1
        return super()._apply(*arguments, **keywords)

    # --- what a subclass writes

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        """Yields what was adapted after 0, 1, ... `steps` steps (once, if there are no steps).

        Arguments:
            support: `(n, ...)` examples of one task.
            progress: how far training is, a scalar in 0..1.
        """
        raise NotImplementedError

    def predict(self, adapted: Adapted, inputs: Inputs) -> Tensor:
        """Outputs `(n, width)` for `n` inputs of the task that `adapted` came from."""
        raise NotImplementedError

    def embed(self, tasks: Task) -> Task:
        """Features of all tasks of a batch, before `adapt` and `predict`: by default their inputs.

        The labels of queries are hidden from it. A task's features depend on no other task, except
        in training through batch norm with running averages.
        """
        return tasks

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        """What the outer loop minimises for one embedded task: by default the query loss after the
        last inner step."""
        *_, adapted = self.adapt(task.support, self.steps, progress)
        return pieces.loss(self.query_loss, self.steps, adapted, task.query)

    def query_loss(self, adapted: Adapted, query: Examples) -> Tensor:
        """The loss of the queries of the task that `adapted` came from."""
        return self.objective.loss(self.predict(adapted, query.inputs), query.targets)

    def outputs_at_start(self, inputs: Inputs) -> Tensor:
        """Outputs of the network before the first inner step, which the running averages of its
        batch norm follow."""
        return layout.call_opened(self.model, inputs)

    def measure(self, batches: Iterable[Task]) -> None:
        """Measures what a learner needs to know of its training data, such as a mean; called before
        every validation if `measured_images` is above zero.

        Arguments:
            batches: plain batches of the training split, `measured_images` examples together.
        """

    def select(self, tasks: Task, steps: int, progress: Tensor) -> None:
        """Chooses a setting by labelled tasks of the test's own classes; called before every test
        if `selecting_tasks` is above zero. The results are stamped "selected on the test domain".

        Arguments:
            tasks: `selecting_tasks` tasks, drawn apart from those of the test.
            steps: inner steps of the test.
            progress: as of `adapt`.
        """

    def phase(self, step: int) -> Hashable:
        """What the computation of an outer step depends on beside its inputs, such as the order of
        its derivatives; the outer loop keeps it in `current_phase`. By default always the same."""
        return None

    @promises.without_support
    def weights(self, adapted: Adapted) -> dict[str, Tensor]:
        """What was adapted by name, to be kept in a file: by default each tensor by its place."""
        leaves, _ = torch.utils._pytree.tree_flatten_with_path(adapted)
        named = [(torch.utils._pytree.keystr(path).lstrip("."), leaf) for path, leaf in leaves]
        return {name or "adapted": leaf for name, leaf in named if isinstance(leaf, Tensor)}

    def measures(self, adapted: Adapted) -> dict[str, Tensor]:
        """What `scores` also reports of the adaptation to a task, such as its seconds: scalars."""
        return {}

    def learned_rates(self) -> dict[str, Tensor]:
        """Inner learning rates that the outer loop improves, by parameter; by default none."""
        return {}

    # --- what it may call

    def call(self, module: nn.Module, parameters: dict[str, Tensor], inputs: Inputs) -> Tensor:
        """`module(inputs)` with these parameters in place of its own."""
        return layout.call_opened(lambda x: functional_call(module, parameters, (x,)), inputs)

    def features(self, inputs: Inputs) -> Tensor:
        """The body's features of the inputs, `(n, width)`."""
        return layout.call_opened(self.model.body, inputs)  # type: ignore[arg-type]

    # --- what everything else calls

    def trajectory(
        self,
        task: Task,
        steps: int,
        progress: Tensor,
        at: Collection[int] | None = None,
        embedded: bool = False,
    ) -> Iterator[tuple[Adapted, Tensor]]:
        """Yields `(adapted, outputs)` of one task after 0, 1, ... `steps` inner steps.

        It embeds the task, adapts to it and predicts its queries.

        Arguments:
            at: the inner steps to predict after; None for all. Learners without steps ignore it.
            embedded: whether the task comes out of `embed`.

        The outputs are those for the queries, `(n, width)`.
        """
        if not embedded:
            task = task_tools.only(self.embed(task_tools.alone(task)))
        for step, adapted in enumerate(self.adapt(task.support, steps, progress)):
            if at is None or step in at or not self.adapts_by_steps:
                yield adapted, self.predict(adapted, task.query.inputs)

    def forward(self, tasks: Task, progress: Tensor, side_by_side: bool = True) -> Tensor:
        """Mean of `meta_loss` over the tasks of a batch.

        Arguments:
            side_by_side: whether the tasks run at once, by `vmap`, or one after the other.
        """

        def loss(task: Task) -> Tensor:
            return self.meta_loss(task, progress)

        plain = self.second_order or (side_by_side and not self.embeds)
        with attention.differentiable_twice(plain):
            return over_tasks(loss, self.embed(tasks), side_by_side and not self.one_by_one).mean()

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

        def score(task: Task) -> dict[str, Tensor]:
            path = self.trajectory(task, steps, progress, at, embedded=True)
            rows = [
                {**self.objective.scores(outputs, task.query.targets), **self.measures(adapted)}
                for adapted, outputs in path
            ]
            return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}

        return over_tasks(score, self.embed(tasks), side_by_side and not self.one_by_one)

    # --- what the engines ask

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
        """Whether `embed` does anything."""
        return type(self).embed is not Algorithm.embed

    @property
    def whole_batch(self) -> bool:
        """Whether a batch cannot be run in chunks: its embedding trains running averages."""
        return self.embeds and self.training and "running" in norm.modes(self)


def _check_tasks(kind: type[Algorithm], objective: Objective) -> None:
    """Raises `UserError` if a learner cannot use the tasks that an objective is for."""
    given = getattr(objective, "tasks", "examples")
    if given == kind.needs:
        return
    if kind.needs == "environments":
        raise UserError(
            f"{kind.__name__} acts in environments, and this data set has examples with answers: "
            "choose dataset=navigation2d, or another algorithm, such as algorithm=maml."
        )
    raise UserError(
        f"{kind.__name__} learns from examples with answers, and the tasks of this data set are "
        "environments to act in: choose algorithm=maml_rl or rl2."
    )
