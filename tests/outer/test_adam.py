"""Adam as a function of tensors is PyTorch's."""

import copy

import pytest
import torch
from torch import nn

from innerloop.outer import adam
from innerloop.outer.adam import AdamStep


def pair() -> tuple[list[nn.Parameter], torch.optim.Adam]:
    torch.manual_seed(0)
    parameters = [
        nn.Parameter(torch.randn(*shape, dtype=torch.float64)) for shape in ((3, 2), (4,))
    ]
    return parameters, torch.optim.Adam(parameters, lr=0.1, betas=(0.8, 0.95))


def gradients(step: int) -> list[torch.Tensor]:
    torch.manual_seed(step)
    return [torch.randn(3, 2, dtype=torch.float64), 10 * torch.randn(4, dtype=torch.float64)]


@pytest.mark.parametrize("clip", [None, 0.5, 1e6])
def test_steps_are_those_of_torch(clip: float | None) -> None:
    (ours, our_adam), (theirs, their_adam) = pair(), pair()
    step = None
    for number in range(6):
        rate = 0.1 / (1 + number)  # a schedule
        for optimizer in (our_adam, their_adam):
            optimizer.param_groups[0]["lr"] = rate
        for parameters in (ours, theirs) if number == 0 else (theirs,):
            for parameter, slope in zip(parameters, gradients(number), strict=True):
                parameter.grad = slope
        norm = nn.utils.get_total_norm(gradients(number))
        if clip is not None:
            nn.utils.clip_grad_norm_(theirs, clip)
        their_adam.step()
        if number == 0:  # the first step makes the state
            if clip is not None:
                nn.utils.clip_grad_norm_(ours, clip)
            our_adam.step()
            assert adam.suits(our_adam)
            step = AdamStep(our_adam, ours, clip)
            continue
        assert step is not None
        with torch.no_grad():
            told = step(ours, gradients(number), *step.tensors())
        torch.testing.assert_close(told, norm)
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(our_adam.state_dict(), their_adam.state_dict())


def test_a_loaded_state_is_noticed() -> None:
    parameters, optimizer = pair()
    for parameter, slope in zip(parameters, gradients(0), strict=True):
        parameter.grad = slope
    assert not adam.suits(optimizer)  # it has no state before its first step
    optimizer.step()
    step = AdamStep(optimizer, parameters, None)
    assert step.is_current()
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert not step.is_current()


@pytest.mark.parametrize("more", [{"amsgrad": True}, {"weight_decay": 0.1}, {"maximize": True}])
def test_variants_of_adam_are_left_to_torch(more: dict[str, float]) -> None:
    parameter = nn.Parameter(torch.ones(2))
    parameter.grad = torch.ones(2)
    for optimizer in (torch.optim.Adam([parameter], **more), torch.optim.SGD([parameter])):
        optimizer.step()
        assert not adam.suits(optimizer)
