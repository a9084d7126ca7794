"""miniImageNet from its pickles, and pickles that must not be read."""

import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data import real

from innerloop.data.packs import safe_pickle
from innerloop.data.sets import miniimagenet
from innerloop.data.sets.miniimagenet import MiniImageNet
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
def test_a_truncated_pickle_is_refused(tmp_path: Path) -> None:
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
def test_code_in_a_pickle_is_not_executed(tmp_path: Path, protocol: int) -> None:
    file, victim = tmp_path / "bad.pkl", tmp_path / "made"
    file.write_bytes(pickle.dumps({"image_data": Malicious(victim)}, protocol))
    with pytest.raises(UserError, match="asks for"):
        safe_pickle.load(file)
    assert not victim.exists()
    pickle.loads(file.read_bytes())  # what the plain pickle reader does
    assert victim.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_and_plain_containers_are_read(tmp_path: Path, protocol: int) -> None:
    content = {"a": np.arange(6).reshape(2, 3), "b": [1, ("c", {2.5})], "d": np.float32(3)}
    (tmp_path / "good.pkl").write_bytes(pickle.dumps(content, protocol))
    if protocol < 4:
        content["b"] = [1, ("c", [2.5])]  # a set needs builtins.set there
        (tmp_path / "good.pkl").write_bytes(pickle.dumps(content, protocol))
    loaded = safe_pickle.load(tmp_path / "good.pkl")
    np.testing.assert_array_equal(loaded.pop("a"), content.pop("a"))
    assert loaded == content


class Call:
    """An object that is pickled as the call of a function."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call


RECONSTRUCT = np.empty(0).__reduce__()[0]
BYTE = np.dtype("u1")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([1, "a", None], object), "something else than numbers"),
        (np.array(["a"]), "something else than numbers"),
        (np.zeros(3, [("a", "O")]), "something else than numbers"),
        (Call(np.ndarray, ((2**40,), BYTE)), "not a whole pickle"),
        (Call(RECONSTRUCT, (np.ndarray, (2**40,), b"O")), "not a whole pickle"),
        (
            Call(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (2**40,), BYTE, False, b"")),
            "not a whole pickle",
        ),
    ],
    ids=["objects", "texts", "fields", "size", "bare", "more"],
)
def test_pickles_of_other_than_numeric_arrays_are_refused(
    tmp_path: Path, value: Any, message: str
) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": value}))
    with pytest.raises(UserError, match=message):
        safe_pickle.load(tmp_path / "x.pkl")


def test_a_numeric_dtype_cannot_be_turned_into_an_object_dtype(tmp_path: Path) -> None:
    plain = pickle.dumps({"a": np.arange(8, dtype="<u8")}, 2)
    before_flags = b"J\xff\xff\xff\xff" * 2 + b"K"  # size and alignment, -1 each
    altered = plain.replace(before_flags + b"\0", before_flags + b"\x3f")
    assert altered != plain
    (tmp_path / "x.pkl").write_bytes(altered)
    array = safe_pickle.load(tmp_path / "x.pkl")["a"]
    assert not array.dtype.hasobject
    np.testing.assert_array_equal(array, np.arange(8))


def test_a_small_pickle_cannot_allocate_huge_memory(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(b"\x80\x02}r\xff\xff\xff\x7f.")  # puts {} at place 2**31
    tracemalloc.start()
    assert safe_pickle.load(tmp_path / "x.pkl") == {}
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<i2", ">i4", "u1", "?", "<f4", ">f8"])
@pytest.mark.parametrize("protocol", [2, 5])
def test_every_numeric_dtype_is_read(tmp_path: Path, kind: str, order: Any, protocol: int) -> None:
    expected = np.asarray(np.arange(6).reshape(2, 3), kind, order=order)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": {"b": expected}}, protocol))
    actual = safe_pickle.load(tmp_path / "x.pkl")["a"]["b"]
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.usefixtures("_two_classes")
@pytest.mark.parametrize("row", [1200, -1, 2.0, True, None, "0", [0], 5])
def test_row_indices_out_of_range_are_refused(tmp_path: Path, row: Any) -> None:
    file = publish(tmp_path) / "miniimagenet/mini-imagenet-cache-train.pkl"
    content = pickle.loads(file.read_bytes())
    content["class_dict"]["n1"][7] = row
    file.write_bytes(pickle.dumps(content))
    with pytest.raises(UserError, match="is not the train split of miniImageNet"):
        MiniImageNet(str(tmp_path)).prepare()


@pytest.mark.usefixtures("_two_classes")
def test_a_pipe_or_a_huge_file_is_refused(tmp_path: Path) -> None:
    file = publish(tmp_path) / "miniimagenet/mini-imagenet-cache-train.pkl"
    os.truncate(file, 20 * 2**30)
    with pytest.raises(UserError, match="too many for a file of this kind"):
        MiniImageNet(str(tmp_path)).prepare()
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(UserError, match="is a pipe or a device"):
        MiniImageNet(str(tmp_path)).prepare()


@pytest.mark.slow
def test_the_real_pickles_are_read(tmp_path: Path) -> None:
    source = MiniImageNet(str(real.folder("miniimagenet", tmp_path)))
    for split, classes in (("train", 64), ("val", 16), ("test", 20)):
        counts = source.pack.counts(split)
        assert len(counts) == classes
        assert counts.min() >= 598  # 600 without the copies
