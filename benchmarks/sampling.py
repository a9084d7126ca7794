"""The time of sampling 32 Omniglot tasks, 5-way with 2 examples, as float on the CPU: innerloop
against learn2learn's tasksets. Omniglot is read from `INNERLOOP_DATA`; without it, noise is used.
"""

import contextlib
import io
import json
import os
import statistics
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.peers import timed
from innerloop.data.module import TaskData
from innerloop.data.sets.card import card
from innerloop.data.sets.omniglot import Omniglot
from innerloop.tasks import Episode

TASKS, ROUNDS = 32, 5
FILES = tuple(card("omniglot").files)


def ours(folder: Path) -> Callable[[int], Any]:
    """A function from a number to that batch of innerloop's tasks."""
    source = Omniglot(str(folder))
    data = TaskData(
        source, Episode(5, 1, 1), Episode(5, 1, 1), steps=1, tasks=TASKS, validation_tasks=1,
        test_tasks=1, batch=1, seed=0, evaluation_seed=0,
    )  # fmt: skip
    data.prepare_data()
    return lambda number: data.on_after_batch_transfer(data.training_batch(number), 0)


def theirs(folder: Path, root: Path) -> Callable[[int], Any]:
    """A function that samples as many tasks by `get_tasksets`, from the same drawings."""
    with contextlib.redirect_stderr(io.StringIO()):
        import learn2learn
    from torchvision.datasets import Omniglot as Drawings

    for name in FILES:
        with zipfile.ZipFile(folder / "omniglot" / name) as archive:
            archive.extractall(root / Drawings.folder)
    with mock.patch.object(Drawings, "_check_integrity", return_value=True):  # accept noise too
        sets = learn2learn.vision.benchmarks.get_tasksets(
            "omniglot", train_ways=5, train_samples=2, test_ways=5, test_samples=2, root=str(root)
        )
    return lambda number: [sets.train.sample() for _ in range(TASKS)]


@contextlib.contextmanager
def drawings() -> Iterator[Path]:
    """A folder of data sets with Omniglot's zips: the real ones or noise."""
    given = Path(os.environ.get("INNERLOOP_DATA", "nowhere"))
    if (given / "omniglot").exists():
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "omniglot").mkdir()
        write_noise(Path(folder) / "omniglot")
        yield Path(folder)


def write_noise(folder: Path) -> None:
    """Writes the two zips of Omniglot with the right names, sizes and format, but random pixels."""
    from importlib import resources

    from PIL import Image

    rng, lists = np.random.default_rng(0), resources.files("innerloop.data") / "splits"
    names = [n for s in ("train", "val", "test")
             for n in (lists / f"omniglot_vinyals_{s}.txt").read_text().split()]  # fmt: skip
    halves = (names[:964], names[964:])
    for file, part in zip(FILES, halves, strict=True):
        with zipfile.ZipFile(folder / file, "w") as archive:
            for place, name in enumerate(part):
                for drawer in range(20):
                    png = io.BytesIO()
                    Image.fromarray(rng.random((105, 105)) > 0.05).save(png, "PNG")
                    inside = f"{Path(file).stem}/{name}/{place:04}_{drawer + 1:02}.png"
                    archive.writestr(inside, png.getvalue())


def main() -> None:
    with drawings() as folder, tempfile.TemporaryDirectory() as root:
        samplers = {
            "innerloop": timed(ours(folder)),
            "learn2learn": timed(theirs(folder, Path(root))),
        }
        steps = {"innerloop": 500, "learn2learn": 2}
        times: dict[str, list[float]] = {name: [] for name in samplers}
        for _ in range(ROUNDS):
            for name, seconds in samplers.items():
                times[name].append(1e3 * seconds(steps[name]))
    entry = {
        "title": "sampling 32 Omniglot tasks, 5-way, 2 examples, as float on the CPU",
        "unit": "ms", "at_least": 150, "threads": 1,
        "contenders": {n: {"value": statistics.median(t), "rounds": t} for n, t in times.items()},
    }  # fmt: skip
    print(json.dumps(entry))


if __name__ == "__main__":
    main()
