"""Sweeps with other launchers, on simulated GPUs; each needs a package of the extra `sweeps`."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT

pytestmark = pytest.mark.slow
SMALL = (
    "debug=fast", "outer.steps=12", "logger=none", "evaluation.audit=0", "trainer=cpu", "threads=1",
    "diagnostics={test_tasks: 0, validation_tasks: 0}", "+callbacks.probe._target_=probe.Probe",
)  # fmt: skip


def needs(package: str) -> Any:
    missing = find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package}: uv pip install -e '.[sweeps]'")


def sweep(folder: Path, *overrides: str, gpus: str = "") -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable, str(ROOT / "src" / "train.py"), "--multirun", *SMALL, *overrides,
        f"+callbacks.probe.sweep={folder}", f"hydra.sweep.dir={folder}",
    ]  # fmt: skip
    paths = f"{ROOT / 'src'}{os.pathsep}{ROOT / 'benchmarks' / 'sweeps'}"
    environment = os.environ | {"PYTHONPATH": paths}
    if gpus:
        environment |= {"CUDA_VISIBLE_DEVICES": gpus, "TMPDIR": str(folder.parent)}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [event for event in lines if event["event"] == kind]


def check_others_are_done(folder: Path, ended: subprocess.CompletedProcess[str], why: str) -> None:
    """Checks the members of a sweep over seeds 0 to 3 whose third was killed."""
    assert ended.returncode == 1, ended.stderr
    assert len(list(folder.glob("*/results.json"))) == 3
    left = json.loads((folder / "2_sinusoid_maml_seed2" / "unfinished.json").read_text())
    assert why in left["reason"]
    assert "1 of the 4 members" in ended.stderr
    assert {event["gpu"] for event in events(folder, "trains")} == {"0", "1"}
    assert not events(folder, "collision")


@needs("joblib")
def test_joblib_gives_each_process_a_gpu(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    ended = sweep(folder, "seed=0,1,2,3", "hydra/launcher=joblib", gpus="3,5")
    assert ended.returncode == 0, ended.stderr
    trained = events(folder, "trained")
    assert len(trained) == 4
    assert {event["gpu"] for event in trained} == {"3", "5"}
    assert len({(event["gpu"], event["pid"]) for event in trained}) == 2, "kept by its process"
    assert not events(folder, "collision")


@needs("joblib")
def test_a_killed_process_ends_joblib_with_advice(tmp_path: Path) -> None:
    killed = ("seed=0,1", "hydra/launcher=joblib", "+callbacks.probe.killed=[1]")
    ended = sweep(tmp_path / "sweep", *killed)
    assert ended.returncode == 1
    assert "sweep.resume=true" in ended.stderr and "Traceback" not in ended.stderr


@needs("ray")
def test_ray_continues_after_a_killed_member(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    count = ("hydra.launcher.ray.init.num_gpus=2", "hydra.launcher.ray.init.num_cpus=2")
    killed = ("seed=0,1,2,3", "hydra/launcher=ray", "+callbacks.probe.killed=[2]")
    check_others_are_done(folder, sweep(folder, *killed, *count), "WorkerCrashedError")


@needs("ray")
def test_ray_without_a_gpu_is_refused(tmp_path: Path) -> None:
    one = ("seed=0", "hydra/launcher=ray", "hydra.launcher.ray.init.num_gpus=0")
    ended = sweep(tmp_path / "sweep", *one)
    assert ended.returncode == 1
    assert "num_gpus=0 runs members without a GPU" in ended.stderr


@needs("submitit")
@pytest.mark.skipif(
    shutil.which("sinfo") is None or subprocess.run("sinfo", capture_output=True).returncode != 0,
    reason="no SLURM answers: docs/clusters.md starts one",
)
def test_slurm_continues_after_a_killed_member(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    killed = ("seed=0,1,2,3", "hydra/launcher=slurm", "+callbacks.probe.killed=[2]")
    size = ("hydra.launcher.cpus_per_task=1", "hydra.launcher.array_parallelism=2")
    check_others_are_done(folder, sweep(folder, *killed, *size), "SLURM ended the job")
