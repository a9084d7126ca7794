"""Any backbone of the library timm, by name, with pretrained weights or without."""

from collections.abc import Sequence

from torch import Tensor, nn

from innerloop.errors import UserError
from innerloop.models.images import check_images


class Timm(nn.Module):
    """The features of a model of timm, after its own pooling.

    Batch norm in it follows `norm=`, as in any network of PyTorch's layers.

    Arguments:
        input_shape: channels, height and width of an image.
        name: of the model, such as `resnet18` or `vit_small_patch16_224.dino`.
        pretrained: whether to take timm's weights, which it downloads from the Hugging Face hub.

    Shapes: images `(n, channels, height, width)`, features `(n, width)`.

    Deviations: images are normalised as the data set does, not as the pretrained weights expect.

    Raises:
        UserError: without timm, and for models that it does not have or cannot build.
    """

    map_shape = None  #: its features are pooled

    def __init__(self, input_shape: Sequence[int], name: str, pretrained: bool = False) -> None:
        super().__init__()
        check_images(input_shape, "timm", 1)
        try:
            import timm
        except ImportError as error:
            raise UserError(
                "model=timm needs the library timm: install innerloop[foundation], or choose "
                "model=resnet18."
            ) from error
        try:
            self.network: nn.Module = timm.create_model(
                name, pretrained=pretrained, num_classes=0, in_chans=input_shape[0]
            )
        except Exception as error:  # of a kind that differs from model to model
            raise UserError(
                f"model.body.name={name}, pretrained={pretrained}: timm cannot build it "
                f"({str(error).splitlines()[0]}). timm.list_models() lists the names."
            ) from error
        self.width = int(self.network.num_features)

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network(images)
        return features
