"""miniImageNet from its pickles, and pickles that must not be read."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data import real

from innerloop.data import miniimagenet, safe_pickle
from innerloop.data.miniimagenet import MiniImageNet
from innerloop.errors import UserError


def publish(data: Path, classes: int = 2, images: int = 600, protocol: int = 4) -> Path:
    """Pickles in the publisher's layout, with few classes."""
    folder = data / "miniimagenet"
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for name in miniimagenet.FILES.values():
        pixels = random.integers(0, 255, (classes * images, 84, 84, 3), np.uint8)
        rows = {f"n{c}": list(range(c * images, (c + 1) * images)) for c in range(classes)}
        content = {"image_data": pixels, "class_dict": rows}
        (folder / name).write_bytes(pickle.dumps(content, protocol))
    return data


@pytest.fixture
def _two_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(miniimagenet, "CLASSES", dict.fromkeys(("train", "val", "test"), 2))


@pytest.mark.usefixtures("_two_classes")
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_reads_the_publishers_pickles(tmp_path: Path, protocol: int) -> None:
    source = MiniImageNet(str(publish(tmp_path, protocol=protocol)))
    assert source.pack.images("train").shape == (1200, 84, 84, 3)
    content = pickle.loads((tmp_path / "miniimagenet/mini-imagenet-cache-train.pkl").read_bytes())
    np.testing.assert_array_equal(source.pack.images("train")[:1200], content["image_data"])


def test_other_contents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="64 classes of 600 images"):
        MiniImageNet(str(publish(tmp_path, images=4))).prepare()


@pytest.mark.usefixtures("_two_classes")
def test_a_cut_pickle_is_refused(tmp_path: Path) -> None:
    file = publish(tmp_path) / "miniimagenet/mini-imagenet-cache-train.pkl"
    os.truncate(file, 10_000)
    with pytest.raises(UserError, match="delete it and run again"):
        MiniImageNet(str(tmp_path)).prepare()


class Malicious:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.victim),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_a_pickle_is_not_run(tmp_path: Path, protocol: int) -> None:
    file, victim = tmp_path / "bad.pkl", tmp_path / "made"
    file.write_bytes(pickle.dumps({"image_data": Malicious(victim)}, protocol))
    with pytest.raises(UserError, match="asks for"):
        safe_pickle.load(file)
    assert not victim.exists()
    pickle.loads(file.read_bytes())  # what a plain reader would have done
    assert victim.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_plain_containers_are_read(tmp_path: Path, protocol: int) -> None:
    content = {"a": np.arange(6).reshape(2, 3), "b": [1, ("c", {2.5})], "d": np.float32(3)}
    (tmp_path / "good.pkl").write_bytes(pickle.dumps(content, protocol))
    if protocol < 4:
        content["b"] = [1, ("c", [2.5])]  # a set needs builtins.set there
        (tmp_path / "good.pkl").write_bytes(pickle.dumps(content, protocol))
    found = safe_pickle.load(tmp_path / "good.pkl")
    np.testing.assert_array_equal(found.pop("a"), content.pop("a"))
    assert found == content


@pytest.mark.slow
def test_the_real_pickles(tmp_path: Path) -> None:
    source = MiniImageNet(str(real.folder("miniimagenet", tmp_path)))
    for split, classes in (("train", 64), ("val", 16), ("test", 20)):
        counts = source.pack.counts(split)
        assert len(counts) == classes
        assert counts.min() >= 598  # 600 but for copies
