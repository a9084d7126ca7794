"""A replayed task is the task of the test, and its numbers equal those of a loop by hand."""

import csv
import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from cli import FAST, call, mistake, train
from helpers import NOW, SmoothConv, algorithm, close, run, tasks, waves
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.inspection import nonfinite
from innerloop.inspection.trajectory import ALL, by_layer, trace
from innerloop.inspection.watch import Finding
from innerloop.reporting import beats, replay_table


def kept_rows(file: Path) -> list[dict[str, str]]:
    with file.open() as opened:
        return list(csv.DictReader(opened))


@pytest.mark.parametrize(
    "overrides",
    [
        "algorithm=maml dataset=sinusoid",
        "algorithm=reptile dataset=sinusoid evaluation.scored_step=4",
        "algorithm=anil dataset=glyphs norm=support",
        "algorithm=protonet dataset=glyphs norm=running",
    ],
)
def test_a_replayed_task_has_the_stored_test_score(
    tmp_path: Path, capsys: Any, overrides: str
) -> None:
    result = train(tmp_path, *FAST, "evaluation.tasks=6", "evaluation.batch=4", *overrides.split())
    metric, step = next(iter(result["test"])), result["protocol"]["scored_step"] or 0
    with np.load(tmp_path / "scores.npz") as scores:
        kept = scores[f"curve/{metric}"]
    assert len({float(k) for k in kept[:, step]}) > 1  # the tasks differ
    for task in (1, 5):
        capsys.readouterr()
        call("replay", str(tmp_path), f"task=test/{task}")
        rows = [r for r in kept_rows(tmp_path / "replay" / f"test_{task}.csv") if r["score"]]
        assert [int(r["step"]) for r in rows] == list(range(step + 1))
        for row, expected in zip(rows, kept[task], strict=False):
            assert float(row["score"]) == pytest.approx(float(expected), rel=1e-3)
        shown = capsys.readouterr().out
        assert f"the test kept {kept[task, step]:.6g}" in shown
        assert "every operation gave finite numbers" in shown
        assert (tmp_path / "replay" / f"test_{task}.png").stat().st_size > 5000


def test_losses_gradients_and_updates_equal_a_loop_by_hand() -> None:
    learner, batch = algorithm("maml", regression=True), waves(1)
    support, query = task_tools.only(batch)
    weights = {k: p.detach().clone() for k, p in learner.model.named_parameters()}
    layers = learner.model.body.layers
    rate, actual = learner.rate, trace(learner, batch, 3, NOW)

    def forward(x: Tensor, w: dict[str, Tensor]) -> Tensor:
        for i in (1, 3):
            x = torch.tanh(x @ w[f"body.layers.{i}.weight"].T + w[f"body.layers.{i}.bias"])
        return x @ w["head.weight"].T + w["head.bias"]

    assert isinstance(layers[1], nn.Linear) and isinstance(layers[3], nn.Linear)
    for step in range(4):
        own = {k: w.clone().requires_grad_() for k, w in weights.items()}
        loss = ((forward(support.inputs, own) - support.targets) ** 2).mean()
        slopes = dict(zip(own, torch.autograd.grad(loss, list(own.values())), strict=True))
        answers = forward(query.inputs, weights)
        assert actual[step].support_loss == pytest.approx(float(loss.detach()), rel=1e-10)
        expected = float(((answers - query.targets) ** 2).mean())
        assert actual[step].query_loss == pytest.approx(expected, rel=1e-10)
        assert actual[step].score == actual[step].query_loss
        close(actual[step].outputs, answers)
        for layer in ("body.layers.1", "body.layers.3", "head"):
            both = torch.cat([slopes[f"{layer}.{w}"].flatten() for w in ("weight", "bias")])
            assert actual[step].gradients[layer] == pytest.approx(float(both.norm()), rel=1e-10)
            if step < 3:
                assert actual[step].updates[layer] == pytest.approx(rate * float(both.norm()))
        whole = torch.cat([s.flatten() for s in slopes.values()]).norm()
        assert actual[step].gradients[ALL] == pytest.approx(float(whole), rel=1e-10)
        weights = {k: w - rate * slopes[k] for k, w in weights.items()}
    assert actual[3].updates == {}


@pytest.mark.parametrize("mode", ["transductive", "support", "running"])
def test_the_support_loss_is_what_adaptation_descends(mode: str) -> None:
    """For plain gradient descent an update is the rate times the gradient, in every layer."""
    learner = algorithm("maml", SmoothConv(mode)).float()
    steps = trace(learner, tasks(1, shape=(1, 4, 4)), 3, NOW)
    for step in steps[:-1]:
        assert set(step.updates) == {ALL, "body.layers.0", "body.layers.1", "head"}
        for layer, update in step.updates.items():
            assert update == pytest.approx(learner.rate * step.gradients[layer], rel=1e-9)
    assert steps[3].support_loss < steps[0].support_loss


