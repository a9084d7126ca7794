"""Backbones against other libraries' with the same weights, in float64."""

import sys

import pytest
import torch
from helpers import close
from learn2learn.vision import models as theirs
from torch import Tensor, nn
from torchvision import models as pictures

from innerloop.errors import UserError
from innerloop.layers.maps import as_maps, map_shape
from innerloop.models.resnet12 import NARROW, ResNet12
from innerloop.models.resnet18 import ResNet18
from innerloop.models.timm import Timm
from innerloop.models.vit import ViT
from innerloop.models.wide_resnet import WideResNet


def take_over(ours: nn.Module, reference: nn.Module) -> None:
    """Gives the reference our parameters, in their order, after making them all random."""
    with torch.no_grad():
        for own, other in zip(ours.parameters(), reference.parameters(), strict=True):
            assert own.shape == other.shape
            other.copy_(own.normal_(std=0.1))


def millions(model: nn.Module) -> float:
    return round(sum(p.numel() for p in model.parameters()) / 1e6, 1)


def images(size: int, number: int = 3, channels: int = 3) -> Tensor:
    return torch.randn(number, channels, size, size, dtype=torch.float64)


@pytest.mark.parametrize("wider", [True, False])
def test_resnet12_equals_learn2learns(wider: bool) -> None:
    ours = ResNet12((3, 80, 80), **({} if wider else {"filters": NARROW})).double()
    reference = theirs.resnet12.ResNet12Backbone(wider=wider, dropblock_dropout=0.0).double()
    take_over(ours, reference)
    x = images(80, 2)
    close(ours(x).detach(), reference(x).detach())
    assert millions(ours) == (12.4 if wider else 8.0)


def test_resnet12_flattens_its_maps_or_averages_them() -> None:
    body, x = ResNet12((1, 40, 33), NARROW, average=False), torch.randn(2, 1, 40, 33)
    assert map_shape(body) == (512, 2, 2) and body.width == 2048
    torch.testing.assert_close(as_maps(body(x), map_shape(body)), body.blocks(x))
    body.average = True
    torch.testing.assert_close(body(x), body.blocks(x).mean((2, 3)))


def test_resnet12_drops_in_training_alone() -> None:
    body, x = ResNet12((1, 28, 28), NARROW, drop=0.2), torch.randn(2, 1, 28, 28)
    assert not torch.equal(body(x), body(x))
    body.eval()
    assert torch.equal(body(x), body(x))


def test_small_images_and_other_inputs_are_refused() -> None:
    with pytest.raises(UserError, match="takes images"):
        ResNet12((3,))
    with pytest.raises(UserError, match="needs 16x16"):
        ResNet12((3, 15, 84))


def test_resnet18_equals_torchvisions() -> None:
    ours, reference = ResNet18((3, 64, 64), stem="imagenet").double(), pictures.resnet18().double()
    reference.fc = nn.Identity()
    take_over(ours, reference)
    x = images(64)
    close(ours(x).detach(), reference(x).detach())
    assert millions(ours) == 11.2


def test_resnet18_keeps_small_images_large() -> None:
    body, x = ResNet18((1, 28, 20), average=False), torch.randn(2, 1, 28, 20)
    assert map_shape(body) == (512, 4, 3)
    torch.testing.assert_close(as_maps(body(x), map_shape(body)), body.blocks(body.stem(x)))
    with pytest.raises(UserError, match="choose small or imagenet"):
        ResNet18((1, 28, 28), stem="large")


def test_a_wide_resnet_equals_learn2learns() -> None:
    ours = WideResNet((3, 84, 84), depth=10, widen=2).double()
    reference = theirs.wrn28.WideResNet(10, 2, 0.0).double()
    by_name = dict(reference.named_parameters())
    with torch.no_grad():  # it registers the layers of a block in another order
        for own, name in zip(ours.parameters(), _in_our_order(by_name), strict=True):
            by_name[name].copy_(own.normal_(std=0.1))
    x = images(84, 2)
    close(ours(x).detach(), reference(x).detach())
    wide = WideResNet((3, 84, 84))
    assert millions(wide) == millions(theirs.WRN28(5).features) == 36.5
    assert wide.width == 640


def _in_our_order(names: dict[str, Tensor]) -> list[str]:
    def place(name: str) -> tuple[int, list[str], int]:
        *block, layer, _ = name.split(".")
        order = ["bn1", "conv1", "bn2", "conv2", "0"]
        first_or_last = {"conv1": 0, "bn1": 2}.get(layer, 1) if not block else 1
        return first_or_last, block[:2], order.index(layer) if block else 0

    return sorted(names, key=place)


def test_a_wide_resnets_maps() -> None:
    body, x = WideResNet((1, 10, 13), 10, 1, average=False), torch.randn(2, 1, 10, 13)
    assert map_shape(body) == (64, 3, 4) and body(x).shape == (2, body.width)
    with pytest.raises(UserError, match="10, 16, 22, 28"):
        WideResNet((1, 28, 28), depth=27)


def test_a_vision_transformer_equals_torchvisions() -> None:
    ours = ViT((3, 28, 28), patch=7, width=24, depth=2, heads=3).double()
    reference = pictures.VisionTransformer(
        image_size=28, patch_size=7, num_layers=2, num_heads=3, hidden_dim=24, mlp_dim=96
    ).double()
    reference.heads = nn.Identity()
    by_name = dict(reference.named_parameters())
    first = ["class_token", "encoder.pos_embedding"]
    with torch.no_grad():
        for own, name in zip(ours.parameters(), dict.fromkeys([*first, *by_name]), strict=True):
            by_name[name].copy_(own.normal_(std=0.3))
    x = images(28)
    close(ours(x).detach(), reference(x).detach())


def test_a_small_vision_transformer_is_as_large_as_timms() -> None:
    assert millions(ViT((3, 224, 224), patch=16)) == 21.7  # timm's vit_small_patch16_224
    with pytest.raises(UserError, match="patch must divide"):
        ViT((3, 28, 28), patch=5)


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto"])
def test_a_model_of_timm_gives_its_pooled_features(name: str) -> None:
    timm = pytest.importorskip("timm")
    body, x = Timm((1, 32, 32), name).eval(), torch.randn(2, 1, 32, 32)
    twin = timm.create_model(name, num_classes=0, in_chans=1).eval()
    twin.load_state_dict(body.network.state_dict())
    torch.testing.assert_close(body(x), twin(x))
    assert body(x).shape == (2, body.width)
    with pytest.raises(UserError, match="timm cannot build it"):
        Timm((1, 32, 32), "no_such_model")


def test_without_timm_its_models_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"install innerloop\[foundation\]"):
        Timm((1, 32, 32), "resnet18")
