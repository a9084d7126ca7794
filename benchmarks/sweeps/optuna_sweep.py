"""40 trials of one Optuna study: a second worker joins, the first is killed and restarted.

python benchmarks/sweeps/optuna_sweep.py FOLDER
"""

import sys
import time
from collections import Counter
from pathlib import Path

import common
import optuna

MEMBERS = (
    "search=maml", "inner.rate=tag(log, interval(0.001, 0.05))", "outer.steps=30",
    "+callbacks.probe.pause=0.03",
)  # fmt: skip
GPUS = {"CUDA_VISIBLE_DEVICES": "0,1"}  # pretended: each worker holds one


def main(sweep: Path) -> None:
    began = time.perf_counter()
    first = common.start(sweep, *MEMBERS, **GPUS)
    wait(sweep, 8)
    second = common.start(sweep, *MEMBERS, "sweep.resume=true", **GPUS)
    wait(sweep, 16)
    while not half_done(sweep, first.pid):
        time.sleep(0.01)
    first.kill()
    first.wait()
    killed = states(sweep)
    third = common.start(sweep, *MEMBERS, "sweep.resume=true", **GPUS)
    status = [second.wait(), third.wait()]
    common.write("sweep_optuna", {
        "command": "python benchmarks/sweeps/optuna_sweep.py FOLDER",
        "when_the_first_worker_was_killed": killed,
        "at_the_end": states(sweep),
        "status": status,
        **common.account(sweep),
        "trials_by_process": list(Counter(e["pid"] for e in trained(sweep)).values()),
        "seconds": round(time.perf_counter() - began, 1),
    })  # fmt: skip


def wait(sweep: Path, count: int) -> None:
    while len(common.done(sweep)) < count:
        time.sleep(0.1)


def half_done(sweep: Path, pid: int) -> bool:
    """Whether the worker's current member has a checkpoint and is not finished."""
    last = [e["member"] for e in common.events(sweep) if e["pid"] == pid][-1]
    folder = sweep / last
    return (folder / "checkpoints" / "last.ckpt").exists() and last not in common.done(sweep)


def trained(sweep: Path) -> list[dict[str, object]]:
    return [event for event in common.events(sweep) if event["event"] == "trained"]


def states(sweep: Path) -> dict[str, int]:
    """The number of the study's trials in each state."""
    study = optuna.load_study(study_name="innerloop", storage=f"sqlite:///{sweep}/study.db")
    return dict(Counter(trial.state.name for trial in study.trials))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
