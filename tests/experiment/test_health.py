"""What happens to a run when its loss, data, disk or gradient fails."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from cli import mistake, train
from helpers import SmoothConv
from killing import SMALL, differences, fresh, resumed
from outer_loop import STEPS, TASKS, Blobs, data_of, learner_of, trainer, wave_data

from innerloop.callbacks.checkpoint_file import read_checkpoint
from innerloop.data.module import TaskData
from innerloop.data.sets.sinusoid import Sinusoid
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.layers import norm
from innerloop.outer.skips import MOST_IN_A_ROW
from innerloop.tasks import Episode, Task


class Poisoned(Sinusoid):
    """Sinusoids with a non-finite training task in the batches of some outer steps."""

    bad = (4, 9)  # tasks 4 and 9 belong to the third and the fifth step of two

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        drawn = super().tasks(split, indices, episode, seed)
        if split == "train":
            drawn.query.targets[np.isin(indices, self.bad)] = torch.nan
        return drawn


POISON = "dataset._target_=experiment.test_health.Poisoned"
RUN = ("debug=fast", "outer.steps=6", "outer.optimizer._target_=torch.optim.AdamW", POISON)


def test_a_non_finite_step_is_skipped_and_counted(tmp_path: Path) -> None:
    result = train(tmp_path, *RUN, "outer.nonfinite=skip", "logger=csv")
    assert result["outer"] == {"steps": 6, "tasks": 2, "skipped": 2}
    last = read_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    assert last["global_step"] == 6 and last["innerloop"]["skipped"] == 2
    moments = last["optimizer_states"][0]["state"]
    assert {int(m["step"]) for m in moments.values()} == {4}  # AdamW moved in the other four
    assert all(torch.isfinite(v).all() for v in last["state_dict"].values())
    message = mistake("train", f"hydra.run.dir={tmp_path / 'stop'}", *RUN)
    assert "outer step 2, in 1 of its 2 tasks (training tasks 4)" in message


def test_a_skipped_step_moves_nothing() -> None:
    """A skipped step of plain SGD equals a step with learning rate 0."""
    learners = [learner_of(nonfinite="skip"), learner_of(nonfinite="skip")]
    learners[1].load_state_dict(learners[0].state_dict())
    gradient = Engine.meta_gradient

    def fails(self: Engine, algorithm: Any, tasks: Task, progress: Any) -> Any:
        loss, slopes = gradient(self, algorithm, tasks, progress)
        at = float(progress) == 1 / STEPS
        factor = (torch.nan if learners[0].algorithm is algorithm else 0.0) if at else 1.0
        return loss, {k: v * factor for k, v in slopes.items()}

    with mock.patch.object(Engine, "meta_gradient", fails):
        for learner in learners:
            trainer().fit(learner, wave_data())
    assert [learner.skips.count for learner in learners] == [1, 0]
    for ours, theirs in zip(*(learner.parameters() for learner in learners), strict=True):
        assert torch.equal(ours, theirs)


class PoisonedBlobs(Blobs):
    """Images of which those of the second outer step are not numbers."""

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        drawn = super().tasks(split, indices, episode, seed)
        if split == "train" and TASKS in indices:
            drawn.support.inputs.fill_(torch.nan)
        return drawn


@pytest.mark.parametrize("name", ["maml", "protonet"])  # batch norm follows after or in the pass
def test_a_skipped_step_moves_no_running_averages(name: str) -> None:
    learner = learner_of(name, SmoothConv("running"), nonfinite="skip")
    data = data_of(PoisonedBlobs(), Episode(3, 2, 2), Episode(3, 2, 2))
    trainer().fit(learner, data)
    assert learner.skips.count == 1
    moved = norm.averages(learner.algorithm)
    assert moved and all(values.isfinite().all() for values in moved)


def test_endless_skipping_is_an_error() -> None:
    learner = learner_of(nonfinite="skip", steps=2 * MOST_IN_A_ROW)
    data = wave_data()
    data.steps = 2 * MOST_IN_A_ROW

    def never(self: Engine, algorithm: Any, *_: Any) -> Any:
        slopes = {k: torch.full_like(p, torch.inf) for k, p in algorithm.named_parameters()}
        return torch.tensor(torch.inf), slopes

    with (
        mock.patch.object(Engine, "meta_gradient", never),
        pytest.raises(UserError, match=f"{MOST_IN_A_ROW} outer steps in a row"),
    ):
        trainer(max_steps=2 * MOST_IN_A_ROW).fit(learner, data)
    assert learner.skips.count == MOST_IN_A_ROW


def test_an_unknown_nonfinite_choice_is_refused(tmp_path: Path) -> None:
    message = mistake("train", f"hydra.run.dir={tmp_path}", *RUN, "outer.nonfinite=ignore")
    assert "stop or skip" in message


@pytest.mark.parametrize(("clip", "warns"), [(1e-6, True), (10.0, False)])
def test_an_exploding_gradient_is_reported(clip: float, warns: bool, recwarn: Any) -> None:
    trainer().fit(learner_of(clip=clip), wave_data())
    warnings = [w for w in recwarn if "meta-gradient explodes" in str(w.message)]
    assert bool(warnings) == warns


class Stalls(Sinusoid):
    """Sinusoids whose worker never finishes the fourth training step."""

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        worker = torch.utils.data.get_worker_info()
        if split == "train" and worker is not None and 6 in indices:
            if os.environ.get("DIES"):
                os._exit(1)
            time.sleep(3)
        return super().tasks(split, indices, episode, seed)


@pytest.mark.parametrize("dies", ["", "1"])
def test_a_worker_that_gives_no_batch_ends_the_run(
    tmp_path: Path, dies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIES", dies)
    message = mistake(
        "train", f"hydra.run.dir={tmp_path}", "debug=fast", "logger=none", "workers=1",
        "patience=1", "dataset._target_=experiment.test_health.Stalls",
    )  # fmt: skip
    assert "worker gave no batch" in message and "workers=0" in message
    assert ("exited" if dies else "timed out after 1") in message


def test_full_shared_memory_has_its_own_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("innerloop.data.loader.shared_memory_left", lambda: 3 * 2**19)
    message = mistake(
        "train", f"hydra.run.dir={tmp_path}", "debug=fast", "logger=none", "workers=1",
        "patience=1", "dataset._target_=experiment.test_health.Stalls",
    )  # fmt: skip
    assert "/dev/shm has 1.5 MB left" in message and "workers=0" in message
    assert "disk" not in message


def test_errors_raised_by_a_worker_are_passed_on() -> None:
    class Breaks(Sinusoid):
        def tasks(self, *_: Any) -> Task:
            raise RuntimeError("its own")

    one = Episode(1, 1, 1)
    data = TaskData(Breaks(), one, one, 1, 1, 1, 1, 1, 0, 0, workers=0)
    with pytest.raises(RuntimeError, match="its own"):
        next(iter(data.val_dataloader()))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True
    )
    if mount.returncode:
        pytest.skip("mounting a small disk takes more rights")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_up_leaves_the_last_good_checkpoint(
    small_disk: Path, tmp_path: Path
) -> None:
    """The run resumes from it and ends once there is space."""
    assert fresh(tmp_path / "whole") == 0
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 100_000)  # the third checkpoint does not fit beside two
    assert fresh(small_disk / "run") == 1
    output = (small_disk / "run.out").read_text()
    assert "the disk is full: free some space" in output and ".ckpt" in output
    kept = [read_checkpoint(f) for f in (small_disk / "run" / "checkpoints").iterdir()]
    assert len(kept) > 0
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=5m", str(small_disk)], check=True)
    assert resumed(small_disk / "run") == 0
    assert differences(small_disk / "run", tmp_path / "whole") == []


def test_a_log_that_cannot_be_written_ends_the_run_in_one_line(tmp_path: Path) -> None:
    from lightning.pytorch.loggers.csv_logs import ExperimentWriter

    full = OSError(28, "No space left on device")  # as raised when a buffer is flushed
    with mock.patch.object(ExperimentWriter, "save", side_effect=full):
        message = mistake("train", f"hydra.run.dir={tmp_path}", *SMALL)
    assert f"{tmp_path}/metrics.csv: the disk is full" in message
    assert not (tmp_path / "results.json").exists()
