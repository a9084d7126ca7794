"""Which GPU a process of a sweep gets; the GPUs are only names, as in CUDA_VISIBLE_DEVICES."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import ROOT

from innerloop.machine import gpus

TAKER = """
import sys
from innerloop.machine import gpus
print(gpus.take(int(sys.argv[1])), gpus.os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
sys.stdin.read()
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a process that takes a GPU and keeps it until its input closes."""
    started = []

    def one(visible: str | None, slots: int = 1) -> "subprocess.Popen[str]":
        environment = {"PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(tmp_path), "PATH": ""}
        environment |= {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", TAKER, str(slots)], env=environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
        )  # fmt: skip
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.communicate()


def got(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def test_processes_get_different_gpus(start: Start) -> None:
    taken = [got(process) for process in [start("4,GPU-ab,7") for _ in range(3)]]
    assert sorted(name for name, _ in taken) == ["4", "7", "GPU-ab"]
    assert all(name == seen for name, seen in taken)


def test_a_waiting_process_gets_the_gpu_of_a_killed_one(start: Start) -> None:
    first, second = start("0,1"), start("0,1")
    killed, kept = got(first)[0], got(second)[0]
    third = start("0,1")
    first.kill()
    assert got(third)[0] == killed != kept


def test_slots_fill_the_emptiest_gpu_first(start: Start) -> None:
    taken = []
    for _ in range(4):
        taken.append(got(start("0,1", 2))[0])
    assert set(taken[:2]) == {"0", "1"}
    assert Counter(taken) == {"0": 2, "1": 2}


@pytest.mark.parametrize("visible", [None, "", "-1"])
def test_without_a_gpu_the_environment_is_unchanged(start: Start, visible: str | None) -> None:
    assert got(start(visible)) == f"None {visible}".split()


def test_a_process_keeps_its_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpus, "_held", [])
    monkeypatch.setattr(gpus, "_folder", lambda: tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert gpus.take(1) == "2"
    assert gpus.visible() == ["2"]
    assert gpus.take(1) == "2"


def test_the_driver_lists_the_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: H100 (UUID: GPU-1)'; echo 'GPU 1: H100 (UUID: 2)'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus.visible() == ["0", "1"]
