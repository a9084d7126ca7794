"""Neural processes against computations by hand and PyTorch's own layers, in float64."""

import math

import pytest
import torch
from helpers import NOW, algorithm, close, run, waves
from torch import Tensor, nn
from torch.distributions import Normal

from innerloop import tasks as task_tools
from innerloop.algorithms.in_context.anp import ANP
from innerloop.algorithms.in_context.cnp import CNP
from innerloop.layers.gaussian import bounded_deviation, negative_log_likelihood
from innerloop.tasks import Examples, Padded, Task

NAMES = ("cnp", "anp")


def learner_of(name: str) -> CNP:
    learner = algorithm(name, None, 3, True, "algorithm.width=8")
    assert isinstance(learner, CNP)
    return learner


def layers(network: nn.Sequential, x: Tensor) -> Tensor:
    """A perceptron, one product of matrices after the other."""
    for layer in network:
        if isinstance(layer, nn.Linear):
            x = x @ layer.weight.T + layer.bias
            x = x * (1 + torch.erf(x / math.sqrt(2))) / 2  # GELU
    return x


def by_hand(learner: CNP, task: Task, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation at the inputs x, one query at a time."""
    body, (support, _) = learner.model.body, task
    pairs = zip(body(support.inputs), support.targets, strict=True)
    codes = [layers(learner.encoder, torch.cat(pair)) for pair in pairs]
    means, deviations = [], []
    for features in body(x):
        read = sum(codes) / len(codes)
        if isinstance(learner, ANP):
            theirs = nn.MultiheadAttention(8, 8, batch_first=True).double()
            ours, none = learner.attention, torch.zeros(8)
            parts = (ours.query.weight, ours.key.weight, ours.value.weight)
            theirs.in_proj_weight.data = torch.cat(parts).data
            theirs.in_proj_bias.data = torch.cat([none, none, ours.value.bias]).data
            theirs.out_proj.load_state_dict(ours.out.state_dict())
            key, keys = (layers(learner.key, z) for z in (features[None], body(support.inputs)))
            read = theirs(key, keys, torch.stack(codes))[0][0]
        hidden = layers(learner.decoder, torch.cat([read, features]))
        means.append(learner.head(hidden))
        deviations.append(0.1 + 0.9 * torch.log(1 + torch.exp(learner.deviation(hidden))))
    return torch.stack(means), torch.stack(deviations)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_a_computation_by_hand(name: str) -> None:
    learner, task = learner_of(name), task_tools.only(waves(1))
    mean, _ = by_hand(learner, task, task.query.inputs)
    ((_, outputs),) = learner.trajectory(task, 0, NOW)
    close(outputs, mean)
    assert outputs.std() > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_the_meta_loss_is_the_likelihood_of_support_and_queries(name: str) -> None:
    learner, batch = learner_of(name), waves(1)
    task = task_tools.only(batch)
    inputs, targets = task_tools.concatenate(*task)
    mean, deviation = by_hand(learner, task, inputs)
    close(run(learner, batch)[0], -Normal(mean, deviation).log_prob(targets).mean().detach())


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_support_and_repeated_supports_do_not_matter(name: str) -> None:
    learner, task = learner_of(name), task_tools.only(waves(1, shots=6))
    order = torch.cat([torch.randperm(6), torch.randperm(6)])
    other = Task(Examples(*(part[order] for part in task.support)), task.query)
    ((_, outputs),), ((_, again),) = (learner.trajectory(t, 0, NOW) for t in (task, other))
    close(again, outputs)


def test_an_attentive_process_reads_a_single_example_whatever_the_query() -> None:
    learner, task = learner_of("anp"), task_tools.only(waves(1, shots=1))
    features = learner.embed(task_tools.alone(task))
    (adapted,) = learner.adapt(task_tools.only(features).support, 0, NOW)
    read = learner.read(adapted, torch.randn(5, 4).double())
    close(read, read[:1].expand(5, -1))


def test_the_likelihood_equals_pytorchs_and_leaves_padding_out() -> None:
    mean, targets = torch.randn(2, 6, 3).double()
    deviation = bounded_deviation(torch.randn(6, 3).double())
    losses = -Normal(mean, deviation).log_prob(targets)
    close(negative_log_likelihood(mean, deviation, targets), losses.mean())
    real = torch.tensor([True, False, True, True, False, False])
    padded = negative_log_likelihood(mean, deviation, Padded(targets, real))
    close(padded, losses[real].mean())
    flat = negative_log_likelihood(mean[:, :1], deviation[:, :1], targets[:, 0])
    close(flat, losses[:, 0].mean())


def test_a_deviation_is_never_below_its_bound() -> None:
    outputs = torch.tensor([-1e9, -50.0, 0.0, 50.0])
    deviation = bounded_deviation(outputs)
    assert deviation.min() >= 0.1 and (deviation.diff() >= 0).all()
    close(deviation[2], torch.tensor(0.1 + 0.9 * math.log(2)), rtol=1e-6)
