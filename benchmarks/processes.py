"""Training with two processes (DDP, gloo) of one thread each, against one process of one thread."""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TRAIN = Path(__file__).resolve().parents[1] / "src" / "train.py"
TASKS, STEPS, EVERY, ROUNDS = 32, 30, 5, 3
SETTING = (
    "dataset=glyphs", "model=conv4", "episode.queries=1", f"outer.tasks={TASKS}", "threads=1",
    f"outer.steps={STEPS}", f"log_every={EVERY}", "evaluation.tasks=2", "evaluation.audit=0",
    "evaluation.validation.tasks=2", "evaluation.batch=1", "evaluation.curve=3",
)  # fmt: skip
TRAINERS = {
    "2 processes": ("trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu"),
    "1 process": ("trainer=cpu",),
}


def milliseconds(trainer: tuple[str, ...]) -> float:
    """The median time of an outer step of a training, in milliseconds, from its log."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(TRAIN), f"hydra.run.dir={folder}", *SETTING, *trainer]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with (Path(folder) / "metrics.csv").open(newline="") as lines:
            logged = [row["train/tasks_per_second"] for row in csv.DictReader(lines)]
    speeds = [float(speed) for speed in logged if speed and speed != "nan"]
    return 1e3 * TASKS / statistics.median(speeds[1:])  # the first steps warm up


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in TRAINERS}
    for _ in range(ROUNDS):
        for name, trainer in TRAINERS.items():
            times[name].append(milliseconds(trainer))
    entry = {
        "title": "a whole training, MAML, Conv4-64, 32 tasks: two processes against one",
        "unit": "ms", "at_least": 1.6, "threads": 1,
        "contenders": {n: {"value": statistics.median(t), "rounds": t} for n, t in times.items()},
    }  # fmt: skip
    print(json.dumps(entry))


if __name__ == "__main__":
    main()
