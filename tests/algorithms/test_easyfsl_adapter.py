"""easyfsl's methods as algorithms, and our algorithms behind easyfsl's interface."""

from typing import Any

import pytest
import torch
from helpers import NOW, algorithm, algorithm_around, learners, tasks
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.models.identity import Identity
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Padded, Task

methods = pytest.importorskip("easyfsl.methods")

WAYS, WIDTH = 3, 8
OF_FEATURES = [
    "PrototypicalNetworks", "SimpleShot", "BDCSPN", "Finetune", "TIM", "PTMAP", "LaplacianShot",
    "TransductiveFinetuning",
]  # fmt: skip


def learner(method: str, ways: int = WAYS) -> Algorithm:
    model = Network(Identity([WIDTH]), ways)
    word = f"algorithm.method={method}"
    return algorithm_around(model, Classification(ways, ways), "easyfsl", word).eval()


def answer(learner: Any, task: Task) -> Tensor:
    *_, (_, outputs) = learner.trajectory(task, 0, NOW)
    return outputs


def theirs(method: str, task: Task) -> Tensor:
    classifier = getattr(methods, method)()
    classifier.process_support_set(task.support.inputs, task.support.targets)
    return classifier(task.query.inputs).detach()


def single(queries: int = 4) -> Task:
    return task_tools.only(tasks(1, ways=WAYS, shots=3, queries=queries, shape=(WIDTH,)))


@pytest.mark.parametrize("method", OF_FEATURES)
def test_a_method_answers_as_it_does_in_easyfsl(method: str) -> None:
    """In float32, which is all that some of easyfsl's methods take."""
    task = tree_map(lambda x: x.float() if x.is_floating_point() else x, single())
    torch.testing.assert_close(answer(learner(method).float(), task), theirs(method, task))


def test_prototypical_networks_are_prototypes_by_hand() -> None:
    task = single()
    prototypes = [task.support.inputs[task.support.targets == c].mean(0) for c in range(WAYS)]
    distances = (task.query.inputs[:, None] - torch.stack(prototypes)).norm(dim=-1)
    torch.testing.assert_close(answer(learner("PrototypicalNetworks"), task), -distances)


def test_a_learner_knows_whether_its_method_is_transductive() -> None:
    assert learner("TIM").joint_queries and not learner("SimpleShot").joint_queries


@pytest.mark.parametrize("method", ["PrototypicalNetworks", "BDCSPN"])
def test_padding_and_absent_classes_change_nothing(method: str) -> None:
    """Class 1 of four has no support; the last rows of support and query only fill up."""
    task = single()
    names = torch.tensor([0, 2, 3])

    def padded(examples: Examples) -> Examples:
        rows = torch.cat([examples.inputs, torch.full((2, WIDTH), 9.0).double()])
        real = torch.arange(len(rows)) < len(examples.inputs)
        labels = torch.cat([names[examples.targets], torch.full((2,), task_tools.PADDING)])
        return Examples(Padded(rows, real), labels)

    outputs = answer(learner(method, ways=4), Task(padded(task.support), padded(task.query)))
    real = outputs[: len(task.query.targets)]
    torch.testing.assert_close(real[:, names], theirs(method, task))
    assert (real[:, 1] == -torch.inf).all()


def test_a_method_that_easyfsl_does_not_have_is_refused() -> None:
    with pytest.raises(Exception, match="no such class"):
        learner("Prototypes")


# --- our algorithms as classifiers of easyfsl


@pytest.mark.parametrize("name", ["maml", "protonet", "r2d2", "baseline", "tim"])
def test_an_algorithm_answers_as_it_does_here(name: str) -> None:
    from innerloop.experiment.for_easyfsl import InnerloopClassifier

    ours = algorithm(name).eval()
    task = task_tools.only(tasks())
    steps = 2 if ours.adapts_by_steps else 0
    *_, (_, expected) = ours.trajectory(task, steps, torch.tensor(0.5))
    classifier = InnerloopClassifier(ours, steps, 0.5).eval()
    classifier.process_support_set(task.support.inputs, task.support.targets)
    torch.testing.assert_close(classifier(task.query.inputs), expected)
    classifier.use_softmax = True
    torch.testing.assert_close(classifier(task.query.inputs), F.softmax(expected, -1))


def test_easyfsls_own_evaluation_takes_our_learner() -> None:
    """easyfsl counts the correct answers over its loader's tasks; both ways count the same."""
    from easyfsl.utils import evaluate_on_one_task

    from innerloop.experiment.for_easyfsl import InnerloopClassifier

    ours, task = algorithm("protonet").eval(), task_tools.only(tasks(queries=9))
    classifier = InnerloopClassifier(ours, 0).eval()
    correct, total = evaluate_on_one_task(classifier, *task.support, *task.query)
    expected = answer(ours, task).argmax(-1) == task.query.targets
    assert (correct, total) == (int(expected.sum()), len(task.query.targets))


def test_what_depends_on_other_queries_is_called_transductive() -> None:
    from innerloop.experiment.for_easyfsl import InnerloopClassifier

    kinds = {
        name: InnerloopClassifier(algorithm(name), 0).is_transductive()
        for name in ("tim", "protonet")
    }
    assert kinds["tim"] and not kinds["protonet"]


def test_a_support_with_other_classes_is_refused() -> None:
    from innerloop.experiment.for_easyfsl import InnerloopClassifier

    classifier = InnerloopClassifier(algorithm("protonet").eval(), 0)
    task = task_tools.only(tasks(ways=2))
    with pytest.raises(UserError, match="ways=2"):
        classifier.process_support_set(task.support.inputs, task.support.targets)


def test_the_shared_suite_includes_the_adapter_where_easyfsl_is_installed() -> None:
    assert "easyfsl" in learners()
