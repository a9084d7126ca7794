"""Adam and the clipping of gradients as a function of tensors, so that they can be captured
together with the meta-gradient."""

from collections.abc import Hashable, Sequence

import torch
from torch import Tensor, nn

PLAIN = {"weight_decay": 0, "amsgrad": False, "maximize": False, "differentiable": False}


class AdamStep:
    """The step of an optimizer whose state it shares, so that checkpoints know nothing of it.

    Arguments:
        optimizer: one that `suits`, after its first step.
        parameters: those that are trained.
        clip: largest norm of the gradient; None for no limit.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: Sequence[nn.Parameter],
        clip: float | None,
    ) -> None:
        (group,) = optimizer.param_groups
        states = [optimizer.state[parameter] for parameter in parameters]
        self.group, self.clip, self._first = group, clip, states[0]["exp_avg"]
        self._parameters, self._optimizer = parameters, optimizer
        self._rate = torch.zeros((), dtype=torch.float64, device=self._first.device)
        self._state: list[Tensor] = [
            state[name] for name in ("exp_avg", "exp_avg_sq", "step") for state in states
        ]

    @property
    def settings(self) -> Hashable:
        """All that the function depends on beside its tensors."""
        return self.clip, *self.group["betas"], self.group["eps"]

    def is_current(self) -> bool:
        """Whether the optimizer still has this state, and has not loaded another."""
        state = self._optimizer.state.get(self._parameters[0], {})
        return state.get("exp_avg") is self._first

    def tensors(self) -> list[Tensor]:
        """The state and the learning rate, as `__call__` takes them."""
        self._rate.fill_(self.group["lr"])
        return [*self._state, self._rate]

    def __call__(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor], *tensors: Tensor
    ) -> Tensor:
        """Moves parameters and state in place; returns the gradient's norm before clipping."""
        number, rate = len(parameters), tensors[-1]
        averages, squares, steps = (tensors[i * number : (i + 1) * number] for i in range(3))
        norm = torch.stack([(g * g).sum() for g in gradients]).sum().sqrt()
        scale = 1.0 if self.clip is None else (self.clip / (norm + 1e-6)).clamp(max=1.0)
        (first, second), eps = self.group["betas"], self.group["eps"]
        count = steps[0].double() + 1
        rate, root = rate / (1 - first**count), (1 - second**count).sqrt()
        for p, g, m, v, step in zip(parameters, gradients, averages, squares, steps, strict=True):
            slope = g * scale
            average, square = m.lerp(slope, 1 - first), second * v + (1 - second) * slope * slope
            moved = rate.to(p.dtype) * average / (square.sqrt() / root.to(p.dtype) + eps)
            p.copy_(p - moved)
            m.copy_(average)
            v.copy_(square)
            step.copy_(step + 1)
        return norm


def suits(optimizer: torch.optim.Optimizer) -> bool:
    """Whether `AdamStep` does what the optimizer does; it must have taken a step."""
    if type(optimizer) is not torch.optim.Adam or len(optimizer.param_groups) != 1:
        return False
    (group,) = optimizer.param_groups
    plain = all(group[name] == value for name, value in PLAIN.items())
    trained = [p for p in group["params"] if p.requires_grad]
    if not plain or any(p not in optimizer.state for p in trained):
        return False
    places = {x.device for p in trained for x in (p, optimizer.state[p]["step"])}
    return len(places) == 1 and len({p.dtype for p in trained}) == 1
