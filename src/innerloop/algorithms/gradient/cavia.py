"""CAVIA: adapt only a few context parameters, and share all weights (Zintgraf et al., "Fast context
adaptation via meta-learning", 2019)."""

from collections.abc import Iterator, Sequence

from torch import Tensor, nn
from torch.func import functional_call

from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters, first_order, unrolled
from innerloop.adaptation.rules import SGD
from innerloop.algorithms.gradient.maml import MAML, Adapted
from innerloop.layers.absent import mask_absent_classes
from innerloop.layers.film import FiLM
from innerloop.objectives import Objective
from innerloop.tasks import Examples


class CAVIA(MAML):
    r"""Inner loop on a context vector alone, from zero for every task; outer loop on all weights:

    .. math:: c_{k+1} = c_k - \alpha \nabla_c L_{support}(\theta, c_k), \quad c_0 = 0, \qquad
        \min_\theta L_{query}(\theta, c_K).

    The context enters linear layers as further inputs, and scales and shifts the outputs of
    normalisations (`innerloop.layers.film`).

    Arguments:
        rate: inner learning rate :math:`\alpha`; 1.0 in the paper.
        steps: inner steps :math:`K` of training.
        context: context parameters.
        layers: patterns of the names of the layers that they enter.
        first_order: treat inner gradients as constants.

    Shapes: as of `MAML`; the context is `(context,)`.

    Raises:
        UserError: if `rate` is not positive or no layer can take the context.

    Deviations: the scale of a normalisation is :math:`1 + G c`; the authors' code has a linear
    layer with a bias in its place, beside batch norm's own scale and shift. It clips every entry of
    a task's meta-gradient to ±10, and draws what leads from the context to linear layers together
    with their weights.

    References:
        Zintgraf, Shiarlis, Kurin, Hofmann and Whiteson, "Fast context adaptation via
        meta-learning", 2019. Code: lmzintgraf/cavia.

    Example:
        >>> import torch
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Regression
        >>> model = Network(MLP([1]), outputs=1)
        >>> learner = CAVIA(model, Regression(), rate=1.0, context=5, layers="body.layers.1")
        >>> support = Examples(torch.ones(3, 1), torch.zeros(3, 1))
        >>> before, after = learner.adapt(support, steps=1, progress=torch.tensor(0.0))
        >>> [k for k, p in after.parameters.items() if not torch.equal(p, before.parameters[k])]
        ['body.layers.1.bias']
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        rate: float,
        steps: int = 1,
        context: int = 5,
        layers: str | Sequence[str] = "body.*",
        first_order: bool = False,
    ) -> None:
        super().__init__(model, objective, rate, steps, first_order)
        self.context = context
        self.film = FiLM(self.model, (layers,) if isinstance(layers, str) else layers, context)
        self.adapted = self.film.changes

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Adapted]:
        weights: Parameters = dict(self.model.named_parameters())
        film: Parameters = dict(self.film.named_parameters())
        start = {"context": next(iter(film.values())).new_zeros(self.context)}

        def loss(
            context: Parameters, number: int, weights: Parameters, film: Parameters, rows: Examples
        ) -> Tensor:
            outputs = self.call(self.model, self._with(context, weights, film), rows.inputs)
            return self.objective.loss(mask_absent_classes(outputs, rows), rows.targets)

        gradient, given = first_order if self.first_order else unrolled, (weights, film, support)
        for context in descend(loss, start, steps, SGD(self.rate), gradient, given):
            yield Adapted(self._with(context, weights, film))

    def _with(self, context: Parameters, weights: Parameters, film: Parameters) -> Parameters:
        """The weights, of which some depend on the context."""
        changed: Parameters = functional_call(self.film, film, (weights, context["context"]))
        return weights | changed
