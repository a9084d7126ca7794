"""Damaged data folders, generated from seeds: each is quickly read correctly or refused."""

import os
import pickle
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from data import archive_damage, damage, publishers
from data.damage import some
from helpers import config
from omegaconf import DictConfig
from PIL import Image

from innerloop.data import download
from innerloop.data.images import ImageClasses
from innerloop.data.sets import card, miniimagenet
from innerloop.data.sets.folder import Folder
from innerloop.data.sets.miniimagenet import MiniImageNet
from innerloop.errors import UserError
from innerloop.experiment.parts.data import build_source

FIRST = int(os.environ.get("INNERLOOP_FUZZ_SEED", "0"))  #: seed of the damaged folders


@pytest.fixture(autouse=True)
def _small_and_off_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(*args: Any) -> None:
        raise ConnectionError("there is no network")

    monkeypatch.setattr(download, "_download", no_network)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    def late(*args: Any) -> None:
        raise TimeoutError(f"nothing came within {seconds} s")

    old = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def listing(root: Path) -> dict[Path, Any]:
    """All entries of a folder except packs; for files also sizes and times."""
    entries = {}
    for path in root.rglob("*"):
        of_pack = "packed" in path.relative_to(root).parts
        if of_pack and (path.name != "packed" or path.is_dir()):
            continue
        status = path.lstat()
        entries[path] = None if path.is_dir() else (status.st_size, status.st_mtime_ns)
    return entries


def tried(source: Callable[[], ImageClasses], root: Path) -> str:
    """`read` if a data set can be read, or else the refusing message; anything else fails."""
    before = listing(root)
    try:
        with within(5):
            data = source()
            data.prepare()
            for split in data.pack.splits:
                images, counts = data.pack.images(split), data.pack.counts(split)
                assert images.dtype == np.uint8 and len(images) == counts.sum()
                data.fingerprint(split)
        answer = "read"
    except UserError as error:
        answer = str(error)
        assert len(answer.splitlines()) <= 2 and 20 < len(answer) < 600, answer
        assert str(root) in answer, answer
    assert listing(root) == before
    return answer


# A user's folder.


def folder(root: Path) -> Path:
    for s, split in enumerate(("train", "val", "test")):
        for c in range(2):
            (root / split / f"{split}{c}").mkdir(parents=True)
            for i in range(3):
                pixels = np.random.default_rng([s, c, i]).integers(0, 255, (10, 9, 3), np.uint8)
                Image.fromarray(pixels).save(root / split / f"{split}{c}" / f"{i}.png")
    return root


@pytest.mark.parametrize("way", damage.IMAGE, ids=lambda way: way.__name__)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + 3))
def test_a_damaged_image_is_read_right_or_refused(way: Any, seed: int, tmp_path: Path) -> None:
    rng, root = np.random.default_rng([seed, 1]), folder(tmp_path / "mine")
    file = some(sorted(root.rglob("*.png")), rng)
    way(file, rng)
    answer = tried(lambda: Folder(str(root), size=8), tmp_path)
    readable = {"flips", "more", "hole", "exif", "cut", "sparse", "bomb_of_text"}
    assert (answer == "read" and way.__name__ in readable) or str(file) in answer, answer


def hidden(root: Path, rng: np.random.Generator) -> None:
    for name in (".DS_Store", "._0.png", ".hidden.png"):
        (some(sorted(root.glob("*/*")), rng) / name).write_bytes(rng.bytes(100))
    (root / "train" / ".git").mkdir()


def gone(root: Path, rng: np.random.Generator) -> None:
    shutil.rmtree(some(sorted([*root.glob("*"), *root.glob("*/*")]), rng))


def bare(root: Path, rng: np.random.Generator) -> None:
    for file in some(sorted(root.glob("*/*")), rng).iterdir():
        file.unlink()


def class_link(root: Path, rng: np.random.Generator) -> None:
    (some(sorted(root.glob("*")), rng) / "elsewhere").symlink_to("/nowhere/at/all")


def split_file(root: Path, rng: np.random.Generator) -> None:
    place = some(sorted(root.glob("*")), rng)
    shutil.rmtree(place)
    place.write_text("no folder")


def split_pipe(root: Path, rng: np.random.Generator) -> None:
    place = some(sorted([*root.glob("*"), *root.glob("*/*")]), rng)
    shutil.rmtree(place)
    os.mkfifo(place)


def packed_file(root: Path, rng: np.random.Generator) -> None:
    (root / "packed").write_text("a user's")


