"""The shape of images, as backbones check it."""

from collections.abc import Sequence

from innerloop.errors import UserError


def check_images(shape: Sequence[int], name: str, smallest: int) -> None:
    """Raises `UserError` for inputs that are no images, or too small.

    Arguments:
        shape: of one input, `[channels, height, width]` if it is an image.
        name: of the backbone, for the message.
        smallest: the least height and width.
    """
    if len(shape) != 3:
        raise UserError(
            f"model.body.input_shape={list(shape)}: {name} takes images, [channels, height, width]."
            " Use model=mlp for other inputs."
        )
    if min(shape[1:]) < smallest:
        raise UserError(
            f"model.body.input_shape={list(shape)}: nothing would be left of the images, as {name} "
            f"needs {smallest}x{smallest}. Use larger images, or model=conv4_strided."
        )
