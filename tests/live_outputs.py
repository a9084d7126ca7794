"""Folders of finished and of running trainings, without training anything."""

import itertools
import json
import math
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import yaml
from finished_runs import finished_run

from innerloop.machine import lock

ALGORITHMS = ("maml", "anil", "protonet", "reptile")
EVERY, STEPS = 50, 1000  #: outer steps between two rows, and of a training
HEADER = (
    "inside/meta_gradient_norm,step,train/accuracy,train/accuracy_before,train/loss,"
    "train/tasks_per_second,val/accuracy"
)


def row(step: int, level: float, validation: bool = False, norm: float = 1.0) -> str:
    """A line of `metrics.csv` after an outer step.

    Arguments:
        level: the accuracy that the training approaches.
        norm: of the meta-gradient.
    """
    accuracy = level - (level - 0.2) * math.exp(-step / 300)
    if validation:
        return f",{step},,,,,{accuracy:.4f}"
    return f"{norm},{step},{accuracy + 0.03:.4f},0.2,{1 - accuracy:.4f},80.0,"


def begin(folder: Path, algorithm: str, seed: int, rate: float, done: int, level: float) -> Path:
    """The folder of a training that has done some outer steps."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "seed": seed, "inner": {"rate": rate, "steps": 5}, "outer": {"steps": STEPS, "tasks": 4},
        "episode": {"test": {"ways": 5, "shots": 1, "queries": 15}},
        "names": {"algorithm": algorithm, "dataset": "mine", "command": f"train seed={seed}"},
        "algorithm": {"_target_": f"innerloop.{algorithm}", "rate": rate},
        "paths": {"run": str(folder)},
    }  # fmt: skip
    for name in ("config.yaml", "composed.yaml"):
        (folder / name).write_text(yaml.safe_dump(config))
    steps = range(EVERY, done + 1, EVERY)
    rows = itertools.chain.from_iterable(
        [row(s, level), *([row(s, level, validation=True)] if s % 100 == 0 else [])] for s in steps
    )
    (folder / "metrics.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return folder


def finish(folder: Path, algorithm: str, seed: int, rate: float, level: float) -> Path:
    """The folder of a finished training."""
    finished_run(folder, algorithm, seed, level)
    content = json.loads((folder / "results.json").read_text())
    with np.load(folder / "scores.npz") as scores:
        arrays = dict(scores)
    curve = arrays["accuracy"]
    for step in range(curve.shape[1]):
        mean = {"mean": float(curve[:, step].mean()), "ci95": 0.01, "tasks": len(curve)}
        content["test"][f"accuracy/step_{step}"] = mean
    (folder / "results.json").write_text(json.dumps(content))
    np.savez(folder / "scores.npz", **arrays, **{"curve/accuracy": curve})
    return begin(folder, algorithm, seed, rate, STEPS, level)


def many(outputs: Path, finished: int, running: int) -> list[Path]:
    """Finished runs of several algorithms, rates and seeds, and running ones, which come back."""
    numbers = itertools.count()
    rates = [round(0.01 * 1.2**i, 4) for i in range(1 + finished // 12)]
    members = itertools.product(rates, ALGORITHMS, (0, 1, 2))
    for rate, algorithm, seed in itertools.islice(members, finished):
        level = 0.6 + 0.05 * ALGORITHMS.index(algorithm) - 0.3 * rate + 0.01 * seed
        finish(outputs / "grid" / f"{next(numbers)}_mine", algorithm, seed, rate, level)
    return [
        begin(outputs / "now" / f"{i}_mine", ALGORITHMS[i % 4], i // 4, 0.1, 300 + 10 * i, 0.8)
        for i in range(running)
    ]


@contextmanager
def at_work(folders: list[Path], every: float = 0.5) -> Iterator[None]:
    """While open, another process holds these runs and adds a row to each now and then."""
    context = multiprocessing.get_context("spawn")
    end, ready = context.Event(), context.Event()
    process = context.Process(target=_work, args=(folders, every, ready, end))
    process.start()
    ready.wait(60)
    try:
        yield
    finally:
        end.set()
        process.join()


def _work(folders: list[Path], every: float, ready: Event, end: Event) -> None:
    for folder in folders:
        lock.hold(folder)
    ready.set()
    for number in itertools.count():
        step = min(500 + EVERY * number // 40, STEPS)
        for folder in folders:
            with (folder / "metrics.csv").open("a") as file:
                file.write(row(step, 0.8) + "\n")
        if end.wait(every):
            return
