"""LoRA's adapted networks against MAML's, in float64."""

import pytest
import torch
from helpers import NOW, SmoothConv, algorithm, close, tasks
from torch import Tensor
from torch.nn import functional

from innerloop import tasks as task_tools
from innerloop.algorithms.gradient.maml import Adapted
from innerloop.algorithms.transfer.lora import LoRA
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.layers import norm
from innerloop.outer import running_averages
from innerloop.tasks import Task

FIRST, SECOND = "body.layers.1.weight", "body.layers.3.weight"


def learner_of(*more: str) -> LoRA:
    learner = algorithm("lora", None, 3, False, *more)
    assert isinstance(learner, LoRA)
    return learner


def adapted(learner: torch.nn.Module, task: Task, steps: int) -> dict[str, Tensor]:
    """The weights of the network after so many steps."""
    *_, last = learner.adapt(task.support, steps, NOW)
    return {name: value.detach() for name, value in learner.weights(last).items()}


def orthogonal(learner: LoRA) -> None:
    """Gives the factors A orthogonal rows."""
    with torch.no_grad():
        for name, factor in learner.factors.items():
            if name.endswith("down"):
                factor.copy_(torch.linalg.qr(torch.randn(*factor.T.shape).double())[0].T)


def test_full_rank_factors_take_mamls_first_step() -> None:
    """Where A is square and orthogonal; of the second layer, 4 x 5, it is not."""
    patterns = ["head.*", FIRST, SECOND]
    full = learner_of("algorithm.rank=100")
    orthogonal(full)
    maml = algorithm("maml", None, 3, False, f"algorithm.adapted=[{','.join(patterns)}]")
    maml.model.load_state_dict(full.model.state_dict())
    task = task_tools.only(tasks(1))
    ours, theirs = adapted(full, task, 1), adapted(maml, task, 1)
    start = adapted(maml, task, 0)
    for name in ("head.weight", "head.bias", FIRST):
        close(ours[name], theirs[name])
        assert (theirs[name] - start[name]).abs().max() > 1e-4


def test_the_addition_has_the_rank_of_its_factors() -> None:
    learner, task = learner_of("algorithm.rank=1"), task_tools.only(tasks(1))
    before, after = adapted(learner, task, 0), adapted(learner, task, 3)
    for name in (FIRST, SECOND):
        sizes = torch.linalg.svdvals(after[name] - before[name])
        assert sizes[0] > 1e-4 and sizes[1:].max() < 1e-12
    for name in (FIRST, SECOND):
        bias = name.replace("weight", "bias")
        close(after[bias], before[bias])


def test_a_zero_factor_changes_nothing() -> None:
    learner, task = learner_of(), task_tools.only(tasks(1))
    (start,) = learner.adapt(task.support, 0, NOW)
    close(learner.predict(start, task.query.inputs), learner.model(task.query.inputs))
    close(adapted(learner, task, 0), dict(learner.model.state_dict()))


def test_steps_are_those_of_gradient_descent_on_the_factors() -> None:
    learner, task = learner_of("algorithm.scale=0.5"), task_tools.only(tasks(1))
    (start,) = learner.adapt(task.support, 0, NOW)
    leaves = {
        k: v.detach().clone().requires_grad_() for k, v in learner.start(task.support).items()
    }
    for _ in range(3):
        outputs = learner.predict(Adapted(start.parameters | leaves), task.support.inputs)
        loss = learner.objective.loss(outputs, task.support.targets)
        slopes = torch.autograd.grad(loss, list(leaves.values()))
        steps = zip(leaves.items(), slopes, strict=True)
        leaves = {k: (p - 0.1 * g).detach().requires_grad_() for (k, p), g in steps}
    *_, last = learner.adapt(task.support, 3, NOW)
    close(
        {k: last.parameters[k].detach() for k in leaves}, {k: p.detach() for k, p in leaves.items()}
    )


def test_kernels_are_matrices_and_frozen_weights_get_no_meta_gradient() -> None:
    learner = algorithm("lora", SmoothConv("support"), 3, False, "algorithm.frozen=true")
    _, gradient = Engine().meta_gradient(learner, tasks(2, shape=(1, 4, 4)), NOW)
    assert "model.body.layers.0.weight" not in gradient
    assert gradient["factors.body/layers/0/weight/up"].abs().max() > 0
    assert gradient["factors.body/layers/0/weight/down"].shape == (3, 9)
    assert {"model.body.layers.1.weight", "model.head.weight"} < gradient.keys()


def test_a_rank_of_zero_is_refused() -> None:
    learner = algorithm("maml")
    with pytest.raises(UserError, match="give 1 or more"):
        LoRA(learner.model, learner.objective, 0.1, rank=0)


def test_running_averages_follow_the_weights_with_the_addition() -> None:
    learner = algorithm("lora", SmoothConv("running"))
    (layer,) = norm.layers(learner)
    layer.momentum = 1.0
    with torch.no_grad():
        for factor in learner.factors.values():
            factor.normal_()
    batch = tasks(2, shape=(1, 4, 4))
    running_averages.update(learner, batch, NOW)
    images = torch.cat([batch.support.inputs, batch.query.inputs], 1).flatten(0, 1)
    convolution, factors = learner.model.body.layers[0], learner.factors
    (name,) = [n for n in learner.names if n.endswith("layers.0.weight")]
    down, up = (factors[f"{name.replace('.', '/')}/{part}"] for part in ("down", "up"))
    weight = convolution.weight + learner.scale * (up @ down).reshape(convolution.weight.shape)
    maps = functional.conv2d(images, weight, convolution.bias, padding=1)
    close(layer.running_mean, maps.mean((0, 2, 3)))
    close(layer.running_var, maps.transpose(0, 1).flatten(1).var(1))
