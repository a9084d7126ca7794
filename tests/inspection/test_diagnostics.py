"""Measurements inside a learner against formulas, computations by hand and published properties."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from cli import train
from helpers import NOW, SmoothConv, algorithm, close, learners, run, tasks
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.evaluation import similarity
from innerloop.inspection import diagnostics
from innerloop.inspection.layers import trace
from innerloop.layers.norm import TaskNorm
from innerloop.tasks import Task

pytestmark = pytest.mark.figures


def rotation(size: int) -> Tensor:
    return torch.linalg.qr(torch.randn(size, size, dtype=torch.float64))[0]


def _twice(batch: Task) -> Task:
    return torch.utils._pytree.tree_map(lambda v: torch.cat([v, v]), batch)


def measured(name: str, *more: str, body: Any = None, steps: int = 2) -> dict[str, Any]:
    shape = (3,) if body is None else (1, 4, 4)
    learner = algorithm(name, body, 3, False, *more)
    return diagnostics.measure(learner, tasks(3, shape=shape), steps, NOW)


def test_cka_is_invariant_to_rotation_and_scale() -> None:
    x = torch.randn(9, 5, dtype=torch.float64)
    for y in (x, 3 * x, x @ rotation(5), -0.1 * x @ rotation(5) + torch.randn(5)):
        assert float(similarity.linear_cka(x, y)) == pytest.approx(1, abs=1e-12)
    stretched = x * torch.tensor([9.0, 1, 1, 1, 1])  # not a similarity measure
    assert 0.1 < float(similarity.linear_cka(x, stretched)) < 0.99


@pytest.mark.parametrize("widths", [(3, 4), (20, 30)])
def test_cka_equals_both_formulas_of_kornblith(widths: tuple[int, int]) -> None:
    n = 8
    x, y = (torch.randn(n, w, dtype=torch.float64) for w in widths)
    cka = float(similarity.linear_cka(x, y))
    centre = torch.eye(n, dtype=torch.float64) - 1 / n
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    hsic = [float(torch.trace(a @ b)) for a, b in ((k, m), (k, k), (m, m))]
    assert cka == pytest.approx(hsic[0] / math.sqrt(hsic[1] * hsic[2]), rel=1e-10)
    x, y = x - x.mean(0), y - y.mean(0)
    sizes = (x.T @ x).norm() * (y.T @ y).norm()
    assert cka == pytest.approx(float((y.T @ x).norm() ** 2 / sizes), rel=1e-10)
    assert 0.01 < cka < 0.99


def test_cosines_of_pairs_by_hand() -> None:
    x = torch.tensor([[3.0, 0.0], [3.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    assert similarity.cosines(x).tolist() == pytest.approx([1, 0, -1, 0, -1, 0])


def test_gradients_of_identical_tasks_have_cosine_one() -> None:
    learner, batch = algorithm("maml"), tasks(1)
    gradients = diagnostics.task_gradients(learner, _twice(batch), NOW)
    close(similarity.cosines(gradients), torch.ones(1))
    assert gradients[0].norm() > 0.01


@pytest.mark.parametrize("name", learners())
def test_mean_of_task_gradients_equals_the_meta_gradient(name: str) -> None:
    learner, batch = algorithm(name), tasks(3)
    _, expected = run(learner, batch)
    actual = diagnostics.task_gradients(learner, batch, NOW).mean(0)
    close(actual, torch.cat([g.flatten() for g in expected.values()]), atol=1e-10)
    assert actual.isfinite().all() and all(p.grad is None for p in learner.parameters())


@pytest.mark.parametrize(("name", "still"), [("anil", "body"), ("boil", "head"), ("maml", None)])
def test_only_the_adapted_part_moves(name: str, still: str | None) -> None:
    measures = measured(name, body=SmoothConv("transductive"))
    moved = {k.removeprefix("update/"): v["mean"] for k, v in measures.items() if "update/" in k}
    assert moved.keys() == {"body.layers.0", "body.layers.1", "head"}
    for layer, distance in moved.items():
        assert (distance == 0) == layer.startswith(still or "nothing"), layer
    features = measures["cka/body"]["mean"]
    assert features == pytest.approx(1, abs=1e-12) if still == "body" else features < 1 - 1e-9
    assert measures["cka/head"]["mean"] < 1 - 1e-9


def test_relative_update_of_a_layer_by_hand() -> None:
    learner, batch = algorithm("maml"), tasks(1)
    measures = diagnostics.measure(learner, _twice(batch), 3, NOW)
    *_, adapted = learner.adapt(task_tools.only(batch).support, 3, NOW)
    start = {k: p for k, p in learner.model.named_parameters() if k.startswith("head.")}
    moved = sum(float((adapted.parameters[k] - p).detach().norm() ** 2) for k, p in start.items())
    whole = sum(float(p.detach().norm() ** 2) for p in start.values())
    assert measures["update/head"]["mean"] == pytest.approx(math.sqrt(moved / whole), rel=1e-6)
    assert moved > 1e-6


@pytest.mark.parametrize("norm", ["transductive", "support", "running"])
@pytest.mark.parametrize("name", learners())
def test_measured_losses_equal_the_scores_and_the_learner_is_unchanged(
    name: str, norm: str
) -> None:
    learner, batch = algorithm(name, SmoothConv(norm)), tasks(3, shape=(1, 4, 4))
    before = {k: v.clone() for k, v in learner.state_dict().items()}
    measures = diagnostics.measure(learner, batch, 2, NOW)
    assert learner.training and not any(m._forward_hooks for m in learner.modules())
    close(dict(learner.state_dict()), before)
    curve = learner.eval().scores(batch, 2, NOW)["loss"].mean(0)
    for step, loss in enumerate(curve.tolist()):
        assert measures[f"query_loss/step_{step}"]["mean"] == pytest.approx(loss, rel=1e-5)
    falls = [measures[f"support_loss/step_{k}"]["mean"] for k in range(len(curve))]
    assert falls == sorted(falls, reverse=True) and len(falls) == len(curve)
    assert any("cka" in key for key in measures) == learner.adapts_by_steps


def test_features_of_queries_leave_out_the_support_rows() -> None:
    learner, batch = algorithm("maml", SmoothConv("support")), tasks(1, shape=(1, 4, 4))
    task = task_tools.only(batch)
    adapted = next(iter(learner.adapt(task.support, 0, NOW)))
    seen = trace(learner, adapted, task.query.inputs)
    outputs = learner.predict(adapted, task.query.inputs)
    close(seen.features["head"], outputs.detach())
    close(learner.model.head(seen.features["body"]).detach(), outputs.detach())


class Sequences(nn.Module):
    """An LSTM over rows of three numbers, a layer that returns a dict and one that returns None."""

    width = 4

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.named, self.silent, self.turned = Named(), Silent(), Turned()

    def forward(self, inputs: Tensor) -> Tensor:
        states, _ = self.lstm(inputs[:, None])
        self.silent(states)
        return self.named(self.turned(states[:, 0]))["features"]


class Named(nn.Linear):
    def __init__(self) -> None:
        super().__init__(4, 4)

    def forward(self, inputs: Tensor) -> Any:
        counts = torch.arange(len(inputs))
        return {"features": super().forward(inputs), "size": inputs.norm(dim=1), "n": counts}


class Silent(nn.Linear):
    def __init__(self) -> None:
        super().__init__(4, 4)

    def forward(self, inputs: Tensor) -> Any:
        super().forward(inputs)


class Turned(nn.Linear):
    """A layer whose output has the examples in its last dimension."""

    def __init__(self) -> None:
        super().__init__(4, 4)

    def forward(self, inputs: Tensor) -> Any:
        return super().forward(inputs)[..., None].movedim(0, -1)

    def __call__(self, *inputs: Tensor) -> Any:
        return super().__call__(*inputs)[:, 0].T


@pytest.mark.parametrize("norm", ["transductive", "support"])
def test_layers_may_return_several_tensors_a_dict_or_nothing(norm: str) -> None:
    body = Sequences()
    learner, batch = algorithm("maml", body), tasks(1, queries=5)
    if norm == "support":  # the support passes through together with the queries
        body.statistics = TaskNorm(4, norm)  # type: ignore[assignment]
    task = task_tools.only(batch)
    adapted = next(iter(learner.adapt(task.support, 0, NOW)))
    seen = trace(learner, adapted, task.query.inputs).features
    states, (last, _) = body.lstm(task.query.inputs[:, None])
    assert seen.keys() == {"body", "body.lstm", "body.named", "head"}
    close(seen["body.lstm"], states.detach())
    turned = (body.turned.weight @ last[0].T).T + body.turned.bias
    features = (body.named.weight @ turned.T).T + body.named.bias
    together = torch.cat([features, turned.norm(dim=1, keepdim=True)], 1)
    close(seen["body.named"], together.detach())
    close(seen["body"], features.detach())
    measures = diagnostics.measure(learner, batch, 2, NOW)
    assert {"cka/body", "cka/body.lstm", "update/body.lstm"} <= measures.keys()


def test_layers_of_a_transformer_are_measured() -> None:
    class Body(nn.Module):
        width = 4

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
            self.first = nn.Linear(3, 4)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.layer(self.first(inputs)[:, None])[:, 0]

    learner, batch = algorithm("anil", Body()), tasks(1)
    task = task_tools.only(batch)
    (adapted, *_), learner = list(learner.adapt(task.support, 0, NOW)), learner.eval()
    seen = trace(learner, adapted, task.query.inputs)
    close(learner.model.head(seen.features["body"]), learner.predict(adapted, task.query.inputs))


def test_learned_rates_are_summarised() -> None:
    learner: Algorithm = algorithm("meta_sgd")
    rates: Any = learner.rates  # type: ignore[assignment]
    with torch.no_grad():
        for rate in rates.values():
            rate.copy_(torch.linspace(-1, 3, rate.numel()).view_as(rate))
    every = torch.cat([r.detach().flatten() for r in rates.values()])
    summary = diagnostics.learned_rates(learner)
    assert float(summary["min"]) == -1 and float(summary["max"]) == 3
    assert float(summary["mean"]) == pytest.approx(float(every.sum()) / len(every))
    assert float(summary["negative"]) == pytest.approx(float((every < 0).sum()) / len(every))
    assert diagnostics.learned_rates(algorithm("maml")) == {}


def test_a_run_logs_and_stores_its_diagnostics(tmp_path: Path) -> None:
    train(tmp_path, "debug=fast", "logger=csv", "algorithm=meta_sgd", "evaluation.scored_step=3")
    result = json.loads((tmp_path / "diagnostics.json").read_text())
    assert result["query_loss/step_3"]["tasks"] == 2
    assert {"gradient_cosine", "gradient_norm", "rate", "cka/head", "update/head"} <= result.keys()
    header = (tmp_path / "metrics.csv").read_text().splitlines()[0].split(",")
    names = ("meta_gradient_norm", "rate/mean", "rate/negative", "val/cka/body", "test/cka/body",
             "test/support_loss/step_0", "test/gradient_cosine")  # fmt: skip
    assert {f"inside/{name}" for name in names} <= set(header)


def test_diagnostics_can_be_switched_off(tmp_path: Path) -> None:
    off = ("diagnostics.test_tasks=0", "diagnostics.validation_tasks=0")
    train(tmp_path, "debug=fast", "logger=csv", *off)
    assert not (tmp_path / "diagnostics.json").exists()
    assert "inside/test" not in (tmp_path / "metrics.csv").read_text()


def test_tasks_on_several_cores_are_measured_as_in_turn() -> None:
    learner, batch = algorithm("maml", SmoothConv("transductive")), tasks(3, shape=(1, 4, 4))
    in_turn = diagnostics.measure(learner, batch, 2, NOW)
    at_once = diagnostics.measure(learner, batch, 2, NOW, cores=2)
    assert at_once.keys() == in_turn.keys()
    for name, entry in in_turn.items():
        assert at_once[name] == pytest.approx(entry, nan_ok=True)
