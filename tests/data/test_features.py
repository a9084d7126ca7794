"""Tasks of features: those of the images, encoded once for a whole split."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data.numbered import Numbered
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from innerloop.data.features import encoder as encoders
from innerloop.data.features.efficientnet_lite0 import EfficientNetLite0
from innerloop.data.features.encoder import ImageEncoder
from innerloop.data.features.feature_classes import FeatureClasses
from innerloop.data.features.seen_classes import seen_classes
from innerloop.data.features.timm_model import TimmModel
from innerloop.data.packs.resident import Places
from innerloop.data.padding import map_inputs
from innerloop.data.sets.glyphs import Glyphs
from innerloop.errors import UserError
from innerloop.tasks import Episode, Range, Task

CPU = torch.device("cpu")
SIZES = [9, 12, 8, 10]
EQUAL, UNEQUAL = Episode(3, 2, 4), Episode(3, Range(1, 3), 2, "uniform")


class Pixels(nn.Module):
    """Counts how often it is asked, and passes pixels on."""

    asked = 0

    def forward(self, images: Tensor) -> Tensor:
        Pixels.asked += 1
        return images.flatten(1)


class Raw(ImageEncoder):
    """Features that are the pixels of the images, so that they can be recognised."""

    def __init__(self, scale: int = 1, width: int = 3 * 4 * 4) -> None:
        super().__init__(width=width, size=4, batch=5, pretrained_on="nothing")
        self.scale = scale

    @property
    def recipe(self) -> dict[str, Any]:
        return {"network": "raw", "scale": self.scale}

    def load(self) -> nn.Module:
        return Pixels()

    def normalised(self, images: Tensor) -> Tensor:
        return images * self.scale


def features(folder: Path, rotations: bool = False, **more: Any) -> FeatureClasses:
    return FeatureClasses(Numbered(folder, SIZES, rotations), Raw(**more), CPU)


def pixels(task: Task) -> Task:
    """The oracle: the images of a task, grey in three channels, as rows of numbers."""
    colour = lambda images: images.float().expand(*images.shape[:-3], 3, -1, -1)  # noqa: E731
    return map_inputs(lambda images: colour(images).flatten(-3), task)


def same(actual: Task, expected: Task) -> None:
    tree_map(lambda a, b: torch.testing.assert_close(a, b, rtol=0, atol=1e-4), actual, expected)


@pytest.fixture(autouse=True)
def fresh_count() -> None:
    Pixels.asked = 0


@pytest.mark.parametrize("rotations", [False, True])
@pytest.mark.parametrize("episode", [EQUAL, UNEQUAL])
def test_tasks_of_features_are_the_encoded_tasks_of_images(
    tmp_path: Path, episode: Episode, rotations: bool
) -> None:
    request = ("val", np.arange(6), episode, 7)
    source = features(tmp_path, rotations)
    own, images = source.tasks(*request), source.source.tasks(*request)
    same(map_inputs(source.transform, own), pixels(images))
    assert (source.classes(*request) == source.source.classes(*request)).all()


def test_plain_batches_and_features_on_the_device_are_the_same(tmp_path: Path) -> None:
    source = features(tmp_path, rotations=True)
    request = ("train", np.arange(3), 20, 7)
    same(source.batches(*request), pixels(source.source.batches(*request)))
    source.on_device = True
    source.use_device(CPU)
    sent = source.compact_batches(*request)
    assert isinstance(sent.query.inputs, Places)
    same(map_inputs(source.transform, sent), source.batches(*request))


def test_a_split_is_encoded_once_and_only_when_it_is_read(tmp_path: Path) -> None:
    request = (np.arange(2), EQUAL, 0)
    features(tmp_path).check("test", EQUAL)
    features(tmp_path).fingerprint("test")
    assert Pixels.asked == 0
    first = features(tmp_path).tasks("test", *request)
    once = Pixels.asked
    assert once == sum(-(-size // 5) for size in SIZES)  # batches of 5 in each class
    same(features(tmp_path).tasks("test", *request), first)
    assert Pixels.asked == once
    features(tmp_path).tasks("val", *request)
    features(tmp_path, scale=2).tasks("test", *request)
    assert Pixels.asked == 3 * once


def test_an_interrupted_encoding_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: Pixels, images: Tensor) -> Tensor:
        Pixels.asked += 1
        if Pixels.asked > 3:
            raise KeyboardInterrupt
        return images.flatten(1)

    source = features(tmp_path)
    _ = source.source.pack
    before = sorted(tmp_path.rglob("*.*32"))
    monkeypatch.setattr(Pixels, "forward", failing)
    with pytest.raises(KeyboardInterrupt):
        source.pack.images("test")
    assert sorted(tmp_path.rglob("*.*32")) == before == []
    assert not list(tmp_path.rglob("*.part"))


def test_features_that_were_altered_are_computed_again(tmp_path: Path) -> None:
    expected = features(tmp_path).tasks("test", np.arange(2), EQUAL, 0)
    (file,) = tmp_path.rglob("test.f32")
    file.write_bytes(bytes(file.stat().st_size))
    same(features(tmp_path).tasks("test", np.arange(2), EQUAL, 0), expected)


def test_data_workers_read_the_same_features_and_carry_no_network(tmp_path: Path) -> None:
    source = features(tmp_path)
    expected = source.tasks("test", np.arange(2), EQUAL, 0)
    copy = pickle.loads(pickle.dumps(source))
    assert copy.encoder._network is None
    same(copy.tasks("test", np.arange(2), EQUAL, 0), expected)


def test_tasks_keep_the_identity_of_their_images(tmp_path: Path) -> None:
    source = features(tmp_path)
    assert source.fingerprint("test") == source.source.fingerprint("test")


def test_a_wrong_width_and_images_without_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"encoder.width=7.*\[48\]"):
        features(tmp_path, width=7).pack.images("test")
    with pytest.raises(UserError, match="Glyphs has no files"):
        FeatureClasses(Glyphs(), Raw(), CPU)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(encoders.importlib, "import_module", missing)
    with pytest.raises(UserError, match=r"\[foundation\]"):
        _ = EfficientNetLite0().recipe


def test_classes_seen_in_pretraining_are_found_by_number_and_by_name() -> None:
    names = ["n01981276", "n00000001", "Sea_Lion", "bottle", "beer bottle"]
    assert seen_classes("ImageNet-1k", names) == ["n01981276", "Sea_Lion", "beer bottle"]
    assert seen_classes("LAION-2B", names) is None


def test_efficientnet_scales_pixels_by_its_own_rule() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    encoder, network = EfficientNetLite0(size=64), EfficientNetLite0(size=64).load().eval()
    images = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        maps = network.network.extract_features((images.float() - 127) / 128)
    torch.testing.assert_close(encoder.encode(images, CPU), maps.mean((2, 3)), rtol=1e-4, atol=1e-4)


def test_a_timm_network_is_named_by_its_weights(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    network = timm.create_model("resnet10t", num_classes=1000)
    checksums, features = [], []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        torch.nn.init.normal_(network.conv1[0].weight)
        torch.save(network.state_dict(), tmp_path / "weights.pth")
        encoder = TimmModel("resnet10t", 512, size=64, weights=str(tmp_path / "weights.pth"))
        checksums.append(encoder.recipe["weights"])
        features.append(encoder.encode(torch.full((2, 1, 8, 8), 99, dtype=torch.uint8), CPU))
    assert checksums[0] == checksums[1] != checksums[2]
    network.eval().reset_classifier(0)
    with torch.no_grad():
        colours = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        mean, deviation = (c.view(3, 1, 1).expand(3, 64, 64) for c in colours)
        expected = network(((99 / 255 - mean) / deviation)[None])
    torch.testing.assert_close(features[2], expected.expand(2, -1), rtol=1e-3, atol=1e-4)
