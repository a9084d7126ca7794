"""Every check of a promise fails for a learner, model or data set that breaks just that promise."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from helpers import SmoothBody, algorithm, tasks
from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.metric.protonet import ProtoNet
from innerloop.conformance import answers, data_sets, meta_gradients, models
from innerloop.conformance.data_sets import DataSet
from innerloop.conformance.failure import Failure, checks
from innerloop.conformance.models import Model
from innerloop.conformance.subject import Subject
from innerloop.data.sets.sinusoid import Sinusoid
from innerloop.data.source import TaskSource
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Episode, Examples, Task


class TwoAnswers(ProtoNet):
    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Any]:
        yield from [*super().adapt(support, steps, progress)] * 2


class Counts(ProtoNet):
    calls = 0

    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        self.calls += 1
        return super().predict(adapted, inputs)


class Guesses(ProtoNet):
    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        outputs = super().predict(adapted, inputs)
        return outputs + 0.1 * torch.rand(outputs.shape)


class OwnTrajectory(ProtoNet):
    def trajectory(self, *given: Any, **named: Any) -> Iterator[tuple[Any, Tensor]]:
        for adapted, outputs in super().trajectory(*given, **named):
            yield adapted, outputs + 1


class OwnScores(ProtoNet):
    def scores(self, *given: Any, **named: Any) -> dict[str, Tensor]:
        return {name: 0.5 * value for name, value in super().scores(*given, **named).items()}


class Centres(ProtoNet):
    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        return super().predict(adapted, inputs - inputs.mean(0))


class Ordered(ProtoNet):
    joint_queries = True

    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        outputs = super().predict(adapted, inputs)
        return outputs + torch.arange(len(outputs))[:, None]


class FirstExample(ProtoNet):
    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        return super().predict(adapted, inputs) + adapted[0].sum()

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Any]:
        for means in super().adapt(support, steps, progress):
            yield means + support.inputs[0].sum()


class Favours(ProtoNet):
    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        outputs = super().predict(adapted, inputs)
        return outputs + torch.arange(outputs.shape[-1])


class ThreeClasses(ProtoNet):
    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        outputs = super().predict(adapted, inputs)
        return torch.nn.functional.pad(outputs, (0, 3 - outputs.shape[-1]))


class CountsRows(ProtoNet):
    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        return super().meta_loss(task, progress) * len(task.query.targets)


class SumsTasks(ProtoNet):
    def forward(self, tasks: Task, *given: Any) -> Tensor:
        return super().forward(tasks, *given) * len(tasks.query.targets)


class Detached(ProtoNet):
    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        loss = super().meta_loss(task, progress)
        return loss + loss.detach() * loss


class Idle(ProtoNet):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.idle = nn.Parameter(torch.ones(2))


class Uphill(ProtoNet):
    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        loss = super().meta_loss(task, progress)
        return 2 * loss.detach() - loss


class ByGlobalState(ProtoNet):
    """Its loss reads a parameter past `functional_call`."""

    def forward(self, tasks: Task, *given: Any) -> Tensor:
        return super().forward(tasks, *given) + self.kept[0].square().sum()

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.kept = (next(self.model.parameters()),)


BROKEN: dict[Callable[..., None], type[Algorithm]] = {
    answers.adapting_yields_the_start_and_every_step: TwoAnswers,
    answers.adapting_changes_nothing_of_the_learner: Counts,
    answers.the_same_task_gives_the_same_answer: Guesses,
    answers.a_trajectory_is_adapt_then_predict: OwnTrajectory,
    answers.scores_are_those_of_the_outputs: OwnScores,
    answers.a_query_is_answered_alone_as_among_others: Centres,
    answers.reordering_queries_reorders_the_answers: Ordered,
    answers.reordering_the_support_matters_only_where_declared: FirstExample,
    answers.relabelling_permutes_the_answers_where_declared: Favours,
    answers.without_fixed_ways_any_number_of_classes_is_answered: ThreeClasses,
    answers.padding_changes_nothing: CountsRows,
    meta_gradients.a_batch_gives_the_mean_of_its_tasks: SumsTasks,
    meta_gradients.the_functional_gradient_is_autograds: ByGlobalState,
    meta_gradients.finite_differences_agree_where_declared: Detached,
    meta_gradients.every_parameter_gets_a_gradient: Idle,
    meta_gradients.a_small_outer_step_lowers_the_loss: Uphill,
}


LEARNERS = checks(answers, meta_gradients).values()


def learner(kind: type[Algorithm]) -> Algorithm:
    return kind(Network(SmoothBody(), 3), Classification(3, 3))


@pytest.mark.parametrize(
    "check", checks(answers, meta_gradients).values(), ids=lambda c: c.__name__
)
def test_a_check_fails_for_the_learner_that_breaks_its_promise(
    check: Callable[[Subject], None],
) -> None:
    check(Subject(partial(learner, ProtoNet), tasks))
    with pytest.raises(Failure):
        check(Subject(partial(learner, BROKEN[check]), tasks))


def test_constants_in_float32_are_no_fault() -> None:
    class Rough(ProtoNet):
        """Its scale is a plain tensor, which `double()` does not reach."""

        def predict(self, adapted: Any, inputs: Any) -> Tensor:
            return super().predict(adapted, inputs) @ self.scale

        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.scale = 2 * torch.eye(3)

    subject = Subject(partial(learner, Rough), tasks)
    assert subject.dtype == torch.float32
    for check in checks(answers, meta_gradients).values():
        if check is not answers.without_fixed_ways_any_number_of_classes_is_answered:
            check(subject)


class Wide(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs)


class Remembers(Wide):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, inputs: Tensor) -> Tensor:
        self.seen = self.seen + 1
        return self.layer(inputs)[:, :3]


class Unused(Wide):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.other = nn.Linear(3, 3), nn.Linear(2, 2)


class Forgets(Wide):
    """Half of its weights are in no `state_dict`."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.register_buffer("turn", torch.eye(3), persistent=False)

    def load_state_dict(self, *given: Any, **named: Any) -> Any:
        self.turn = self.turn * 2
        return super().load_state_dict(*given, **named)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs) @ self.turn


