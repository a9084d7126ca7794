"""Runs with several processes that lose one or are stopped by a signal."""

import functools
import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from cli import FAST, mistake, results, train
from helpers import ROOT
from killing import SMALL, differences
from torch import distributed

from innerloop.machine import processes

TWO = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2")


def survivor(number: int, seconds: float) -> str:
    """The output of the first of two gloo processes after this signal reaches the second."""
    port = free_port((survivor, number))
    reading, writing = os.pipe()
    children = []
    for rank in range(2):
        children.append(os.fork())
        if children[-1] == 0:
            try:
                _rank(rank, port, number, seconds, writing)
            finally:
                os._exit(0)
    os.waitpid(children[0], 0)
    os.kill(children[1], signal.SIGKILL)
    os.waitpid(children[1], 0)
    return os.read(reading, 10_000).decode()


def _rank(rank: int, port: int, number: int, seconds: float, writing: int) -> None:
    store = distributed.TCPStore("127.0.0.1", port, 2, rank == 0)
    distributed.init_process_group(
        "gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=seconds)
    )
    processes.largest(rank, torch.device("cpu"))
    if rank == 1:
        os.kill(os.getpid(), number)
    try:
        processes.largest(rank, torch.device("cpu"))
    except RuntimeError as error:
        os.write(writing, f"{processes.lost_a_process(error)} {error}".encode())


@pytest.mark.parametrize(("number", "seconds"), [(signal.SIGKILL, 60), (signal.SIGSTOP, 1)])
def test_the_other_processes_end_when_one_is_lost(number: int, seconds: float) -> None:
    assert survivor(number, seconds).startswith("True ")


def test_processes_agree_on_their_largest_number() -> None:
    assert processes.largest(7, torch.device("cpu")) == 7  # one process


def test_a_lost_process_is_reported_with_how_to_resume(tmp_path: Path) -> None:
    from innerloop.outer.meta_learner import MetaLearner

    gone = RuntimeError("[gloo/transport/tcp/pair.cc:545] Connection closed by peer")
    with mock.patch.object(MetaLearner, "outer_step", side_effect=gone):
        message = mistake("train", f"hydra.run.dir={tmp_path}", *FAST)
    assert "gone" in message and f"resume={tmp_path} resumes it" in message
    with (
        mock.patch.object(MetaLearner, "outer_step", side_effect=RuntimeError("another")),
        pytest.raises(RuntimeError, match="another"),
    ):
        mistake("train", f"hydra.run.dir={tmp_path / 'other'}", *FAST)


def test_externally_started_processes_need_one_folder() -> None:
    for environment in (
        {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2"},
        {"SLURM_STEP_NUM_TASKS": "2"},
    ):
        with mock.patch.dict(os.environ, environment):
            assert "hydra.run.dir=FOLDER" in mistake("train", *FAST)


NEVER = "0 0 -1"


def together(folder: Path, *more: str, kill: str = NEVER) -> subprocess.CompletedProcess[str]:
    """Runs two processes; one gets the signal given by `kill`, see `StopsOne`."""
    environment: dict[str, Any] = {
        "PYTHONPATH": str(ROOT / "tests"), "KILL": kill, "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, str(ROOT / "src" / "train.py"), *more]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=os.environ | environment
    )


def fresh(folder: Path, kill: str = NEVER) -> subprocess.CompletedProcess[str]:
    stops = "+callbacks.stops._target_=killing.StopsOne"
    folder.mkdir()
    return together(folder, *SMALL, *TWO, stops, f"hydra.run.dir={folder}", kill=kill)


@pytest.mark.slow
def test_two_stopped_processes_resume_to_the_same_end(
    tmp_path: Path,
) -> None:
    whole = fresh(tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    for rank, step, reached in ((1, 23, 24), (0, 30, 30), (1, 30, 30)):
        run = tmp_path / f"{rank}_{step}"
        stopped = fresh(run, f"{rank} 15 {step}")
        assert stopped.returncode == 128 + signal.SIGTERM
        assert f"stopped by SIGTERM at outer step {reached}" in stopped.stdout
        continued = together(tmp_path, f"resume={run}")
        assert continued.returncode == 0, continued.stderr
        assert differences(run, tmp_path / "whole") == []


@pytest.mark.slow
@pytest.mark.parametrize(("rank", "status"), [(0, -9), (1, 1)])
def test_a_run_ends_when_it_loses_a_process(tmp_path: Path, rank: int, status: int) -> None:
    lost = fresh(tmp_path / "run", f"{rank} 9 23")
    assert lost.returncode == status
    assert "is gone" in lost.stderr
    assert "Traceback" not in lost.stderr


def by_torchrun(rank: int) -> dict[str, str]:
    return {
        "RANK": f"{rank}", "LOCAL_RANK": f"{rank}", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2",
        "GROUP_RANK": "0", "TORCHELASTIC_RUN_ID": "none", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": f"{free_port(by_torchrun)}",
    }  # fmt: skip


def by_srun(rank: int) -> dict[str, str]:
    return {
        "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_PROCID": f"{rank}",
        "SLURM_LOCALID": f"{rank}", "SLURM_NODEID": "0", "SLURM_NNODES": "1",
        "SLURM_JOB_ID": "7", "SLURM_NODELIST": "127.0.0.1", "SLURM_JOB_NAME": "train",
        "SLURM_STEP_NUM_TASKS": "2", "MASTER_PORT": f"{free_port(by_srun)}",
    }  # fmt: skip


def by_srun_on_two_machines(rank: int) -> dict[str, str]:
    return by_srun(rank) | {
        "SLURM_NTASKS_PER_NODE": "1", "SLURM_LOCALID": "0", "SLURM_NODEID": f"{rank}",
        "SLURM_NNODES": "2", "SLURM_NODELIST": "127.0.0.1,127.0.0.1",
    }  # fmt: skip


@functools.cache
def free_port(of: Any) -> int:
    """A port for the processes of one launcher."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.slow
def test_externally_started_processes_equal_one_process(tmp_path: Path) -> None:
    """Started as by torchrun and srun, with seven tasks, which two processes share unevenly."""
    sizes = ("debug=fast", "evaluation.tasks=7", "evaluation.batch=2", "logger=csv", "threads=1")
    alone = train(tmp_path / "alone", *sizes, "trainer=cpu")
    program = [sys.executable, str(ROOT / "src" / "train.py"), *sizes, *TWO[:2]]
    shares = {by_torchrun: (2, 1), by_srun: (2, 1), by_srun_on_two_machines: (1, 2)}
    for launcher, (devices, machines) in shares.items():
        folder = tmp_path / launcher.__name__
        more = (f"trainer.devices={devices}", f"trainer.num_nodes={machines}")
        ranks = [
            subprocess.Popen(
                [*program, *more, f"hydra.run.dir={folder}"],
                env=os.environ | launcher(rank) | {"OMP_NUM_THREADS": "1"},
            )
            for rank in range(2)
        ]
        assert [rank.wait() for rank in ranks] == [0, 0]
        result = results(folder)
        assert result["test"]["mse"]["tasks"] == 7
        assert result["protocol"] == alone["protocol"]
        assert result["test"]["mse"]["mean"] == pytest.approx(
            alone["test"]["mse"]["mean"], rel=1e-5
        )


@pytest.mark.slow
def test_two_processes_run_with_mixed_precision_and_compilation(tmp_path: Path) -> None:
    more = ("trainer.precision=bf16-mixed", "engine.compile=true")
    done = together(tmp_path, *FAST, *TWO, *more, f"hydra.run.dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results.json").exists()
