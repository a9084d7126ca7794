"""The inner loop: gradient descent as a sequence of parameters."""

from collections.abc import Callable, Iterator
from functools import partial

from torch import Tensor

from innerloop.adaptation import checkpointing, mixed, pieces
from innerloop.adaptation.gradients import Gradient, Parameters, unrolled
from innerloop.adaptation.rules import Rule, State


def descend(
    loss: Callable[..., Tensor],
    start: Parameters,
    steps: int,
    rule: Rule[State],
    gradient: Gradient = unrolled,
    given: tuple[object, ...] = (),
) -> Iterator[Parameters]:
    """Yields the parameters after 0, 1, ... `steps` steps of `rule` on `loss`.

    How to descend (`rule`) and how to differentiate through the descent (`gradient`) are separate.

    Arguments:
        loss: `loss(parameters, number, *given)`, a scalar; `number` counts the steps from 0, as a
            loss on minibatches needs.
        start: parameters by name.
        given: what else the loss depends on, trees of tensors: a task's examples, and parameters
            that stay. Where steps are checkpointed, the meta-gradient reaches no others.

    Example:
        >>> import torch
        >>> from innerloop.adaptation.rules import SGD
        >>> path = descend(lambda p, _: p["x"] ** 2, {"x": torch.tensor(1.0)}, 2, SGD(0.25))
        >>> [float(parameters["x"]) for parameters in path]
        [1.0, 0.5, 0.25]
    """
    parameters, state = start, rule.start(start)
    yield parameters
    for number in range(steps):
        step = partial(_step, loss, gradient, number)
        inputs = (parameters, state, rule, given)
        # A step that the outer loop sees as a constant leaves nothing behind to save memory on.
        again = gradient is unrolled and checkpointing.are_wanted()
        if gradient is unrolled and pieces.are_wanted():
            parameters, state = pieces.run(step, number, *inputs)
        elif again and again != "mixed":
            parameters, state = checkpointing.run(step, *inputs)
        else:
            parameters, state = step(*inputs)
        yield parameters


def _step(
    loss: Callable[..., Tensor],
    gradient: Gradient,
    number: int,
    parameters: Parameters,
    state: State,
    rule: Rule[State],
    given: tuple[object, ...],
) -> tuple[Parameters, State]:
    if gradient is unrolled and checkpointing.are_wanted() == "mixed":
        slope, value = mixed.gradient(partial(_numbered, loss, number), parameters, given)
    else:
        slope, value = gradient(lambda p: loss(p, number, *given), parameters)
    return rule.step(parameters, slope, value, state, number)


def _numbered(
    loss: Callable[..., Tensor], number: int, parameters: Parameters, *given: object
) -> Tensor:
    return loss(parameters, number, *given)
