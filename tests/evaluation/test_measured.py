"""Scores gathered from two real processes against those of one, and accuracies of classes."""

import math
import statistics
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from helpers import close
from outer_loop import learner_of, trainer, wave_data
from torch import Tensor

from innerloop.evaluation import pooled
from innerloop.evaluation.measured import Evaluation, Measured, OverTasks

TASKS, BATCH = 11, 3


def batches() -> list[Tensor]:
    """Batches of scores `(tasks, steps)`, all different; the last batch is smaller."""
    scores = torch.randn(TASKS, 4, generator=torch.Generator().manual_seed(5)).double()
    return list(scores.split(BATCH))


def measure(ranks: int, rank: int) -> Measured:
    metric = OverTasks()
    for place, scores in enumerate(batches()):
        if place % ranks == rank:
            metric.update(scores, place)
    measured: Measured = metric.compute()
    return measured


def _process(rank: int, ranks: int, folder: Path) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=ranks
    )
    torch.save(measure(ranks, rank).scores, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_mean_and_interval_follow_the_textbook() -> None:
    measured, scores = measure(1, 0), torch.cat(batches())
    close(measured.scores, scores)
    close(measured.mean, scores.mean(0))
    for step, half in enumerate(measured.ci95.tolist()):
        error = statistics.stdev(scores[:, step].tolist()) / math.sqrt(TASKS)
        assert half == pytest.approx(statistics.NormalDist().inv_cdf(0.975) * error)


@pytest.mark.parametrize("ranks", [2, 3])
def test_several_processes_measure_the_same_as_one(ranks: int, tmp_path: Path) -> None:
    torch.multiprocessing.start_processes(
        _process, (ranks, tmp_path), nprocs=ranks, start_method="fork"
    )
    alone = measure(1, 0)
    for rank in range(ranks):
        shared = Measured(torch.load(tmp_path / f"{rank}.pt"))
        assert torch.equal(shared.scores, alone.scores)
        assert torch.equal(shared.mean, alone.mean) and torch.equal(shared.ci95, alone.ci95)


class Keep(lightning.Callback):
    """Stores the test scores and metrics of a process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_test_end(self, trainer: lightning.Trainer, module: Any) -> None:
        metrics = {k: float(v) for k, v in trainer.callback_metrics.items()}
        torch.save((module.test_scores.curve, metrics), self.folder / f"{trainer.global_rank}.pt")


def test_a_test_by_two_processes_equals_one_by_a_single_process(tmp_path: Path) -> None:
    tests = {}
    for name, more in {"one": {}, "two": {"devices": 2, "strategy": "ddp_fork"}}.items():
        folder = tmp_path / name
        folder.mkdir()
        torch.manual_seed(0)
        run = trainer(default_root_dir=folder, callbacks=[Keep(folder)], **more)
        run.test(learner_of(), wave_data(), verbose=False)
        tests[name] = [torch.load(file) for file in sorted(folder.glob("*.pt"))]
    (scores, metrics), *_ = tests["one"]
    assert len(tests["two"]) == 2
    assert scores["mse"].shape == (7, 4) and len(scores["mse"][:, 1].unique()) == 7
    for shared, shown in tests["two"]:
        close(shared["mse"], scores["mse"])
        assert shown == pytest.approx(metrics, abs=1e-6)
        assert {"test/mse", "test/mse_before"} <= shown.keys()


def test_an_evaluation_is_empty_after_take() -> None:
    evaluation = Evaluation()
    for value in (1.0, 2.0):
        evaluation.add({"mse": torch.full((2, 1), value)}, 0)
        assert evaluation.take()["mse"].mean.tolist() == [value]


def test_accuracy_of_each_class_is_the_mean_over_its_tasks() -> None:
    rng = np.random.default_rng(0)
    classes = np.stack([rng.permutation(6)[:3] * 7 for _ in range(40)])
    accuracy = torch.from_numpy(rng.random((40, 3)))
    accuracies = pooled.per_class(accuracy, classes, None)
    assert accuracies is not None and accuracies.keys() == {str(7 * i) for i in range(6)}
    for i in range(6):
        mine = accuracy.numpy()[classes == 7 * i]
        assert accuracies[str(7 * i)] == {
            "accuracy": pytest.approx(mine.mean()),
            "ci95": pytest.approx(1.96 * mine.std(ddof=1) / len(mine) ** 0.5, rel=1e-3),
            "tasks": len(mine),
        }
    named = pooled.per_class(accuracy, classes, [f"c{i}" for i in range(40)])
    assert named is not None and named["c35"] == accuracies["35"]


def test_accuracies_of_too_many_classes_are_not_listed() -> None:
    many = np.arange(2 * pooled.LISTED).reshape(-1, 2)
    assert pooled.per_class(torch.ones(pooled.LISTED, 2), many, None) is None
    assert pooled.per_class(torch.ones(3, 2), None, None) is None
    assert len(pooled.per_class(torch.ones(50, 2), many[:50], None) or {}) == 100
