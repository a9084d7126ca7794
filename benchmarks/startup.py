"""The time until `--help`, shell completion and the first step of a small run are done."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TRAIN = str(Path(__file__).resolve().parents[1] / "src" / "train.py")
ROUNDS = 5
IMPORTS = "import os, torch, lightning, hydra; os._exit(0)"
FIRST = "+callbacks.end={_target_: benchmarks.first_step.ExitAfterFirstStep}"


def seconds(command: list[str], **environment: str) -> float:
    """The time that a program takes, in seconds."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *command], env=os.environ | environment, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - began


def main() -> None:
    typed = {"COMP_LINE": "python src/train.py data", "COMP_POINT": "24"}
    with tempfile.TemporaryDirectory() as folder:
        small = [TRAIN, f"hydra.run.dir={folder}", "outer.steps=100", "engine.compile=false", FIRST]
        programs: dict[str, Callable[[], float]] = {
            "first step of a small eager run": lambda: seconds(small),
            "importing torch, lightning and hydra": lambda: seconds(["-c", IMPORTS]),
            "--help": lambda: seconds([TRAIN, "--help"]),
            "shell completion": lambda: seconds([TRAIN, "-sc", "query=bash"], **typed),
        }
        rounds = [{name: run() for name, run in programs.items()} for _ in range(ROUNDS)]
    times = {name: [each[name] for each in rounds] for name in programs}
    entry = {
        "title": "start-up: the first step of a small eager run against its imports by themselves",
        "unit": "s", "at_most": 1.3, "threads": 1,
        "contenders": {n: {"value": statistics.median(t), "rounds": t} for n, t in times.items()},
    }  # fmt: skip
    print(json.dumps(entry))


if __name__ == "__main__":
    main()
