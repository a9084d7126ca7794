"""A learner of innerloop as a `FewShotClassifier` of easyfsl, for code that is written for those.

Importing this file needs easyfsl.
"""

from pathlib import Path
from typing import Self

import torch
from easyfsl.methods import FewShotClassifier
from torch import Tensor

from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.experiment.trained import load
from innerloop.layers import norm
from innerloop.tasks import Examples, Task


class InnerloopClassifier(FewShotClassifier):
    """Any classification algorithm with easyfsl's interface.

    Arguments:
        algorithm: a learner, whose objective has the classes of the coming tasks.
        steps: inner steps; 0 for a learner without steps.
        progress: how far its training is, in 0..1.
        use_softmax: whether `forward` returns probabilities.
    """

    def __init__(
        self, algorithm: Algorithm, steps: int, progress: float = 1.0, use_softmax: bool = False
    ) -> None:
        super().__init__(use_softmax=use_softmax)
        self.algorithm, self.steps = algorithm, steps
        self.register_buffer("progress", torch.tensor(progress))

    @classmethod
    def of_run(cls, run: Path | str, ways: int | None = None) -> Self:
        """The learner of a run's best checkpoint.

        Arguments:
            run: a run's folder, or a .ckpt file.
            ways: classes of the coming tasks; None for as many as in its test.

        Raises:
            UserError: if there is no such checkpoint.
        """
        trained = load(run, ways)
        return cls(trained.algorithm, trained.steps, float(trained.progress))

    def process_support_set(self, support_images: Tensor, support_labels: Tensor) -> None:
        """Keeps the support; `forward` adapts to it.

        Arguments:
            support_images: `(n, ...)`.
            support_labels: `(n,)`, all of 0, 1, ... `ways - 1`.

        Raises:
            UserError: for another number of classes than the learner answers.
        """
        ways, classes = self.algorithm.objective.classes(self.training), support_labels.unique()
        if len(classes) != ways or int(classes.max()) >= len(classes):
            raise UserError(
                f"The support has the classes {classes.tolist()}, and the learner answers "
                f"{ways}: 0 to {(ways or 0) - 1}. Give of_run(..., ways={len(classes)})."
            )
        self.support = Examples(support_images, support_labels)

    def forward(self, query_images: Tensor) -> Tensor:
        """Outputs `(n, ways)` for queries `(n, ...)`; gradients pass through the adaptation."""
        unknown = torch.zeros(len(query_images), dtype=torch.long, device=query_images.device)
        task = Task(self.support, Examples(query_images, unknown))
        *_, (_, outputs) = self.algorithm.trajectory(task, self.steps, self.progress)
        return self.softmax_if_specified(outputs)

    def is_transductive(self) -> bool:  # easyfsl's is static
        """Whether an answer may depend on the other queries."""
        return self.algorithm.joint_queries or "transductive" in norm.modes(self.algorithm)