def test_parameters_that_are_not_adapted_have_no_updates() -> None:
    steps = trace(algorithm("boil"), tasks(1), 2, NOW)
    assert steps[0].updates["head"] == 0 < steps[0].updates["body.layers.1"]
    (single,) = trace(algorithm("protonet"), tasks(1), 2, NOW)
    assert single.gradients == {} == single.updates and single.query_loss > 0
    assert by_layer({"a.weight": torch.tensor([3.0]), "a.bias": torch.tensor([4.0])})["a"] == 5


class Fragile(nn.Module):
    """A body whose last layer can fail in several ways."""

    def __init__(self, fails: str = "root") -> None:
        super().__init__()
        self.width, self.first, self.gate = 4, nn.Linear(3, 4), Gate(fails)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.gate(torch.tanh(self.first(inputs)))


class Gate(nn.Module):
    def __init__(self, fails: str) -> None:
        super().__init__()
        self.fails, self.height = fails, nn.Parameter(torch.zeros(()))

    def forward(self, inputs: Tensor) -> Tensor:
        if self.fails == "root":  # |h| = h, unless h is negative
            return inputs * (1 + self.height.abs() - self.height).mul(-1e8).add(1e8 + 1).sqrt()
        if self.fails == "overflow":
            return inputs * (self.height * 1e30).exp()
        if self.fails == "slope":  # finite, but its derivative at zero is not
            return inputs + (self.height * 0).sqrt()
        masked = inputs.masked_fill(inputs > 9, -torch.inf)
        return torch.where(masked.isinf(), 0.0, masked)


def watch(learner: Algorithm, steps: int = 3) -> dict[str, Finding]:
    with nonfinite.watched(learner) as report, torch.no_grad():
        learner.scores(tasks(1), steps, NOW)
    return report.findings


def fragile(fails: str, height: float = 1e-9) -> Algorithm:
    learner = algorithm("maml", Fragile(fails))
    with torch.no_grad():
        learner.model.body.gate.height.fill_(height)
    return learner


def test_the_operation_and_layer_of_a_nan_are_named() -> None:
    assert watch(fragile("root", 1.0)) == {}
    origin = watch(fragile("root", -1.0))["nan"]
    assert (origin.operation, origin.layer) == ("sqrt", "body.gate")
    assert origin.phase == "predicting after inner step 0"
    assert "sqrt, in layer body.gate" in str(origin) and "made nan from finite numbers" in str(
        origin
    )


def test_a_nan_in_a_later_step_names_that_step() -> None:
    class Turns(nn.Module):
        """Fails once its weight has moved from where it began."""

        def __init__(self) -> None:
            super().__init__()
            self.width, self.tail = 3, Tail()

        def forward(self, inputs: Tensor) -> Tensor:
            return self.tail(inputs)

    class Tail(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.height = nn.Parameter(torch.tensor(2.0))

        def forward(self, inputs: Tensor) -> Tensor:
            moved = (self.height - 2.0).abs()
            return inputs * self.height * (1.0 - moved * 1e12).log().exp().clamp(max=1)

    origin = watch(algorithm("maml", Turns()))["nan"]
    assert (origin.operation, origin.layer) == ("log", "body.tail")
    assert origin.phase == "predicting after inner step 1"


def test_overflows_and_infinite_slopes_are_named_and_masks_are_not() -> None:
    report = watch(fragile("overflow"))
    assert (report["inf"].operation, report["inf"].layer) == ("exp", "body.gate")
    slope = watch(fragile("slope"))
    first = next(iter(slope.values()))
    assert (first.layer, first.phase) == ("", "during inner step 1")
    assert watch(fragile("mask")) == {}


def test_watching_for_nan_changes_nothing() -> None:
    learner, batch = algorithm("maml"), tasks(2)
    before = learner.scores(batch, 2, NOW), dict(vars(learner)), run(learner, batch)
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in learner.modules()]
    with nonfinite.watched(learner):
        torch.testing.assert_close(learner.scores(batch, 2, NOW), before[0], rtol=0, atol=0)
        torch.testing.assert_close(run(learner, batch), before[2], rtol=0, atol=0)
    assert dict(vars(learner)) == before[1]
    assert hooks == [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in learner.modules()]


def test_parameters_and_inputs_that_start_non_finite_are_named() -> None:
    learner, batch = algorithm("maml"), tasks(1)
    assert nonfinite.broken_from_the_start(learner, batch) == []
    with torch.no_grad():
        learner.model.head.bias[1] = torch.inf
    batch.query.inputs[0, 0, 0] = torch.nan
    broken = nonfinite.broken_from_the_start(learner, batch)
    assert broken == ["parameter model.head.bias", "query inputs"]