def packed_link(root: Path, rng: np.random.Generator) -> None:
    (root / "packed").symlink_to("/nowhere/at/all")


def packed_pipe(root: Path, rng: np.random.Generator) -> None:
    os.mkfifo(root / "packed")


def odd_names(root: Path, rng: np.random.Generator) -> None:
    for name in (b"a\xff\xfe", b"line\nbreak", b"\x1b[2J", "ß🙂".encode()):
        place = os.path.join(os.fsencode(root / "train"), name)
        os.mkdir(place)
        shutil.copy(root / "train" / "train0" / "0.png", os.path.join(place, b"x.png"))


WHOLE = [
    hidden, gone, bare, class_link, split_file, split_pipe, packed_file, packed_link, packed_pipe,
    odd_names,
]  # fmt: skip


@pytest.mark.parametrize("way", WHOLE, ids=lambda way: way.__name__)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + 2))
def test_a_damaged_folder_is_read_right_or_refused(way: Any, seed: int, tmp_path: Path) -> None:
    rng, root = np.random.default_rng([seed, 2]), folder(tmp_path / "mine")
    way(root, rng)
    answer = tried(lambda: Folder(str(root), size=8), tmp_path)
    if way in (hidden, odd_names):
        assert answer == "read"
    elif way not in (gone, split_pipe):  # where the others of a split may be left
        assert answer != "read"


