"""The extra time of a sweep's member over the same run on its own, for each launcher.

    python benchmarks/sweeps/overhead.py FOLDER

A run on its own is a process, and so is a member with Ray; the members of the plain launcher share
one process. Sweeps of 1 and of MORE members separate the cost of a sweep from that of a member.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

import common

MORE = 5
LAUNCHERS = {
    "plain": (),
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=1"),
    "ray": (
        "hydra/launcher=ray", "hydra.launcher.ray.init.num_cpus=1",
        "hydra.launcher.ray.init.num_gpus=1",
    ),
}  # fmt: skip


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    alone = [run(folder / f"alone{i}") for i in range(3)]
    times = {name: members(folder / name, more) for name, more in LAUNCHERS.items()}
    bare = statistics.median(alone)
    common.write("sweep_overhead", {
        "command": "python benchmarks/sweeps/overhead.py FOLDER",
        "run_alone_seconds": [round(seconds, 2) for seconds in alone],
        "launchers": {
            name: entry | {"beyond_a_run_alone": round(entry["a_further_member"] - bare, 2)}
            for name, entry in times.items()
        },
    })  # fmt: skip


def run(folder: Path) -> float:
    began = time.perf_counter()
    train = str(common.ROOT / "src" / "train.py")
    subprocess.run(
        [sys.executable, train, *common.SMALL, f"hydra.run.dir={folder}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return time.perf_counter() - began


def members(folder: Path, launcher: tuple[str, ...]) -> dict[str, float]:
    seconds = []
    for count in (1, MORE):
        began = time.perf_counter()
        process = common.start(
            folder.with_name(f"{folder.name}{count}"), *launcher, f"seed=range({count})"
        )
        assert process.wait() == 0
        seconds.append(time.perf_counter() - began)
    further = (seconds[1] - seconds[0]) / (MORE - 1)
    return {"sweep_of_one": round(seconds[0], 2), "a_further_member": round(further, 2)}


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
