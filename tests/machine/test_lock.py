"""A run's folder belongs to one run and one process; new folders have unused names."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cli import FAST, call, evaluate, mistake, results, train
from helpers import ROOT

from innerloop.machine import lock

SMALL = (
    "debug=fast", "outer.steps=2", "engine.compile=false", "trainer=cpu", "threads=1",
    "evaluation.audit=0", "diagnostics.test_tasks=0", "diagnostics.validation_tasks=0",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    train(folder, *SMALL)
    return folder


def start(program: str, *arguments: str, **variables: str) -> subprocess.Popen:
    """Starts a program in a new process."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "src" / f"{program}.py"), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | variables,
    )  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    """All files below a folder, with their contents."""
    files = [f for f in sorted(folder.rglob("*")) if f.is_file()]
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def begun(folder: Path) -> Path:
    """A run that was killed before its first checkpoint."""
    folder.mkdir()
    (folder / "composed.yaml").write_text("seed: 0\n")
    return folder


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("seed=1",),
        ("inner.rate=-1",),
        ("outer.stpes=3",),
        ("algorithm=mmal",),
        ("estimate=true",),
    ],
)
def test_a_folder_with_a_run_is_refused_and_unchanged(run: Path, more: Sequence[str]) -> None:
    before = contents(run)
    message = mistake("train", f"hydra.run.dir={run}", *FAST, *more)
    if not more or more[0] in ("seed=1", "inner.rate=-1", "estimate=true"):
        assert f"resume={run}" in message and "hydra.run.dir=FOLDER" in message
    assert contents(run) == before


def test_a_folder_with_an_unfinished_run_or_a_test_is_refused_and_unchanged(
    run: Path, tmp_path: Path
) -> None:
    evaluate(tmp_path / "test", f"ckpt_path={run}", "logger=none")
    for folder in (begun(tmp_path / "begun"), tmp_path / "test"):
        before = contents(folder)
        assert "holds a run already" in mistake("train", f"hydra.run.dir={folder}", *FAST)
        assert contents(folder) == before


def test_a_run_that_failed_before_training_may_be_started_again(tmp_path: Path) -> None:
    assert "inner.rate=-1" in mistake("train", f"hydra.run.dir={tmp_path}", *FAST, "inner.rate=-1")
    assert train(tmp_path, *SMALL)["seed"] == 0


@contextlib.contextmanager
def another(folder: Path) -> Iterator[subprocess.Popen]:
    """Another process that holds a folder, until it is killed."""
    script = (
        "import sys; from pathlib import Path; from innerloop.machine import lock; "
        "lock.hold(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, env={"PYTHONPATH": str(ROOT / "src")},
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_process_in_a_run_folder_is_refused(run: Path, tmp_path: Path) -> None:
    test = tmp_path / "test"
    evaluate(test, f"ckpt_path={run}", "logger=none")
    for program, folder, words in (
        ("train", run, [f"resume={run}"]),
        ("train", run, [f"hydra.run.dir={run}"]),
        ("evaluate", test, [f"ckpt_path={run}", f"hydra.run.dir={test}"]),
    ):
        with another(folder):
            before = contents(folder)
            assert "in use by another process" in mistake(program, *words)
            assert contents(folder) == before
    call("train", f"resume={run}")  # the folder is free after its death


def test_a_member_that_another_process_runs_is_refused(tmp_path: Path) -> None:
    sweep = ("--multirun", "seed=0,1", f"hydra.sweep.dir={tmp_path}", *SMALL)
    member = tmp_path / "0_sinusoid_maml_seed0"
    member.mkdir()
    with another(member):
        call("train", *sweep)  # runs the other member
        assert [p.parent.name for p in tmp_path.rglob("results.json")] == ["1_sinusoid_maml_seed1"]
    call("train", *sweep, "sweep.resume=true")
    assert results(member)["seed"] == 0


def one_of_two(folder: Path) -> None:
    """Starts two settings in one folder at the same time: one of them runs as if it were alone."""
    both = [start("train", *SMALL, f"seed={seed}", f"hydra.run.dir={folder}") for seed in (1, 2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], outputs
    lost = 0 if both[0].returncode else 1
    refusal = outputs[lost].strip().splitlines()
    assert len(refusal) == 1 and ("in use by another" in refusal[0] or "holds a run" in refusal[0])
    seed, result = 2 - lost, results(folder)
    assert result["seed"] == seed and f"seed={seed}" in result["command"]
    assert f"\nseed: {seed}\n" in "\n" + (folder / "config.yaml").read_text()
    alone = train(folder.with_name(f"{folder.name}_alone"), *SMALL, f"seed={seed}")
    assert result["test"] == alone["test"]
    logs = [
        (f / "metrics.csv").read_text().splitlines()
        for f in (folder, folder.with_name(f"{folder.name}_alone"))
    ]
    assert len(logs[0]) == len(logs[1])


def test_only_one_of_two_processes_gets_a_folder(tmp_path: Path) -> None:
    one_of_two(tmp_path / "run")


@pytest.mark.slow
def test_two_processes_in_one_folder_never_mix_their_results(tmp_path: Path) -> None:
    for i in range(20):
        one_of_two(tmp_path / str(i))


def test_new_folders_get_unused_names(tmp_path: Path) -> None:
    assert [lock.new_folder(tmp_path / "day" / "run_1").name for _ in range(3)] == [
        "run_1", "run_1_2", "run_1_3",
    ]  # fmt: skip


@pytest.mark.slow
def test_runs_of_the_same_second_get_folders_of_their_own(tmp_path: Path) -> None:
    wrong = ("inner.rate=-1", f"paths.outputs={tmp_path / 'out'}")  # ends as soon as it is built
    both = [start("train", *SMALL, *wrong) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert len(list((tmp_path / "out").glob("*/*"))) == 2, outputs


@pytest.mark.slow
def test_the_other_processes_of_a_run_are_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in lock.RANKS:
        monkeypatch.delenv(name, raising=False)
    assert lock.first_process()
    for name in lock.RANKS:
        monkeypatch.setenv(name, "0")
        assert lock.first_process()
        monkeypatch.setenv(name, "1")
        assert not lock.first_process()
        monkeypatch.delenv(name)
    both = start(
        "train", *SMALL, "trainer=ddp", "trainer.accelerator=cpu",
        "trainer.devices=2", f"paths.outputs={tmp_path}",
    )  # fmt: skip
    output, _ = both.communicate(timeout=120)
    assert both.returncode == 0, output
    assert len(list(tmp_path.rglob("results.json"))) == 1
    assert len([p for p in tmp_path.glob("*/*") if p.is_dir()]) == 1  # only one folder exists


@pytest.mark.slow
def test_a_killed_run_with_data_workers_frees_its_folder_at_once(tmp_path: Path) -> None:
    long = ("workers=1", "log_every=1", "outer.steps=100000", "callbacks.last.steps=5")
    process = start("train", *SMALL, *long, f"hydra.run.dir={tmp_path}")
    deadline = time.monotonic() + 60
    while not (tmp_path / "checkpoints" / "last.ckpt").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not lock.is_held(tmp_path)
