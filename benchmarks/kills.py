"""Kills small trainings at random moments, resumes them, and compares what they wrote.

`python benchmarks/kills.py` writes `benchmarks/results/kills.json`. For each kill it lists the
moment, the signal, the exit status of the program, and which of weights, optimizer, schedule,
random states, results, scores and log differ in any bit from a run that was never stopped, on one
thread.
"""

import argparse
import json
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from killing import Kill, differences, fresh, resumed  # noqa: E402

OUT = ROOT / "benchmarks" / "results" / "kills.json"
# How often the small training reaches each moment; for `any`, how many milliseconds it takes.
MOMENTS = {"step": 40, "validation": 9, "write": 400, "rename": 15, "test": 3, "any": 1200}
SIGNALS = (signal.SIGKILL, signal.SIGTERM)


def kills(count: int, seed: int) -> Iterator[Kill]:
    """Kills that cycle through moments and signals, at random points of the training."""
    drawn = random.Random(seed)
    pairs = [(moment, number) for number in SIGNALS for moment in MOMENTS]
    for i in range(count):
        moment, number = pairs[i % len(pairs)]
        # Before the first file, the configuration, has its name there is no run to resume.
        first = 2 if moment == "rename" else 1
        yield Kill(moment, drawn.randint(first, MOMENTS[moment]), number)


def trial(kill: Kill, folder: Path, whole: Path) -> dict[str, Any]:
    """Kills one training and resumes it."""
    killed = fresh(folder, kill=kill)
    resumed_status = resumed(folder)
    return {
        "moment": kill.moment,
        "count": kill.count,
        "signal": signal.Signals(kill.signal).name,
        "status": killed,
        "status_of_the_rest": resumed_status,
        "differs": differences(folder, whole) if resumed_status == 0 else ["it did not end"],
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kills", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "whole"
        assert fresh(whole) == 0, (Path(place) / "whole.out").read_text()
        trials = []
        for i, kill in enumerate(kills(options.kills, options.seed)):
            trials.append(trial(kill, Path(place) / str(i), whole))
            print(trials[-1], flush=True)
    equal = sum(not trial["differs"] for trial in trials)
    killed = sum(trial["status"] != 0 for trial in trials)
    print(f"{killed} of {len(trials)} were stopped, {equal} ended bit-equal")
    versions = {"torch": torch.__version__}
    content = {"killed": killed, "bit_equal": equal, "kills": trials, "versions": versions}
    OUT.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
