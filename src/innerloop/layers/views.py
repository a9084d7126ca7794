"""Further views of images, shifted and mirrored: the same for every image, and for every run."""

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.errors import UserError
from innerloop.tasks import Examples, Inputs, Padded

REACH = 0.1  #: largest shift, as a share of height and width
STEPS = (0.7548776662, 0.5698402910)  #: of a sequence that fills a square evenly (Roberts 2018)


def view(images: Tensor, number: int, mirrors: bool = True) -> Tensor:
    """One view of images `(..., channels, height, width)`; number 0 is the images themselves.

    A view shifts by up to a tenth of the side, repeats the edge, and, if its number is odd and
    `mirrors` is set, exchanges left and right.

    Example:
        >>> image = torch.arange(3.0).view(1, 1, 3)
        >>> view(image, 0).tolist(), view(image, 1).tolist()
        ([[[0.0, 1.0, 2.0]]], [[[2.0, 1.0, 0.0]]])
    """
    for dim, step in zip((-2, -1), STEPS, strict=True):
        side = images.shape[dim]
        shift = round(side * REACH * (2 * ((0.5 + number * step) % 1) - 1))
        places = (torch.arange(side, device=images.device) + shift).clamp(0, side - 1)
        images = images.index_select(dim, places)
    return images.flip(-1) if mirrors and number % 2 else images


def with_views(support: Examples, number: int) -> Examples:
    """A batch of supports in which each image comes `number` times, each time in another view.

    Arguments:
        support: images `(T, n, channels, height, width)` and labels `(T, n)`.

    Raises:
        UserError: for inputs that are no images.
    """
    inputs = task_tools.values(support.inputs)
    if not isinstance(inputs, Tensor) or inputs.dim() != 5:
        raise UserError(
            f"algorithm.views={number} are views of images, and this data set has other inputs: "
            "use algorithm.views=1."
        )
    views: Inputs = torch.cat([view(inputs, i) for i in range(number)], 1)
    if isinstance(support.inputs, Padded):
        views = Padded(views, support.inputs.real.repeat(1, number))
    return Examples(views, support.targets.repeat(1, number))
