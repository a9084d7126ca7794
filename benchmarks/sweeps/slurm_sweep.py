"""A SLURM array of 8 members with a time limit shorter than a run: all finish by being requeued.

sh benchmarks/sweeps/slurm_cluster.sh start CLUSTER 4 && export SLURM_CONF=CLUSTER/slurm.conf
python benchmarks/sweeps/slurm_sweep.py FOLDER
"""

import sys
import time
from pathlib import Path

import common

MEMBERS = (
    "seed=range(8)", "outer.steps=100", "+callbacks.probe.pause=0.7", "hydra/launcher=slurm",
    "hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=15",
    "hydra.launcher.cpus_per_task=1",
)  # fmt: skip


def main(sweep: Path) -> None:
    began = time.perf_counter()
    status = common.start(sweep, *MEMBERS).wait()
    common.write("sweep_slurm", {
        "command": "python benchmarks/sweeps/slurm_sweep.py FOLDER",
        "members": 8,
        "time_limit_in_seconds": 60,
        "a_run_takes_at_least_in_seconds": 70,
        "status": status,
        **common.account(sweep),
        "starts": starts(sweep),
        "seconds": round(time.perf_counter() - began, 1),
    })  # fmt: skip


def starts(sweep: Path) -> dict[str, list[int]]:
    """For each member, the outer steps at which its starts began."""
    steps: dict[str, list[int]] = {}
    for event in common.events(sweep):
        if event["event"] == "trains":
            steps.setdefault(event["member"], []).append(event["step"])
    return dict(sorted(steps.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
