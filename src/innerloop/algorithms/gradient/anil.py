"""ANIL: adapt the head alone (Raghu et al., "Rapid learning or feature reuse? Towards understanding
the effectiveness of MAML", 2020)."""

from collections.abc import Iterator

from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.rules import SGD
from innerloop.adaptation.selection import moving
from innerloop.algorithms.gradient.maml import MAML, Adapted
from innerloop.layers.absent import mask_absent_classes
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs

HEAD, BODY = ("head.*",), ("body.*",)


class ANIL(MAML):
    r"""MAML whose inner loop moves only the head :math:`h`; the support's features :math:`f(x)` are
    computed once: :math:`h_{k+1} = h_k - \alpha \nabla_h L_{support}(h_k(f(x)))`.

    Where the head shares weights with the body, the features change with it, and every step
    computes them anew.

    Arguments:
        rate: inner learning rate :math:`\alpha`.
        steps: inner steps of training.

    Shapes: as of `MAML`.

    Deviations: none that is known.

    References:
        Raghu, Raghu, Bengio and Vinyals, "Rapid learning or feature reuse? Towards understanding
        the effectiveness of MAML", 2020.

    Example:
        >>> import torch
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> learner = ANIL(Network(MLP([1]), outputs=1), Regression(), rate=0.01)
        >>> support = Examples(torch.ones(3, 1), torch.zeros(3, 1))
        >>> before, after = learner.adapt(support, steps=1, progress=torch.tensor(0.0))
        >>> [k for k, p in after.parameters.items() if not torch.equal(p, before.parameters[k])]
        ['head.weight', 'head.bias']
    """

    def __init__(self, model: nn.Module, objective: Objective, rate: float, steps: int = 1) -> None:
        super().__init__(model, objective, rate, steps, adapted=HEAD)

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        start = moving(self.model, HEAD)
        if not start.keys().isdisjoint(moving(self.model, BODY)):
            yield from super().adapt(support, steps, progress)
            return
        features = task_tools.like(support.inputs, self.features(support.inputs))
        fixed = {k: p for k, p in self.model.named_parameters() if k not in start}

        def loss(
            parameters: Parameters, number: int, fixed: Parameters, embedded: Examples
        ) -> Tensor:
            outputs = self._head(fixed | parameters, embedded.inputs)
            return self.objective.loss(mask_absent_classes(outputs, embedded), embedded.targets)

        given = (fixed, Examples(features, support.targets))
        for parameters in descend(loss, start, steps, SGD(self.rate), given=given):
            yield Adapted(fixed | parameters)

    def _head(self, parameters: Parameters, features: Inputs) -> Tensor:
        own = {k.removeprefix("head."): p for k, p in parameters.items() if k.startswith("head.")}
        return self.call(self.model.head, own, features)  # type: ignore[arg-type]
