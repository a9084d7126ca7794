"""Tries the outer optimizer and its schedule up to the last step, before the training."""

import inspect
import warnings
from collections.abc import Callable, Iterable

import torch
from torch import nn

from innerloop.errors import UserError, blamed_on

Optimizer = torch.optim.Optimizer


def check(
    parameters: Iterable[nn.Parameter],
    optimizer: Callable[..., object],
    scheduler: Callable[[Optimizer], object] | None,
    steps: int,
) -> None:
    """Builds both as the training will, and steps them on a stand-in for the parameters.

    Arguments:
        parameters: those of the learner; they do not change.
        optimizer, scheduler: as `MetaLearner` takes them.
        steps: outer steps of the training.

    Raises:
        UserError: if either cannot be built, or cannot serve the training to its end.
    """
    values = list(parameters)
    if steps == 0:
        return
    if not values:
        raise UserError(
            f"outer.steps={steps}, but this learner has no parameters to train: test it as it is, "
            "with outer.steps=0, or choose a model that learns, such as model=linear."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with blamed_on("outer.optimizer"):
            optimizer(values)
            stepped = _stepped(optimizer([_stand_in()]))
        if scheduler is not None:
            with blamed_on("outer.scheduler"):
                _to_the_end(scheduler(stepped), steps)


def _stand_in() -> nn.Parameter:
    """A parameter with a gradient."""
    parameter = nn.Parameter(torch.ones(2, 2))
    parameter.grad = torch.ones(2, 2)
    return parameter


def _stepped(optimizer: object) -> Optimizer:
    """The optimizer after one step; raises `UserError` if the outer loop cannot use it."""
    kind = type(optimizer).__name__
    if not isinstance(optimizer, Optimizer):
        raise UserError(f"outer.optimizer: {kind} is not an optimizer of PyTorch.")
    if _needs_more(optimizer.step):
        raise UserError(
            f"outer.optimizer: {kind} evaluates the loss several times in a step, which the outer "
            "loop does not do: use one such as torch.optim.Adam or SGD."
        )
    optimizer.step()
    return optimizer


def _to_the_end(scheduler: object, steps: int) -> None:
    """Takes a schedule to the last outer step; a schedule made of others takes every step."""
    kind = type(scheduler).__name__
    if not isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler):
        raise UserError(f"outer.scheduler: {kind} is not a schedule of PyTorch.")
    if _needs_more(scheduler.step):
        raise UserError(
            f"outer.scheduler: {kind} needs a metric at every step, which the outer loop does not "
            "have: use one that goes by steps, such as CosineAnnealingLR or StepLR."
        )
    remaining = steps
    if not hasattr(scheduler, "_schedulers"):
        scheduler.last_epoch, remaining = steps - 1, 1
    for _ in range(remaining):
        scheduler.step()


def _needs_more(step: Callable[..., object]) -> bool:
    """Whether a step cannot be called without arguments."""
    parameters = inspect.signature(step).parameters.values()
    return any(p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD for p in parameters)
