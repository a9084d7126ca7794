"""Random changes of training images, for all images of a batch at once and on their device."""

import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop.errors import UserError


class Augmentation:
    """Random resized crop, horizontal flip, brightness and contrast; each image draws its own.

    Validation and test images stay as they are. Random numbers are torch's, whose state is stored
    in checkpoints, so that a resumed run continues as if it had not stopped.

    Arguments:
        crop: least and largest share of the area that a crop keeps; `[1, 1]` for none.
        stretch: largest ratio of the sides of a crop, and its inverse the smallest.
        flip: probability of a mirror image; 0 for characters, which mean something else then.
        brightness: largest shift, in standard deviations of the data set.
        contrast: largest relative change of the distances to the image's mean.

    Deviations: torchvision's jitter multiplies pixels before they are normalised, and also changes
    saturation and hue.

    Raises:
        UserError: for shares, ratios or probabilities that are impossible.

    Example:
        >>> Augmentation()(torch.randn(2, 5, 3, 32, 32)).shape
        torch.Size([2, 5, 3, 32, 32])
    """

    def __init__(
        self,
        crop: tuple[float, float] = (0.4, 1.0),
        stretch: float = 4 / 3,
        flip: float = 0.5,
        brightness: float = 0.4,
        contrast: float = 0.4,
    ) -> None:
        low, high = crop
        if not 0 < low <= high <= 1 or stretch < 1 or not 0 <= flip <= 1:
            raise UserError(
                f"augment: crop={[low, high]}, stretch={stretch}, flip={flip}: give shares of the "
                "area from 0 to 1, a ratio from 1, and a probability."
            )
        if not 0 <= contrast < 1 or brightness < 0:
            raise UserError(
                f"augment: brightness={brightness}, contrast={contrast}: give a shift from 0, and "
                "a relative change from 0 to 1."
            )
        self.crop, self.stretch, self.flip = (low, high), stretch, flip
        self.brightness, self.contrast = brightness, contrast

    def __call__(self, images: Tensor) -> Tensor:
        """Changed images of the same shape.

        Arguments:
            images: `(..., channels, height, width)`, normalised.

        Raises:
            UserError: for other inputs.
        """
        if images.dim() < 4 or not images.is_floating_point():
            raise UserError(f"augment= changes images, not inputs of shape {list(images.shape)}.")
        flat = images.reshape(-1, *images.shape[-3:])
        return self._jittered(self._cropped(flat)).reshape(images.shape)

    def _cropped(self, images: Tensor) -> Tensor:
        """Crops and mirror images, by one bilinear look-up."""
        count = len(images)
        area = _uniform(images, count, *self.crop).sqrt()
        ratio = self.stretch ** _uniform(images, count, -0.5, 0.5)
        size = torch.stack([area * ratio, area / ratio], 1).clamp(max=1)  # width, height
        centre = (1 - size) * _uniform(images, (count, 2), -1, 1)
        mirror = torch.where(_uniform(images, count, 0, 1) < self.flip, -1.0, 1.0).to(images)
        affine = torch.zeros(count, 2, 3, device=images.device, dtype=images.dtype)
        affine[:, 0, 0], affine[:, 1, 1], affine[:, :, 2] = mirror * size[:, 0], size[:, 1], centre
        grid = F.affine_grid(affine, list(images.shape), align_corners=False)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def _jittered(self, images: Tensor) -> Tensor:
        shape = (len(images), 1, 1, 1)
        shift = _uniform(images, shape, -self.brightness, self.brightness)
        factor = _uniform(images, shape, 1 - self.contrast, 1 + self.contrast)
        mean = images.mean((1, 2, 3), keepdim=True)
        return (images - mean) * factor + mean + shift


def _uniform(like: Tensor, shape: int | tuple[int, ...], low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(shape, device=like.device, dtype=like.dtype)
