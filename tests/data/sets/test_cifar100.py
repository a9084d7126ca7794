"""CIFAR-100 in both splits: from archives in the publishers' layouts, and the real images."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from data import python2, real
from PIL import Image

from innerloop.data.sets import cifar100
from innerloop.data.sets.cifar100 import Cifar100
from innerloop.data.sets.class_lists import class_lists
from innerloop.errors import UserError

SETS = {"cifarfs": (64, 16, 20), "fc100": (60, 20, 20)}
NAMES = sorted(name for names in class_lists("cifarfs").values() for name in names)
PARTS = {"train": 3, "test": 2}


@pytest.fixture
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar100, "PARTS", PARTS)


def images(part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images `(n, 32, 32, 3)` and labels of one part, in random order."""
    random = np.random.default_rng(len(part))
    labels = random.permutation(np.repeat(np.arange(100), PARTS[part]))
    return random.integers(0, 256, (len(labels), 32, 32, 3), np.uint8), labels


def publish(data: Path) -> Path:
    """The publisher's archive, with few images."""
    (data / "cifar100").mkdir(parents=True)
    contents: dict[str, object] = {"meta": {"fine_label_names": NAMES}}
    for part in PARTS:
        pixels, labels = images(part)
        rows = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2).reshape(-1, 3072))
        contents[part] = {"data": rows, "fine_labels": labels.tolist(), "batch_label": part}
    with tarfile.open(data / "cifar100" / cifar100.ARCHIVE, "w:gz") as archive:
        for name, content in contents.items():
            pickled = python2.dumps(content)
            info = tarfile.TarInfo(f"cifar-100-python/{name}")
            info.size = len(pickled)
            archive.addfile(info, io.BytesIO(pickled))
    return data


def publish_pictures(data: Path) -> Path:
    """The archive of the authors of CIFAR-FS, with the same images."""
    (data / "cifar-fs").mkdir(parents=True)
    with zipfile.ZipFile(data / "cifar-fs" / "cifar100.zip", "w") as archive:
        for part in PARTS:
            for number, (pixels, label) in enumerate(zip(*images(part), strict=True)):
                png = io.BytesIO()
                Image.fromarray(pixels).save(png, "PNG")
                place = f"cifar100/data/{NAMES[label]}"
                archive.writestr(f"{place}/{part}_{number:06}.png", png.getvalue())
    return data


def by_class(source: Cifar100, split: str) -> dict[str, set[bytes]]:
    pack = source.pack
    parts = np.split(pack.images(split), np.cumsum(pack.counts(split))[:-1])
    return {
        n: {p.tobytes() for p in part} for n, part in zip(pack.classes(split), parts, strict=True)
    }


@pytest.mark.usefixtures("_few_images")
@pytest.mark.parametrize("publisher", [publish, publish_pictures])
@pytest.mark.parametrize("split", SETS)
def test_every_class_has_its_images_of_both_parts(
    publisher: Callable[[Path], Path], split: str, tmp_path: Path
) -> None:
    source = Cifar100(str(publisher(tmp_path)), split)
    expected: dict[str, set[bytes]] = {name: set() for name in NAMES}
    for part in PARTS:
        for pixels, label in zip(*images(part), strict=True):
            expected[NAMES[label]].add(pixels.tobytes())
    for name_of_split, classes in zip(("train", "val", "test"), SETS[split], strict=True):
        read = by_class(source, name_of_split)
        assert len(read) == classes
        assert all(read[name] == expected[name] for name in read)


@pytest.mark.parametrize("split", SETS)
def test_no_class_of_the_published_lists_is_in_two_splits(split: str) -> None:
    lists = class_lists(split)
    assert tuple(len(names) for names in lists.values()) == SETS[split]
    assert len(set().union(*lists.values())) == 100


def test_the_superclasses_of_fc100_are_whole() -> None:
    """Each of the 20 superclasses has 5 classes, as in CIFAR-100's own list."""
    aquatic_mammals = ["beaver", "dolphin", "otter", "seal", "whale"]
    furniture = ["bed", "chair", "couch", "table", "wardrobe"]
    for superclass in (aquatic_mammals, furniture):
        owners = {s for s, names in class_lists("fc100").items() for n in names if n in superclass}
        assert len(owners) == 1


def test_another_number_of_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="100 classes of 600 images"):
        Cifar100(str(publish(tmp_path)), "fc100").prepare()


def test_another_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="choose cifarfs or fc100"):
        Cifar100(str(tmp_path), "cifar10")


@pytest.mark.slow
@pytest.mark.parametrize("split", SETS)
def test_the_real_images_have_the_published_mean(split: str, tmp_path: Path) -> None:
    data = real.folder("cifar100", tmp_path)
    source = Cifar100(str(data), split)
    means = []
    for name_of_split, classes in zip(("train", "val", "test"), SETS[split], strict=True):
        counts = source.pack.counts(name_of_split)
        assert len(counts) == classes and counts.min() >= 590  # 600 without the copies
        means.append(source.pack.images(name_of_split).mean((1, 2)))
    published = 255 * source.mean.numpy()
    np.testing.assert_allclose(np.concatenate(means).mean(0), published, atol=0.5)