def test_a_diverged_run_prints_the_command_that_shows_its_step(tmp_path: Path, capsys: Any) -> None:
    message = mistake(
        "train", f"hydra.run.dir={tmp_path}", "logger=none", "outer.optimizer.lr=1e30",
        "log_every=4", "outer.steps=16", "outer.tasks=3", "evaluation.validation.every=2",
    )  # fmt: skip
    command = message.split("To see the step: python src/replay.py ")[1].split()
    assert command[1] == "task=train/1"
    capsys.readouterr()
    call("replay", *command)
    shown = capsys.readouterr().out
    assert "train_1_3 of" in shown  # the first of its tasks
    assert "first inf: addmm, in layer body.layers.3, during inner step 1" in shown
    assert shown.count("nan") > 6


def test_an_outer_step_shows_the_meta_losses_of_its_tasks(tmp_path: Path, capsys: Any) -> None:
    from innerloop.experiment.replayed import ReplayArguments, open_run

    train(tmp_path, *FAST, "outer.tasks=3")
    shown: list[Any] = []
    with mock.patch.object(replay_table, "outer", lambda rows: shown.extend(rows) or "table"):
        call("replay", str(tmp_path), "task=train/2/7", "checkpoint=last")
    assert [row[0] for row in shown] == [6, 7, 8]
    opened = open_run(tmp_path, "train/2", ReplayArguments(checkpoint="last"))
    assert opened.learner.training and float(opened.progress) == 0.5
    batch = opened.ready(opened.data.training_batch(2))
    loss, gradient = run(opened.learner.algorithm, batch)
    assert np.mean([row[1] for row in shown]) == pytest.approx(float(loss), rel=1e-5)
    norm = torch.cat([g.flatten() for g in gradient.values()]).norm()
    assert float(norm) <= np.mean([row[2] for row in shown]) * (1 + 1e-5)  # of a mean: no larger
    assert (tmp_path / "replay" / "train_2_7.csv").exists()
    assert "has 4 steps" in mistake("replay", str(tmp_path), "task=train/4")


def kept(folder: Path, scores: list[float], metric: str = "accuracy", hash: str = "abc") -> Path:
    folder.mkdir()
    np.savez(folder / "scores.npz", **{metric: np.array([[9.0, s] for s in scores], np.float32)})
    results = {
        "algorithm": "maml", "dataset": "mine", "command": "python src/train.py", "seed": 0,
        "higher_is_better": metric == "accuracy", "test": {metric: {"mean": 0.5, "ci95": 0.1}},
        "protocol": {"hash": hash, "scored_step": 1, "tasks": len(scores)},
        "episode": {"test": {"ways": 5, "shots": 1, "queries": 5}},
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def test_tasks_where_one_run_beats_another_most(tmp_path: Path, capsys: Any) -> None:
    first = kept(tmp_path / "a", [0.5, 0.9, 0.75, 0.1])
    second = kept(tmp_path / "b", [0.25, 0.2, 0.75, 0.9])
    metric, rows = beats.beaten(first, second, 10)
    assert metric.name == "accuracy" and [b.task for b in rows] == [1, 0]
    assert rows[0][1:] == pytest.approx((0.9, 0.2))
    assert [b.task for b in beats.beaten(second, first, 1)[1]] == [3]
    call("replay", str(first), str(second), "top=1")
    shown = capsys.readouterr().out
    assert f"python src/replay.py {first} task=test/1" in " ".join(shown.split())
    call("replay", str(first), str(first))
    assert "none of the test tasks" in capsys.readouterr().out


def test_lower_errors_win_and_diverged_tasks_lose(tmp_path: Path) -> None:
    first = kept(tmp_path / "a", [1.0, 2.0, np.nan, 3.0], "mse")
    second = kept(tmp_path / "b", [4.0, 1.0, 1.0, np.inf], "mse")
    assert [b.task for b in beats.beaten(first, second, 10)[1]] == [3, 0]
    assert [b.task for b in beats.beaten(second, first, 10)[1]] == [2, 1]


def test_wrong_requests_are_refused(tmp_path: Path) -> None:
    first, second = kept(tmp_path / "a", [1.0]), kept(tmp_path / "b", [1.0], hash="xyz")
    message = mistake("replay", str(first), str(second))
    assert "abc" in message and "xyz" in message
    assert "holds no test" in mistake("replay", str(first), str(tmp_path))
    assert "top=x" in mistake("replay", str(first), str(second), "top=x")
    assert "task=" in mistake("replay", str(first))
    for task in ("test", "test/x", "tset/1", "test/1/2"):
        assert f"task={task}" in mistake("replay", str(first), f"task={task}")
    assert "best.ckpt" in mistake("replay", str(first), "task=test/1")
    assert "taks=test/1" in mistake("replay", str(first), "taks=test/1")
