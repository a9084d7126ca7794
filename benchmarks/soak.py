"""A long training with everything switched on, to see whether memory or open files grow.

`python benchmarks/soak.py` trains on sinusoids for 200,000 steps on one thread, with a checkpoint
every 1000 steps in addition to those of validation, the CSV log and an offline W&B run. It writes
`benchmarks/results/soak.json`: resident memory and open files of the training process, and the
memory of W&B's own process, every 2000 steps. The first tenth counts as warm-up.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import lightning
import torch

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks" / "results" / "soak.json"
SAMPLES = "samples.jsonl"
EVERY = 2000


class Sampler(lightning.Callback):
    """Records memory and open files.

    Arguments:
        folder: the run's folder.
    """

    def __init__(self, folder: str) -> None:
        self.file = Path(folder) / SAMPLES

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        if trainer.global_step % EVERY == 0:
            own = f"/proc/{os.getpid()}"
            sample = {
                "step": trainer.global_step,
                "megabytes": megabytes(os.getpid()),
                "files": len(os.listdir(f"{own}/fd")),
                "service_megabytes": sum(map(megabytes, children(os.getpid()))),
            }
            with self.file.open("a") as file:
                file.write(json.dumps(sample) + "\n")


def megabytes(process: int) -> float:
    """Resident memory of a process, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def children(process: int) -> list[int]:
    """The child processes of a process, started by any of its threads."""
    lists = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for file in lists for child in file.read_text().split()]


def train(folder: Path, steps: int) -> float:
    """Runs the training and returns its time in seconds."""
    began = time.perf_counter()
    command = [
        sys.executable, str(ROOT / "src" / "train.py"), f"outer.steps={steps}", "outer.tasks=4",
        "logger=[csv,wandb]", "logger.wandb.offline=true", "callbacks.last.steps=1000",
        "+callbacks.soak._target_=soak.Sampler", "+callbacks.soak.folder=${paths.run}",
        "trainer=cpu", "threads=1", f"hydra.run.dir={folder}",
    ]  # fmt: skip
    place = {"PYTHONPATH": str(ROOT / "benchmarks"), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, env=os.environ | place)
    return time.perf_counter() - began


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--steps", type=int, default=200_000)
    steps = arguments.parse_args().steps
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        seconds = train(folder, steps)
        samples = [json.loads(line) for line in (folder / SAMPLES).read_text().splitlines()]
        unfinished = len(list(folder.rglob("*.unfinished")))
        checkpoints = sorted(p.name for p in (folder / "checkpoints").iterdir())
    warm = [sample for sample in samples if sample["step"] >= steps / 10]
    memory, files = ([sample[key] for sample in warm] for key in ("megabytes", "files"))
    content = {
        "steps": steps,
        "seconds": round(seconds),
        "growth": round(max(memory) / memory[0] - 1, 4),
        "files_after_warm_up": files[0],
        "files_at_the_end": files[-1],
        "unfinished_files": unfinished,
        "checkpoints": checkpoints,
        "versions": {"torch": torch.__version__, "lightning": lightning.__version__},
        "samples": samples,
    }
    print({key: value for key, value in content.items() if key != "samples"})
    OUT.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
