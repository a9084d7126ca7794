"""Whole trainings on a GPU: `python -m benchmarks.gpu.trainings GROUP`, at the papers' steps.

Each is a run of `src/train.py` in a folder of its own, with a checkpoint every minute. A run that
was interrupted is resumed by the same command, also on another machine to which the folder was
copied; one that is finished is left alone. `--rehearse` trains small networks on random images for
a few steps on the CPU.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.workloads import MINI, OMNIGLOT

ROOT = Path(__file__).resolve().parents[2]
TWENTY_WAY_MAML = ("episode.ways=20", "inner.steps=5", "inner.rate=0.1", "outer.tasks=16",
                   "evaluation.scored_step=5")  # fmt: skip
FIVE_SHOTS = ("episode.shots=5", "episode.test.shots=5")
Runs = dict[str, tuple[str, ...]]  #: overrides by name of the run

MINIIMAGENET: Runs = {
    f"miniimagenet_{learner}_5way_{shots}shot": (
        f"experiment=miniimagenet_{learner}_5way_{shots}shot",
    )
    for learner in ("maml", "protonet") for shots in (1, 5)
}  # fmt: skip


def _omniglot(ways: int) -> Runs:
    """1 and 5 shots of both learners; the experiments of 5-way 1-shot, with what differs."""
    maml = () if ways == 5 else TWENTY_WAY_MAML
    more = {"maml": maml, "protonet": (f"episode.test.ways={ways}",)}
    return {
        f"omniglot_{learner}_{ways}way_{shots}shot": (
            f"experiment=omniglot_{learner}_5way_1shot", *own, *(FIVE_SHOTS if shots == 5 else ())
        )
        for learner, own in more.items() for shots in (1, 5)
    }  # fmt: skip


GROUPS = {
    "miniimagenet": MINIIMAGENET,
    "omniglot_5way": _omniglot(5),
    "omniglot_20way": _omniglot(20),
}
REHEARSED = (
    "trainer=cpu", "threads=1", "model.body.filters=2", "outer.steps=4",
    "outer.tasks=1", "log_every=2",
    "evaluation.tasks=4", "evaluation.curve=1", "evaluation.scored_step=1", "evaluation.audit=0",
    "evaluation.validation={tasks: 4, every: 2}", "diagnostics.test_tasks=0", "logger=none",
)  # fmt: skip


def command(name: str, overrides: tuple[str, ...], folder: Path, rehearse: bool) -> list[str]:
    """The call of `src/train.py` that begins a run, or resumes it."""
    start = [sys.executable, str(ROOT / "src" / "train.py")]
    if (folder / "composed.yaml").exists():
        return [*start, f"resume={folder}"]
    noise = _noise(name) if rehearse else ("trainer=gpu",)
    return [*start, *overrides, "callbacks.last.minutes=1", f"hydra.run.dir={folder}", *noise]


def _noise(name: str) -> tuple[str, ...]:
    """Overrides with which a run takes seconds: random images for those of the data set."""
    images = MINI if name.startswith("miniimagenet") else OMNIGLOT
    return (*[o for o in images if "dataset" in o and not o.startswith("dataset=")], *REHEARSED)


def unfinished(runs: Runs, out: Path) -> Iterator[tuple[str, tuple[str, ...], Path]]:
    """Name, overrides and folder of every run without results."""
    for name, overrides in runs.items():
        if not (out / name / "results.json").exists():
            yield name, overrides, out / name


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--out", type=Path, default=ROOT / "outputs" / "gpu")
    parser.add_argument("--rehearse", action="store_true")
    given = parser.parse_args()
    for name, overrides, folder in unfinished(GROUPS[given.group], given.out):
        print(f"{name}: {folder}", flush=True)
        done = subprocess.run(command(name, overrides, folder, given.rehearse), cwd=ROOT)
        if done.returncode:
            sys.exit(f"{name} was not finished: the same command resumes it")


if __name__ == "__main__":
    main()
