"""The outer optimizer and its schedule are tried to the end of the training before it begins."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.optim import lr_scheduler as schedules

from innerloop.errors import UserError
from innerloop.experiment import schedule

STEPS = 7


def check(optimizer: Any = optim.Adam, scheduler: Any = None) -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.detach().clone()
    schedule.check(layer.parameters(), optimizer, scheduler, STEPS)
    assert torch.equal(layer.weight, before) and layer.weight.grad is None


def one_cycle(total: int) -> Any:
    return partial(schedules.OneCycleLR, max_lr=0.1, total_steps=total)


def after_three(total: int) -> Any:
    """A OneCycleLR that begins after three steps, as a part of another schedule."""
    return lambda o: schedules.SequentialLR(
        o, [schedules.ConstantLR(o), one_cycle(total)(o)], milestones=[3]
    )


@pytest.mark.parametrize(
    "scheduler",
    [
        None, one_cycle(STEPS), after_three(STEPS - 3), partial(schedules.StepLR, step_size=2),
        partial(schedules.CosineAnnealingLR, T_max=STEPS), partial(schedules.LinearLR),
        partial(schedules.LambdaLR, lr_lambda=lambda step: 1 / (1 + step)),
    ],
)  # fmt: skip
def test_schedules_that_last_to_the_end_are_accepted(scheduler: Any) -> None:
    check(scheduler=scheduler)


@pytest.mark.parametrize(
    ("optimizer", "scheduler", "line"),
    [
        (optim.LBFGS, None, "LBFGS evaluates the loss several times"),
        (optim.SparseAdam, None, "outer.optimizer: SparseAdam"),
        (partial(optim.Adam, lr=-1), None, "outer.optimizer: Invalid learning rate: -1"),
        (nn.Flatten, None, "outer.optimizer"),
        (optim.Adam, schedules.ReduceLROnPlateau, "needs a metric"),
        (optim.Adam, schedules.StepLR, "outer.scheduler: .*step_size"),
        (optim.Adam, one_cycle(STEPS - 1), "outer.scheduler: Tried to step 7 times"),
        (optim.Adam, after_three(STEPS - 4), "outer.scheduler: Tried to step"),
        (optim.Adam, lambda o: o, "outer.scheduler"),
        (partial(optim.Adagrad, lr=0.1), schedules.CyclicLR, "outer.scheduler"),
    ],
)
def test_schedules_and_optimizers_that_would_fail_later_are_refused_at_once(
    optimizer: Any, scheduler: Any, line: str
) -> None:
    with pytest.raises(UserError, match=line):
        check(optimizer, scheduler)


def test_a_refused_one_cycle_schedule_does_fail_in_training() -> None:
    for total in range(2, STEPS + 3):
        optimizer = optim.SGD([nn.Parameter(torch.ones(1))], 0.1)
        moved, ends = one_cycle(total)(optimizer), True
        optimizer.step()
        try:
            for _ in range(STEPS):
                moved.step()
        except ValueError:
            ends = False
        try:
            check(optim.SGD, one_cycle(total))
            assert ends
        except UserError:
            assert not ends
