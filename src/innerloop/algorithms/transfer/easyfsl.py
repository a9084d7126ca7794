"""Any method of easyfsl that classifies features (Bennequin et al., "easyfsl", 2021)."""

from collections.abc import Iterator, Mapping
from importlib import import_module

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.transfer.classifier import Classifier
from innerloop.errors import UserError
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Padded


class EasyFSL(Classifier):
    r"""Outputs of a `FewShotClassifier` of easyfsl, which sees the features of the body:

    .. math:: F(f(x)), \quad F = \text{method.process\_support\_set}(f(S), y).

    with the body :math:`f`, the support :math:`S` and its labels :math:`y`.

    Shapes: features are `(n, d)`, outputs `(queries, ways)`.

    References:
        Bennequin et al., "Easy Few-Shot Learning", https://github.com/sicara/easy-few-shot-learning.

    Deviations: the body is trained by plain classification, where easyfsl also trains episodes.
    easyfsl numbers the classes that a support has; a class without support gets minus infinity
    here. Methods that need maps of features or networks of their own, such as `RelationNetworks`
    and `FEAT`, are left out: innerloop has its own.

    Arguments:
        model: `body`, to features `(n, d)`, and a linear `head` for training on plain batches.
        method: the name of a class of `easyfsl.methods`, such as `PrototypicalNetworks`.
        options: its keywords, such as `{fine_tuning_steps: 25}`.

    Raises:
        UserError: if easyfsl is not installed, or has no such method.

    Example:
        >>> from innerloop.models.identity import Identity
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> model = Network(Identity([2]), 64)
        >>> learner = EasyFSL(model, Classification(64, 2)).eval()  # doctest: +SKIP
        >>> support = Examples(torch.eye(2), torch.tensor([0, 1]))
        >>> (adapted,) = learner.adapt(support, 0, torch.tensor(1.0))  # doctest: +SKIP
        >>> learner.predict(adapted, 3 * torch.eye(2)).argmax(1)  # doctest: +SKIP
        tensor([0, 1])
    """

    adapts_by_steps = False
    joint_queries = True  # of the transductive methods
    one_by_one = "easyfsl's methods keep the support in themselves"
    package = "easyfsl"

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        method: str = "PrototypicalNetworks",
        options: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(model, objective)
        try:
            methods = import_module("easyfsl.methods")
        except ImportError:
            raise UserError("algorithm=easyfsl needs a package: pip install easyfsl.") from None
        if not hasattr(methods, method):
            raise UserError(f"algorithm.method={method}: easyfsl.methods has no such class.")
        self.method, self.options = getattr(methods, method), dict(options or {})
        self.joint_queries = self.method.is_transductive()  # type: ignore[misc]

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Examples]:
        real = support.targets >= 0
        yield Examples(task_tools.values(support.inputs)[real], support.targets[real])

    def predict(self, adapted: Examples, inputs: Inputs) -> Tensor:
        rows = task_tools.values(inputs)
        real = inputs.real if isinstance(inputs, Padded) else rows.new_ones(len(rows)).bool()
        present, labels = adapted.targets.unique(return_inverse=True)
        outputs = rows.new_full((len(rows), self.ways), -torch.inf)
        outputs[:, present] = 0.0
        outputs[real.nonzero(), present] = self._answers(adapted.inputs, labels, rows[real])
        return outputs

    def _answers(self, support: Tensor, labels: Tensor, queries: Tensor) -> Tensor:
        """Outputs `(queries, classes)` of easyfsl's method; some methods take gradient steps."""
        with torch.inference_mode(False), torch.enable_grad():  # a test may switch both
            support, labels, queries = (x.detach().clone() for x in (support, labels, queries))
            method = self.method(**self.options).to(support)
            method.process_support_set(support, labels)
            answers: Tensor = method(queries)
        return answers.detach().to(queries)
