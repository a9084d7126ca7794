"""JAX: the outer step of a Conv4 MAML, including Adam, as one jitted function."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.peers import Contender, batch, timed
from benchmarks.peers.jax import _adam
from benchmarks.workloads import Problem
from innerloop.tasks import Task

EPSILON = 1e-5  #: of batch norm


def contender(problem: Problem) -> Contender:
    """Only for `innerloop.models.conv4` with max-pooling and transductive batch norm."""
    import jax
    import jax.numpy as jnp

    algorithm: Any = problem.algorithm
    start = {k: p.detach().cpu().numpy() for k, p in algorithm.model.named_parameters()}

    def error(weights: Any, images: Any, labels: Any) -> Any:
        scores = _features(weights, images) @ weights["head.weight"].T + weights["head.bias"]
        return -jnp.take_along_axis(jax.nn.log_softmax(scores), labels[:, None], 1).mean()

    def query_loss(weights: Any, task: Any) -> Any:
        (images, labels), (questions, answers) = task
        for _ in range(algorithm.steps):
            slopes = jax.grad(error)(weights, images, labels)
            weights = jax.tree.map(lambda w, g: w - algorithm.rate * g, weights, slopes)
        return error(weights, questions, answers)

    def meta_gradient(weights: Any, tasks: Any) -> Any:
        return jax.grad(lambda w: jax.vmap(query_loss, (None, 0))(w, tasks).mean())(weights)

    follow = jax.jit(_adam(meta_gradient, problem.config.outer.optimizer.lr))
    zeros = jax.tree.map(jnp.zeros_like, start)
    state = (jax.tree.map(jnp.asarray, start), zeros, zeros, jnp.zeros(()))

    def step(number: int) -> None:
        nonlocal state
        state = jax.block_until_ready(follow(state, _arrays(batch(problem, number))))

    def gradient(tasks: Task) -> list[Tensor]:
        with jax.enable_x64(tasks.support.inputs.dtype == torch.float64):
            slopes = jax.jit(meta_gradient)(jax.tree.map(jnp.asarray, start), _arrays(tasks))
            return [torch.from_numpy(np.array(slopes[name])) for name in start]

    return Contender(gradient, timed(step))


def _features(weights: Any, images: Any) -> Any:
    """Four blocks of convolution, batch norm, ReLU and max-pooling, flattened."""
    import jax

    for block in range(4):
        name = f"body.blocks.{block}"
        images = jax.lax.conv_general_dilated(
            images, weights[f"{name}.convolution.weight"], (1, 1), "SAME",
            dimension_numbers=("NCHW", "OIHW", "NCHW"),
        )  # fmt: skip
        images = images + weights[f"{name}.convolution.bias"][:, None, None]
        mean, variance = images.mean((0, 2, 3)), images.var((0, 2, 3))
        factor = weights[f"{name}.norm.weight"] / jax.numpy.sqrt(variance + EPSILON)
        shift = weights[f"{name}.norm.bias"] - mean * factor
        images = jax.nn.relu(images * factor[:, None, None] + shift[:, None, None])
        images = _pooled(images)
    return images.reshape(len(images), -1)


def _pooled(images: Any) -> Any:
    """The largest of every 2x2 pixels; an odd row or column is left out."""
    n, channels, height, width = images.shape
    cropped = images[:, :, : height // 2 * 2, : width // 2 * 2]
    return cropped.reshape(n, channels, height // 2, 2, width // 2, 2).max((3, 5))


def _arrays(tasks: Task) -> Any:
    return tuple(tuple(part.cpu().numpy() for part in examples) for examples in tasks)
