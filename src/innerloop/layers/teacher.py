"""Distillation: a network learns from the answers of another one, which stays as it is."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop.layers.layout import call_opened
from innerloop.tasks import Examples


class Teacher(nn.Module):
    """A copy of a model in evaluation mode; its parameters are buffers: stored, never trained.

    Arguments:
        model: from inputs to logits.
        share: of the teacher in the loss, 0..1.
        temperature: of both networks' answers.
    """

    def __init__(self, model: nn.Module, share: float, temperature: float) -> None:
        super().__init__()
        self.model, self.share, self.temperature = frozen_copy(model), share, temperature
        self.eval()

    def train(self, mode: bool = True) -> "Teacher":
        """Stays in evaluation mode."""
        return super().train(False)

    def loss(self, labels: Tensor, outputs: Tensor, queries: Examples) -> Tensor:
        """The loss of the labels, mixed with the divergence of the logits `(n, classes)`.

        Arguments:
            labels: the learner's loss of the labels.
            outputs: the learner's logits for the inputs of `queries`.
        """
        lessons = call_opened(self.model, queries.inputs)
        real = queries.targets >= 0
        taught = distillation_loss(outputs, lessons, real, self.temperature)
        return (1 - self.share) * labels + self.share * taught


def frozen_copy(module: nn.Module) -> nn.Module:
    """A copy whose parameters are buffers.

    Example:
        >>> twin = frozen_copy(nn.Linear(2, 3))
        >>> len(list(twin.parameters())), sorted(twin.state_dict())
        (0, ['bias', 'weight'])
    """
    twin = copy.deepcopy(module)
    for part in twin.modules():
        for name, value in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, value.detach())
    return twin


def distillation_loss(outputs: Tensor, lessons: Tensor, real: Tensor, temperature: float) -> Tensor:
    r""":math:`T^2 \, KL(\sigma(u / T) \,\|\, \sigma(z / T))`, the mean over real rows (Hinton,
    Vinyals and Dean 2015). The factor keeps the gradient's size the same at every temperature.

    Arguments:
        outputs: logits z of the learner, `(n, classes)`.
        lessons: logits u of its teacher, `(n, classes)`; no gradient passes through them.
        real: `(n,)` bool, the rows that count.
        temperature: T.

    Example:
        >>> real = torch.tensor([True, True])
        >>> float(distillation_loss(torch.ones(2, 3), torch.zeros(2, 3), real, temperature=4.0))
        0.0
    """
    learned = F.log_softmax(outputs / temperature, dim=1)
    taught = F.log_softmax(lessons.detach() / temperature, dim=1)
    rows = (taught.exp() * (taught - learned)).sum(1)  # F.kl_div is slow under vmap
    return temperature**2 * torch.where(real, rows, 0).sum() / real.sum()
