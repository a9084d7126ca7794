"""RFS: a good embedding is all you need, with logistic regression on it (Tian et al., "Rethinking
few-shot image classification: a good embedding is all you need?", 2020)."""

from collections.abc import Iterator

from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.transfer.classifier import Classifier
from innerloop.errors import UserError
from innerloop.layers.logistic import LinearHead, fit_logistic
from innerloop.layers.teacher import Teacher
from innerloop.layers.views import with_views
from innerloop.objectives import Objective
from innerloop.tasks import Examples, Inputs, Task, over_tasks

TEMPERATURE = 4.0  #: of the answers of teacher and learner


class RFS(Classifier):
    r"""Trains body :math:`f` and head by cross-entropy over all training classes; for a task, fits
    logistic regression to the support's features of length 1 and leaves the body as it is:

    .. math:: \min_{W,b} \frac{1}{2C} |W|^2 + \sum_i L(W z_i + b, y_i), \qquad
        z_i = \frac{f(x_i)}{|f(x_i)|}.

    Distilled (`algorithm=rfs_distill`), a second network of the same kind is trained from scratch
    on the labels and on the answers of the first, its teacher (`distil_from=RUN`), by

    .. math:: (1 - \beta)\, L(z, y) + \beta\, T^2 \, KL(\sigma(u / T) \,\|\, \sigma(z / T))

    with logits z, the teacher's logits u and :math:`T = 4`.

    Shapes: features are `(n, width)`, the fitted head `(ways, width)` and `(ways,)`, outputs
    `(queries, ways)`; in training `(size, classes)` over all training classes.

    References:
        Tian, Wang, Krishnan, Tenenbaum and Isola, "Rethinking few-shot image classification: a good
        embedding is all you need?", 2020.

    Deviations: the authors' code draws the five views of a support image at random, with changes of
    colour; here they are the image itself and four shifts, two of them mirrored, the same in every
    run. Their published figures have `views=5`, which the paper does not say. The teacher is the
    checkpoint that validation chose; theirs is the last. They train on
    augmented images, which is a matter of the data set. The regression is scikit-learn's, fitted
    by other means, see `innerloop.layers.logistic`.

    Arguments:
        model: `body`, to features `(n, width)`, and a linear `head` with an output for each
            training class, as `training=batches` gives it.
        c: :math:`C`, the weight of the loss against the penalty.
        views: of each support image; 1 for the images alone.
        lessons: :math:`\beta`, the share of the teacher in the loss; 0 without a teacher.

    Raises:
        UserError: for a `c` that is not positive, less than one view, and a share outside 0..1.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> body = nn.Flatten()
        >>> body.width = 2
        >>> learner = RFS(Network(body, 64), Classification(64, 2)).eval()
        >>> support = Examples(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1]))
        >>> (head,) = learner.adapt(support, steps=0, progress=torch.tensor(1.0))
        >>> learner.predict(head, torch.tensor([[0.0, 9.0]])).argmax(1)
        tensor([0])
    """

    adapts_by_steps = False

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        c: float = 1.0,
        views: int = 1,
        lessons: float = 0.0,
    ) -> None:
        super().__init__(model, objective)
        if not c > 0 or views < 1:
            raise UserError(
                f"algorithm.c={c}, algorithm.views={views}: logistic regression takes a c above "
                "zero, such as 1.0, and one view or more of each image."
            )
        if not 0 <= lessons <= 1:
            raise UserError(f"algorithm.lessons={lessons}: a share from 0 to 1, such as 0.5.")
        self.c, self.views = c, views
        self.teacher = Teacher(self.model, lessons, TEMPERATURE) if lessons else None

    def forward(self, tasks: Task, progress: Tensor, side_by_side: bool = True) -> Tensor:
        if self.teacher is None:
            return super().forward(tasks, progress, side_by_side)
        teacher = self.teacher

        def loss(seen: tuple[Task, Task]) -> Tensor:
            embedded, task = seen
            outputs = self.head(task_tools.values(embedded.query.inputs))
            return teacher.loss(self.meta_loss(embedded, progress), outputs, task.query)

        return over_tasks(loss, (self.embed(tasks), tasks), side_by_side).mean()

    def embed(self, tasks: Task) -> Task:
        if self.training or self.views == 1:
            return super().embed(tasks)
        return super().embed(Task(with_views(tasks.support, self.views), tasks.query))

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[LinearHead | None]:
        """A head fitted to features `(n, width)`; None without any, for that of the training."""
        if task_tools.count(support) == 0:
            yield None
            return
        directions = F.normalize(task_tools.values(support.inputs), dim=1)
        known = Examples(task_tools.like(support.inputs, directions), support.targets)
        yield fit_logistic(known, self.ways, self.c)

    def predict(self, adapted: LinearHead | None, inputs: Inputs) -> Tensor:
        features = task_tools.values(inputs)
        if adapted is None:
            return self.head(features)
        return adapted.outputs(F.normalize(features, dim=1))
