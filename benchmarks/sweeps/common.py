"""Shared by the measured sweeps: small members, their events, and the results file."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SMALL = (
    "debug=fast", "evaluation.audit=0", "diagnostics={test_tasks: 0, validation_tasks: 0}",
    "evaluation.validation.every=10", "log_every=10", "logger=csv", "trainer=cpu", "threads=1",
)  # fmt: skip


def start(sweep: Path, *overrides: str, **environment: str) -> subprocess.Popen[bytes]:
    """Starts `train.py --multirun` with the `Probe` callback in every member."""
    command = [
        sys.executable, str(ROOT / "src" / "train.py"), "--multirun", *SMALL,
        f"hydra.sweep.dir={sweep}", "+callbacks.probe._target_=probe.Probe",
        f"+callbacks.probe.sweep={sweep}", *overrides,
    ]  # fmt: skip
    paths = os.pathsep.join([str(ROOT / "src"), str(Path(__file__).parent)])
    log = sweep.with_suffix(".log").open("ab")
    return subprocess.Popen(
        command, stdout=log, stderr=log,
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"} | environment,
    )  # fmt: skip


def done(sweep: Path) -> list[str]:
    """Names of the finished members."""
    return sorted(file.parent.name for file in sweep.glob("*/results.json"))


def reasons(sweep: Path) -> dict[str, str]:
    """The reasons why the other members are not finished."""
    notes = {f.parent.name: json.loads(f.read_text()) for f in sweep.glob("*/unfinished.json")}
    return {name: content["reason"] for name, content in notes.items()}


def events(sweep: Path) -> list[dict[str, Any]]:
    """The events that the probes recorded, in order."""
    return [json.loads(line) for line in (sweep / "events.jsonl").read_text().splitlines()]


def trained(sweep: Path) -> list[str]:
    """Names of the members whose training ended, whether or not they are finished."""
    return [event["member"] for event in events(sweep) if event["event"] == "trained"]


def account(sweep: Path) -> dict[str, Any]:
    """Counts of what happened in a sweep."""
    noted = events(sweep)
    began = [event for event in noted if event["event"] == "trains"]
    first = {e["member"]: e["time"] for e in reversed(noted) if e["event"] == "trained"}
    late = [e for e in began if e["time"] > first.get(e["member"], float("inf"))]
    return {
        "done": len(done(sweep)),
        "reported": reasons(sweep),
        "trainings": len(began),
        "gone_on_from_a_checkpoint": sum(event["step"] > 0 for event in began),
        "trained_again_when_finished": len(late),
        "two_at_once_on_a_gpu": sum(event["event"] == "collision" for event in noted),
        "trainings_by_gpu": dict(sorted(Counter(str(event["gpu"]) for event in began).items())),
    }


def write(name: str, content: dict[str, Any]) -> None:
    """Stores the figures as a results file, and prints them."""
    file = ROOT / "benchmarks" / "results" / f"{name}.json"
    file.write_text(json.dumps(content, indent=2) + "\n")
    print(json.dumps(content, indent=2))