class Once(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, slope: Tensor) -> Tensor:
        return slope * 1


class DifferentiableOnce(Wide):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        return Once.apply(torch.tanh(self.layer(inputs)))


WRONG_MODELS: dict[Callable[..., None], type[nn.Module]] = {
    models.outputs_fit_the_objective: Wide,
    models.a_pass_changes_no_buffer_and_no_later_pass: Remembers,
    models.a_loss_reaches_every_parameter: Unused,
    models.weights_can_be_stored_and_loaded: Forgets,
    models.its_meta_gradient_is_right: DifferentiableOnce,
}


def model(kind: type[nn.Module]) -> Model:
    def make() -> Algorithm:
        built = algorithm("maml")
        built.model = kind()
        return built.double()

    return Model(Subject(make, tasks))


@pytest.mark.parametrize("check", checks(models).values(), ids=lambda c: c.__name__)
def test_a_check_fails_for_the_model_that_breaks_its_promise(
    check: Callable[[Model], None],
) -> None:
    class Right(Wide):
        def forward(self, inputs: Tensor) -> Tensor:
            return self.layer(inputs)[:, :3]

    check(model(Right))
    with pytest.raises((Failure, RuntimeError)):  # PyTorch's own: it cannot be differentiated
        check(model(WRONG_MODELS[check]))


class Points(TaskSource):
    """Two classes of points, right in every way."""

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        drawn = [self.task(split, int(i), episode, seed) for i in indices]
        return torch.utils._pytree.tree_map(lambda *rows: torch.stack(rows), *drawn)

    def task(self, split: str, index: int, episode: Episode, seed: int) -> Task:
        random = torch.Generator().manual_seed(hash((len(split) + ord(split[1]), index, seed)))

        def examples(each: int) -> Examples:
            labels = torch.arange(2).repeat(each)[torch.randperm(2 * each, generator=random)]
            return Examples(torch.randn(len(labels), 2, generator=random), labels)

        return Task(examples(episode.shots), examples(episode.queries))

    def fingerprint(self, split: str) -> str:
        return f"points {split}"


class Stateful(Points):
    calls = 0

    def task(self, split: str, index: int, episode: Episode, seed: int) -> Task:
        self.calls += 1
        return super().task(split, index + self.calls, episode, seed)


class Constant(Points):
    def task(self, split: str, index: int, episode: Episode, seed: int) -> Task:
        return super().task("train", index, episode, seed)


class Infinite(Points):
    def transform(self, inputs: Any) -> Any:
        return inputs / 0


class Sorted(Points):
    def task(self, split: str, index: int, episode: Episode, seed: int) -> Task:
        task = super().task(split, index, episode, seed)
        return Task(*[Examples(part.inputs, part.targets.sort().values) for part in task])


class Leaks(Points):
    def task(self, split: str, index: int, episode: Episode, seed: int) -> Task:
        support, query = super().task(split, index, episode, seed)
        query.inputs[0] = support.inputs[0]
        return Task(support, query)


class Nameless(Points):
    def fingerprint(self, split: str) -> str:
        return ""


class Unpickled(Points):
    def __init__(self) -> None:
        self.open = open(__file__)  # noqa: SIM115  (what a worker cannot be sent)


WRONG_DATA: dict[Callable[..., None], type[TaskSource]] = {
    data_sets.the_same_index_gives_the_same_task: Stateful,
    data_sets.other_seeds_splits_and_indices_give_other_tasks: Constant,
    data_sets.inputs_have_the_announced_shape: Infinite,
    data_sets.a_task_has_the_sizes_that_were_asked_for: Sorted,
    data_sets.support_and_query_share_no_example: Leaks,
    data_sets.fingerprints_stay: Nameless,
    data_sets.workers_can_draw_its_tasks: Unpickled,
}


@pytest.mark.parametrize("check", checks(data_sets).values(), ids=lambda c: c.__name__)
def test_a_check_fails_for_the_data_set_that_breaks_its_promise(
    check: Callable[[DataSet], None],
) -> None:
    check(DataSet(Points(), Episode(2, 3, 2), [2], 2))
    check(DataSet(Sinusoid(), Episode(1, 5, 5), [1], None))
    with pytest.raises(Failure):
        check(DataSet(WRONG_DATA[check](), Episode(2, 3, 2), [2], 2))
