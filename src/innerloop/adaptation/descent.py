"""The inner loop: gradient descent as a sequence of parameters."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from torch import Tensor

from innerloop.adaptation import checkpointing
from innerloop.adaptation.gradients import Gradient, Parameters, unrolled
from innerloop.adaptation.rules import Rule


def descend(
    loss: Callable[..., Any],
    start: Parameters,
    steps: int,
    rule: Rule,
    gradient: Gradient = unrolled,
    stochastic: bool = False,
    given: tuple[Any, ...] = (),
) -> Iterator[Parameters]:
    """Yields the parameters after 0, 1, ... `steps` steps of `rule` on `loss`.

    How to descend (`rule`) and how to differentiate through the descent (`gradient`) are separate.

    Arguments:
        loss: a function of the parameters and of what is `given`; with `stochastic`, a function of
            the step's number that returns one, such as the loss on a minibatch.
        start: parameters by name.
        given: what else the loss depends on, trees of tensors: a task's examples, and parameters
            that stay. Where steps are checkpointed, the meta-gradient reaches no others.
    """
    parameters, state = start, rule.start(start)
    yield parameters
    for number in range(steps):
        step = partial(_step, loss(number) if stochastic else loss, gradient, number + 1)
        inputs = (parameters, state, rule, given)
        # A step that the outer loop sees as a constant leaves nothing behind to save memory on.
        again = gradient is unrolled and checkpointing.are_wanted()
        parameters, state = checkpointing.run(step, *inputs) if again else step(*inputs)
        yield parameters


def _step(
    loss: Callable[..., Tensor],
    gradient: Gradient,
    number: int,
    parameters: Parameters,
    state: Any,
    rule: Rule,
    given: tuple[Any, ...],
) -> tuple[Parameters, Any]:
    slope = gradient(lambda p: loss(p, *given), parameters)
    return rule.step(parameters, slope, state, number)
