"""CAVIA against MAML, of which it is a special case, and against plain PyTorch, in float64."""

import pytest
import torch
from helpers import NOW, SmoothBody, SmoothConv, algorithm, close, run, tasks, waves
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.gradient.cavia import CAVIA
from innerloop.errors import UserError
from innerloop.models.network import Network
from innerloop.objectives import Regression
from innerloop.tasks import Task

INNER = ("inner.rate=0.1", "inner.steps=2")


def linked(learner: Algorithm) -> Algorithm:
    """A CAVIA each of whose context parameters is added to one entry of one parameter alone."""
    assert isinstance(learner, CAVIA)
    with torch.no_grad():
        rows = torch.eye(learner.context, dtype=torch.float64)
        for part in (learner.film.shifts, learner.film.scales):
            for generator in part.values():
                generator.weight.copy_(rows[: len(generator.weight)])
                rows = rows[len(generator.weight) :]
        assert len(rows) == 0
    return learner


def equals_maml(
    batch: Task, body: nn.Module, context: int, layers: str, adapted: str, apart: str = "nothing"
) -> None:
    """Compares loss and meta-gradient with MAML's; `apart` begins the names left out."""
    maml = algorithm("maml", body, 3, False, *INNER, f"algorithm.adapted=[{adapted}]")
    more = (f"algorithm.context={context}", f"algorithm.layers=[{layers}]")
    cavia = linked(algorithm("cavia", body, 3, False, *INNER, *more))
    cavia.model.load_state_dict(maml.model.state_dict())
    (loss, gradient), (expected_loss, expected) = run(cavia, batch), run(maml, batch)
    close(loss, expected_loss)
    assert max(slope.abs().max() for slope in expected.values()) > 1e-3
    for name, slope in expected.items():
        if not name.startswith(apart):
            close(gradient[name], slope)


def test_a_context_that_is_all_biases_equals_maml_on_the_biases() -> None:
    equals_maml(tasks(), SmoothBody(), 12, "'*'", "'*.bias'")


def test_a_context_that_is_a_norms_scale_and_shift_equals_maml_on_them() -> None:
    body = SmoothConv("transductive")
    layer, batch = "body.layers.1", tasks(shape=(1, 4, 4))
    # Their own derivatives differ: the context multiplies them, where MAML adds to them.
    equals_maml(batch, body, 6, f"'{layer}'", f"'{layer}.*'", apart=f"model.{layer}.")


def concatenated(parameters: dict[str, Tensor], x: Tensor, context: Tensor) -> Tensor:
    """The paper's network for sine waves: the context is appended to every input."""
    both = torch.cat([x, context.expand(len(x), -1)], 1)
    first = torch.cat([parameters["model.body.layers.1.weight"], parameters["shift"]], 1)
    hidden = torch.tanh(F.linear(both, first, parameters["model.body.layers.1.bias"]))
    weight, bias = (parameters[f"model.body.layers.3.{k}"] for k in ("weight", "bias"))
    features = torch.tanh(F.linear(hidden, weight, bias))
    return F.linear(features, parameters["model.head.weight"], parameters["model.head.bias"])


def test_the_context_of_a_linear_layer_equals_further_inputs() -> None:
    more = (*INNER, "algorithm.layers=['body.layers.1']")
    learner, batch = algorithm("cavia", SmoothBody(), 3, True, *more), waves(1)
    loss, gradient = run(learner, batch)
    parameters = {k.replace("film.shifts.body/layers/1.weight", "shift"): p
                  for k, p in learner.named_parameters()}  # fmt: skip
    (x, y), (queries, answers) = task_tools.only(batch)
    context = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    for _ in range(2):
        inner = F.mse_loss(concatenated(parameters, x, context), y)
        context = context - 0.1 * torch.autograd.grad(inner, context, create_graph=True)[0]
    outer = F.mse_loss(concatenated(parameters, queries, context), answers)
    close(loss, outer.detach())
    slopes = torch.autograd.grad(outer, list(parameters.values()))
    for actual, slope in zip(gradient.values(), slopes, strict=True):
        close(actual, slope)
        assert slope.abs().max() > 1e-6


def test_every_task_starts_from_the_shared_weights() -> None:
    learner = algorithm("cavia")
    start, after = learner.adapt(task_tools.only(tasks(1)).support, 1, NOW)
    close(dict(start.parameters), dict(learner.model.named_parameters()))
    assert any(not torch.equal(start.parameters[k], p) for k, p in after.parameters.items())


@pytest.mark.parametrize(
    ("layers", "context"), [("body.layers.0", 5), ("nothing", 5), ("body.*", 0)]
)
def test_layers_that_take_no_context_are_refused(layers: str, context: int) -> None:
    with pytest.raises(UserError, match=r"such as body\.layers\.1, body\.layers\.3, head"):
        CAVIA(Network(SmoothBody(), 1), Regression(), 1.0, 1, context, layers)