@pytest.mark.parametrize("way", damage.FILE, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", ["pack.json", "train.u8", "test.u8"])
def test_a_damaged_pack_is_rebuilt(way: Any, name: str, tmp_path: Path) -> None:
    rng, root = np.random.default_rng(3), folder(tmp_path / "mine")
    source = Folder(str(root), size=8)
    source.prepare()
    expected = {split: np.array(source.pack.images(split)) for split in source.pack.splits}
    way(source.pack.folder / name, rng)
    again = Folder(str(root), size=8)
    with within(5):
        for split, images in expected.items():
            np.testing.assert_array_equal(again.pack.images(split), images)


@pytest.mark.parametrize("way", damage.FILE, ids=lambda way: way.__name__)
def test_a_damaged_class_list_is_read_right_or_refused(way: Any, tmp_path: Path) -> None:
    rng, root = np.random.default_rng(4), tmp_path / "mine"
    for split in ("train", "val", "test"):
        shutil.copytree(folder(tmp_path / "made" / split) / split, root, dirs_exist_ok=True)
    text = "".join(f"{s}: [{s}0, {s}1]\n" for s in ("train", "val", "test"))
    (root / "split.yaml").write_text(text)
    way(root / "split.yaml", rng)
    assert tried(lambda: Folder(str(root), str(root / "split.yaml"), size=8), tmp_path) != "read"


# The publishers' files, of every data set that has some.


class Copies(NamedTuple):
    """A published data set, of which each test damages a copy."""

    data: Path  #: the folder of all data sets
    published: publishers.Published
    settings: DictConfig

    def copy(self, root: Path) -> list[Path]:
        """The files in a copy of the data set."""
        lists = shutil.ignore_patterns("small *")
        shutil.copytree(self.data, root, dirs_exist_ok=True, ignore=lists)
        (root / self.settings.names.dataset).mkdir(exist_ok=True)  # of the packs
        return sorted(p for p in root.rglob("*") if p.is_file())

    def source(self, root: Path) -> ImageClasses:
        """The data set in a copy."""
        settings = self.settings.copy()
        settings.paths.data = str(root)
        if settings.dataset.get("path") is not None:
            settings.dataset.path = settings.dataset.path.replace(str(self.data), str(root))
        built = build_source(settings)
        assert isinstance(built, ImageClasses)
        return built


@pytest.fixture(scope="module", params=card.names())
def copies(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Copies]:
    data, name = tmp_path_factory.mktemp("published"), request.param
    with pytest.MonkeyPatch.context() as patches:
        published = publishers.publish(name, data / card.card(name).folder, patches)
        settings = config(f"dataset={name}", f"paths.data={data}", *published.overrides)
        yield Copies(data, published, settings)


@pytest.mark.parametrize("way", damage.FILE, ids=lambda way: way.__name__)
def test_a_damaged_published_file_is_read_right_or_refused(
    copies: Copies, way: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng([FIRST, 5])
    way(some(copies.copy(tmp_path / "data"), rng), rng)
    answer = tried(lambda: copies.source(tmp_path / "data"), tmp_path)
    single = {"cut", "sparse"} if not copies.published.files else set()  # images as such
    assert answer != "read" or way.__name__ in {"flips", "hole", "more"} | single, answer


@pytest.mark.parametrize("way", archive_damage.NAMES, ids=lambda way: way.__name__)
def test_an_archive_with_other_files_is_read_right_or_refused(
    copies: Copies, way: Any, tmp_path: Path
) -> None:
    files, rng = copies.copy(tmp_path / "data"), np.random.default_rng([FIRST, 6])
    if not archive_damage.damage(files, way, rng):
        pytest.skip("its images are in arrays, or a folder has no such names")
    beside = set(tmp_path.parent.iterdir())
    answer = tried(lambda: copies.source(tmp_path / "data"), tmp_path)
    if way is archive_damage.junk:
        assert answer == "read"
    assert set(tmp_path.parent.iterdir()) == beside  # nothing left the folder of all data sets
    if way in (archive_damage.lacking, archive_damage.lacking_class, archive_damage.none):
        assert answer != "read"


@pytest.mark.parametrize("way", archive_damage.BROKEN, ids=lambda way: way.__name__)
def test_an_archive_with_a_broken_image_is_refused(
    copies: Copies, way: Any, tmp_path: Path
) -> None:
    files, rng = copies.copy(tmp_path / "data"), np.random.default_rng([FIRST, 7])
    if not archive_damage.damage(files, way, rng):
        pytest.skip("its images are in arrays, or a folder has no such names")
    assert tried(lambda: copies.source(tmp_path / "data"), tmp_path) != "read"


@pytest.mark.parametrize("way", archive_damage.MODES, ids=lambda way: way.__name__)
def test_images_of_every_mode_are_read_or_refused(copies: Copies, way: Any, tmp_path: Path) -> None:
    files, rng = copies.copy(tmp_path / "data"), np.random.default_rng([FIRST, 8])
    if not archive_damage.damage(files, way, rng):
        pytest.skip("its images are in arrays, or a folder has no such names")
    answer = tried(lambda: copies.source(tmp_path / "data"), tmp_path)
    assert answer == "read" or way is archive_damage.sixteen_bits, answer


def test_a_published_file_that_runs_code_is_refused(copies: Copies, tmp_path: Path) -> None:
    made = tmp_path / "made by code"
    for file in copies.copy(tmp_path / "data")[:6]:
        file.write_bytes(pickle.dumps({"data": Runs(made)}))
        assert tried(lambda: copies.source(tmp_path / "data"), tmp_path) != "read"
        assert not made.exists()


class Runs:
    """Makes a folder when it is unpickled as usual."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patches:
        publishers.publish("miniimagenet", root / "miniimagenet", patches)
        yield root


def contents(rng: np.random.Generator) -> dict[str, Any]:
    """Pickle contents that are wrong under the right names."""
    images, rows = np.zeros((600, 84, 84, 3), np.uint8), {"n0": list(range(600))}
    deep: list = []
    for _ in range(60):
        deep = [deep, deep]  # 2**60 lists if they are written out
    return {
        "a list": [images, rows],
        "nothing": {},
        "no rows": {"image_data": images},
        "objects": {"image_data": images[:2].astype(object), "class_dict": rows},
        "floats": {"image_data": images[:2] / 255, "class_dict": rows},
        "small": {"image_data": images[:, :8, :8], "class_dict": rows},
        "few": {"image_data": images[:599], "class_dict": rows},
        "beyond": {"image_data": images, "class_dict": {"n0": [*range(599), 600]}},
        "twice": {"image_data": images, "class_dict": {"n0": [*range(599), 5]}},
        "unnamed": {"image_data": images, "class_dict": {0: rows["n0"]}},
        "no list": {"image_data": images, "class_dict": {"n0": 600}},
        "deep rows": {"image_data": images, "class_dict": {"n0": [deep] * 600}},
        "deep images": {"image_data": deep, "class_dict": rows},
        "texts": {"image_data": "images", "class_dict": "rows"},
        "scalars": {"image_data": np.uint8(3), "class_dict": np.float32(2)},
    }


@pytest.mark.parametrize("what", contents(np.random.default_rng(0)))
def test_a_pickle_with_wrong_contents_is_refused(
    what: str, published: Path, tmp_path: Path
) -> None:
    shutil.copytree(published / "miniimagenet", tmp_path / "miniimagenet")
    file = tmp_path / "miniimagenet" / miniimagenet.FILES["train"]
    file.write_bytes(pickle.dumps(contents(np.random.default_rng(0))[what]))
    assert str(file) in tried(lambda: MiniImageNet(str(tmp_path)), tmp_path)
