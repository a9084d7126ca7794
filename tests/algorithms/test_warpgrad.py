"""WarpGrad against MAML, finite differences and the metric that its layers make, in float64."""

import copy

import pytest
import torch
from helpers import NOW, SmoothBody, SmoothConv, algorithm, answers, close, moved, run, tasks
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.layers.warp import interleave
from innerloop.tasks import Task

INNER = ("inner.rate=0.1", "inner.steps=3")
BODIES = [SmoothBody(), SmoothConv("transductive")]
Parameters = dict[str, Tensor]


def learner_of(body: nn.Module, *more: str) -> Algorithm:
    return algorithm("warpgrad", copy.deepcopy(body), 3, False, *INNER, *more)


def shaken(learner: Algorithm) -> Algorithm:
    """The learner with random warp layers."""
    with torch.no_grad():
        for name, p in learner.named_parameters():
            p += 0.3 * torch.randn_like(p) if ".warp." in name else 0
    return learner


def batch_for(body: nn.Module, count: int = 2) -> Task:
    return tasks(count, shape=(1, 4, 4) if isinstance(body, SmoothConv) else (3,))


def nth(batch: Task, number: int) -> Task:
    """One task of a batch."""
    return task_tools.only(task_tools.part(batch, number, number + 1))


def descended(learner: Algorithm, task: Task) -> list[Parameters]:
    """The adapted layers after 0, 1, 2 inner steps, by a loop of plain PyTorch."""
    path = [{k: p.detach() for k, p in learner.model.named_parameters() if ".warp." not in k}]
    for _ in range(2):
        path.append({k: p.detach() for k, p in stepped(learner, task, path[-1]).items()})
    return path


def stepped(learner: Algorithm, task: Task, start: Parameters) -> Parameters:
    leaves = {k: p.clone().requires_grad_() for k, p in start.items()}
    loss = F.cross_entropy(
        functional_call(learner.model, leaves, (task.support.inputs,)), task.support.targets
    )
    slopes = torch.autograd.grad(loss, list(leaves.values()))
    return {k: p - 0.1 * g for (k, p), g in zip(start.items(), slopes, strict=True)}


def warp_loss(learner: Algorithm, batch: Task, paths: list[list[Parameters]]) -> float:
    """The warp layers' loss where the points that the inner loop comes by are given."""
    losses = []
    for number, path in enumerate(paths):
        task = nth(batch, number)
        for point in path:
            after = stepped(learner, task, point)
            outputs = functional_call(learner.model, after, (task.query.inputs,))
            losses.append(F.cross_entropy(outputs, task.query.targets))
    return float(torch.stack(losses).mean().detach())


@pytest.mark.parametrize("body", BODIES, ids=["linear", "convolution"])
def test_with_identity_warps_it_descends_as_maml(body: nn.Module) -> None:
    warped, batch = learner_of(body), batch_for(body, 1)
    maml = algorithm("maml", copy.deepcopy(body), 3, False, *INNER)
    maml.model.load_state_dict(warped.model.state_dict(), strict=False)
    for steps in (1, 2, 3):
        close(answers(warped, batch, steps), answers(maml, batch, steps))
    assert (answers(warped, batch, 3) - answers(warped, batch, 1)).abs().max() > 1e-4


@pytest.mark.parametrize("body", BODIES, ids=["linear", "convolution"])
def test_with_identity_warps_the_start_follows_first_order_maml_at_every_step(
    body: nn.Module,
) -> None:
    warped, batch = learner_of(body), batch_for(body)
    _, gradient = run(warped, batch)
    expected: list[Parameters] = []
    for steps in (1, 2, 3):
        inner = ("inner.rate=0.1", f"inner.steps={steps}")
        fomaml = algorithm("fomaml", copy.deepcopy(body), 3, False, *inner)
        fomaml.model.load_state_dict(warped.model.state_dict(), strict=False)
        expected.append(run(fomaml, batch)[1])
    for name in expected[0]:
        close(gradient[name], torch.stack([slopes[name] for slopes in expected]).mean(0))


@pytest.mark.parametrize("body", BODIES, ids=["linear", "convolution"])
def test_warps_follow_finite_differences_of_their_loss_at_constant_points(body: nn.Module) -> None:
    learner, batch = shaken(learner_of(body)), batch_for(body)
    _, gradient = run(learner, batch)
    paths = [descended(learner, nth(batch, number)) for number in range(2)]
    for _ in range(3):
        way = {k: torch.randn_like(p) * (".warp." in k) for k, p in learner.named_parameters()}
        with moved(learner, way, 1e-5):
            above = warp_loss(learner, batch, paths)
        with moved(learner, way, -1e-5):
            below = warp_loss(learner, batch, paths)
        actual = float(sum((gradient[k] * way[k]).sum() for k in way))
        assert actual == pytest.approx((above - below) / 2e-5, rel=1e-6)
        assert abs(actual) > 1e-4


def test_the_first_order_leaves_out_how_a_step_depends_on_the_warps() -> None:
    learner, batch = shaken(learner_of(SmoothBody(), "algorithm.first_order=true")), tasks(1)
    _, gradient = run(learner, batch)
    task = task_tools.only(batch)
    names = [k for k, _ in learner.model.named_parameters() if ".warp." in k]
    expected = []
    for point in descended(learner, task):
        after = {k: p.detach() for k, p in stepped(learner, task, point).items()}
        outputs = functional_call(learner.model, after, (task.query.inputs,))
        loss = F.cross_entropy(outputs, task.query.targets)
        warps = [learner.model.get_parameter(k) for k in names]
        expected.append(torch.autograd.grad(loss, warps))
    for name, slopes in zip(names, zip(*expected, strict=True), strict=True):
        close(gradient[f"model.{name}"], torch.stack(slopes).mean(0))


def test_a_linear_warp_multiplies_the_steps_of_the_layer_before_it_by_a_metric() -> None:
    """Two linear layers with a warp M between: M times the first steps by M M^T times the slope."""
    layers = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 1, bias=False)).double()
    interleave(layers, kernel=1)
    first, last = layers[0], layers[1]
    nn.init.normal_(last.warp.weight)
    x, y, metric = torch.randn(5, 3).double(), torch.randn(5, 1).double(), last.warp.weight
    (slope,) = torch.autograd.grad(F.mse_loss(layers(x), y), [first.weight])
    merged = (metric @ first.weight).detach().requires_grad_()
    (plain,) = torch.autograd.grad(F.mse_loss(last.weight @ merged @ x.T, y.T), [merged])
    close((metric @ slope).detach(), (metric @ metric.T @ plain).detach())


def test_warps_stay_in_the_inner_loop_and_learn_in_the_outer_loop() -> None:
    learner = learner_of(SmoothBody())
    start, *_, last = learner.adapt(task_tools.only(tasks(1)).support, 3, NOW)
    for name, p in start.parameters.items():
        assert torch.equal(last.parameters[name], p) == (".warp." in name), name
    _, gradient = run(learner, tasks())
    assert all(g.abs().max() > 0 for name, g in gradient.items() if name.endswith("warp.weight"))


def test_kernels_without_a_centre_and_models_of_one_layer_are_refused() -> None:
    with pytest.raises(UserError, match="odd number"):
        interleave(SmoothBody(), kernel=2)
    with pytest.raises(UserError, match="fewer than two"):
        interleave(nn.Linear(2, 2), kernel=3)
