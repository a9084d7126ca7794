"""Several processes on one data folder: each reads its own pack, independently of the others."""

import multiprocessing
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from innerloop.data.packs.writing import Classes
from innerloop.data.sets.folder import Folder
from innerloop.tasks import Episode

SPLITS = ("train", "val", "test")
EPISODE = Episode(3, 1, 2)
CONTEXT = multiprocessing.get_context("fork")


def fill(root: Path) -> Path:
    for s, split in enumerate(SPLITS):
        for c in range(3):
            (root / split / f"{split}{c}").mkdir(parents=True)
            for i in range(4):
                pixels = np.random.default_rng([s, c, i]).integers(0, 255, (24, 24, 3), np.uint8)
                Image.fromarray(pixels).save(root / split / f"{split}{c}" / f"{i}.png")
    return root


def resized(root: Path, split: str, size: int) -> np.ndarray:
    """All images of a split, resized with Pillow only."""
    images = [Image.open(file) for file in sorted((root / split).rglob("*.png"))]
    return np.stack([np.asarray(i.resize((size, size), Image.Resampling.LANCZOS)) for i in images])


def is_whole(source: Folder, size: int) -> bool:
    """Whether the pack, and the tasks drawn from it, hold the folder's images in this size."""
    for split in SPLITS:
        expected = resized(source.folder, split, size)
        if not np.array_equal(source.pack.images(split), expected):
            return False
        drawn = (
            source.tasks(split, np.arange(3), EPISODE, 0).query.inputs.movedim(2, -1).flatten(0, 1)
        )
        known = {image.tobytes() for image in expected}
        if not all(image.tobytes() in known for image in drawn.numpy()):
            return False
    return True


def both_at_once(folders: list[Path], sizes: tuple[int, ...]) -> list[list[bool]]:
    """The results of processes that pack every folder at the same moment, each in its own size."""
    start, after = CONTEXT.Barrier(len(sizes)), CONTEXT.Barrier(len(sizes))
    queue: Any = CONTEXT.Queue()

    def work(number: int, size: int) -> None:
        results = []
        for folder in folders:
            source = Folder(str(folder), size=size)
            start.wait(60)
            source.prepare()
            after.wait(60)  # both packs exist before either is read
            results.append(is_whole(source, size))
        queue.put((number, results))

    children = [CONTEXT.Process(target=work, args=pair) for pair in enumerate(sizes)]
    for child in children:
        child.start()
    results = dict(queue.get(timeout=120) for _ in children)
    for child in children:
        child.join(60)
    return [results[i] for i in range(len(sizes))]


def test_two_sizes_of_one_folder_never_mix_in_20_rounds(tmp_path: Path) -> None:
    folders = [fill(tmp_path / str(n)) for n in range(20)]
    assert both_at_once(folders, (8, 9)) == [[True] * 20] * 2


def test_processes_of_one_size_build_one_pack(tmp_path: Path) -> None:
    folders = [fill(tmp_path / str(n)) for n in range(3)]
    assert both_at_once(folders, (8, 8)) == [[True] * 3] * 2
    assert [len([*(f / "packed").glob("[!.]*")]) for f in folders] == [1] * 3


def test_of_four_processes_one_reads_the_images(tmp_path: Path) -> None:
    root, start = fill(tmp_path / "mine"), CONTEXT.Barrier(4)
    queue: Any = CONTEXT.Queue()

    class Noted(Folder):
        def read(self) -> Mapping[str, Classes]:
            queue.put("read")
            return super().read()

    def work() -> None:
        source = Noted(str(root), size=8)
        start.wait(60)
        source.prepare()
        queue.put("right" if is_whole(source, 8) else "wrong")

    children = [CONTEXT.Process(target=work) for _ in range(4)]
    for child in children:
        child.start()
    assert sorted(queue.get(timeout=120) for _ in range(5)) == ["read", *["right"] * 4]
    for child in children:
        child.join(60)
    assert queue.empty()


def test_a_run_keeps_its_images_when_the_folder_changes(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine")
    source = Folder(str(root), size=8)
    source.prepare()
    expected = {split: resized(root, split, 8) for split in SPLITS}
    print_ = source.fingerprint("test")
    shutil.rmtree(root)
    fill(root)
    Image.new("RGB", (8, 8)).save(root / "train" / "train0" / "9.png")
    Folder(str(root), size=8).prepare()
    source.prepare()  # as a test does after the training
    for split in SPLITS:
        np.testing.assert_array_equal(source.pack.images(split), expected[split])
    assert source.fingerprint("test") == print_
