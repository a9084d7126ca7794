"""The inner loop: gradient descent as a sequence of parameters."""

from collections.abc import Callable, Iterator

from innerloop.adaptation.gradients import Gradient, Loss, Parameters, unrolled
from innerloop.adaptation.rules import Rule


def descend(
    loss: Loss | Callable[[int], Loss],
    start: Parameters,
    steps: int,
    rule: Rule,
    gradient: Gradient = unrolled,
    stochastic: bool = False,
) -> Iterator[Parameters]:
    """Yields the parameters after 0, 1, ... `steps` steps of `rule` on `loss`.

    How to descend (`rule`) and how to differentiate through the descent (`gradient`) are separate.

    Arguments:
        loss: a function of the parameters; with `stochastic`, a function of the step's number that
            returns one, such as the loss on a minibatch.
        start: parameters by name.
    """
    parameters, state = start, rule.start(start)
    yield parameters
    for step in range(steps):
        slope = gradient(loss(step) if stochastic else loss, parameters)  # type: ignore[arg-type]
        parameters, state = rule.step(parameters, slope, state)
        yield parameters
