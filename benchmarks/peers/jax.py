"""JAX: the whole step, including Adam, as one jitted function with vmap over the tasks."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.peers import Contender, timed
from benchmarks.workloads import Problem
from innerloop.tasks import Task


def contender(problem: Problem) -> Contender:
    """Only for dense networks of `innerloop.models.mlp` with squared error."""
    import jax
    import jax.numpy as jnp

    algorithm: Any = problem.algorithm
    own = [p.detach().numpy().T for p in algorithm.model.parameters()]
    layers = list(zip(own[::2], own[1::2], strict=True))

    def error(weights: Any, inputs: Any, targets: Any) -> Any:
        for weight, bias in weights[:-1]:
            inputs = jax.nn.relu(inputs @ weight + bias)
        return jnp.mean((inputs @ weights[-1][0] + weights[-1][1] - targets) ** 2)

    def query_loss(weights: Any, task: Any) -> Any:
        (inputs, targets), (questions, answers) = task
        for _ in range(algorithm.steps):
            slopes = jax.grad(error)(weights, inputs, targets)
            weights = jax.tree.map(lambda w, g: w - algorithm.rate * g, weights, slopes)
        return error(weights, questions, answers)

    def meta_gradient(weights: Any, tasks: Any) -> Any:
        return jax.grad(lambda w: jax.vmap(query_loss, (None, 0))(w, tasks).mean())(weights)

    follow = jax.jit(_adam(meta_gradient, problem.config.outer.optimizer.lr))
    zeros = jax.tree.map(jnp.zeros_like, layers)
    state = (jax.tree.map(jnp.asarray, layers), zeros, zeros, jnp.zeros(()))

    def step(number: int) -> None:
        nonlocal state
        tasks = _arrays(problem.data.training_batch(number))
        state = jax.block_until_ready(follow(state, tasks))

    def gradient(tasks: Task) -> list[Tensor]:
        with jax.enable_x64(tasks.support.inputs.dtype == torch.float64):
            weights = jax.tree.map(jnp.asarray, layers)
            meta_slopes = jax.jit(meta_gradient)(weights, _arrays(tasks))
        return [torch.from_numpy(np.array(v.T)) for layer in meta_slopes for v in layer]

    return Contender(gradient, timed(step))


def _arrays(tasks: Task) -> Any:
    return tuple(tuple(part.numpy() for part in examples) for examples in tasks)


def _adam(gradient: Any, rate: float) -> Any:
    """torch's Adam with its defaults, as a function of `(weights, first, second, step)`."""
    import jax
    import jax.numpy as jnp

    def step(state: Any, tasks: Any) -> Any:
        weights, first, second, number = state
        slopes, number = gradient(weights, tasks), number + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, slopes)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, slopes)
        a, b = 1 - 0.9**number, 1 - 0.999**number
        weights = jax.tree.map(
            lambda w, m, v: w - rate * (m / a) / (jnp.sqrt(v / b) + 1e-8), weights, first, second
        )
        return weights, first, second, number

    return step
