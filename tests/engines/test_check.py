"""The check of a learner's first batch: what it detects and reports without changing anything."""

from typing import Any

import pytest
import torch
import zoo
from helpers import NOW, SmoothBody, close, tasks
from torch import Tensor, nn

from innerloop.algorithms.gradient.maml import MAML
from innerloop.engines import check as checking
from innerloop.engines.check import check
from innerloop.engines.engine import Engine
from innerloop.engines.known import KNOWN, unknown
from innerloop.errors import UserError
from innerloop.models.network import Network
from innerloop.objectives import Classification


def maml(name: str) -> MAML:
    return MAML(zoo.model_of(name), Classification(zoo.WAYS, zoo.WAYS), zoo.RATE, 3)


def test_built_in_models_are_never_checked(monkeypatch: Any) -> None:
    from innerloop.models.conv4 import Conv4

    def fail(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(checking, "check", fail)
    learner = MAML(Network(Conv4((1, 16, 16), 4), 3), Classification(3, 3), 0.1).double()
    assert unknown(learner) == []
    Engine().meta_gradient(learner, tasks(2, shape=(1, 16, 16)), NOW)


SAMPLES: dict[type[nn.Module], Any] = {
    nn.Linear: lambda: nn.Linear(4, 4), nn.Conv1d: lambda: _around(nn.Conv1d(4, 4, 1), 2),
    nn.Conv2d: lambda: _around(nn.Conv2d(4, 4, 1), 3),
    nn.Conv3d: lambda: _around(nn.Conv3d(4, 4, 1), 4),
    nn.MaxPool2d: lambda: _grid(nn.MaxPool2d(2)), nn.AvgPool2d: lambda: _grid(nn.AvgPool2d(2)),
    nn.AdaptiveAvgPool2d: lambda: _grid(nn.AdaptiveAvgPool2d(1)),
}  # fmt: skip


def _around(layer: nn.Module, dims: int) -> nn.Module:
    return nn.Sequential(nn.Unflatten(1, (4, *[1] * (dims - 1))), layer, nn.Flatten())


def _grid(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 16), nn.Unflatten(1, (1, 4, 4)), layer, nn.Flatten())


@pytest.mark.parametrize("kind", sorted(KNOWN, key=lambda kind: kind.__name__))
def test_known_layers_are_right_under_vmap(kind: type[nn.Module]) -> None:
    holds_others = issubclass(kind, nn.ModuleList | nn.ModuleDict | nn.ParameterList
                              | nn.ParameterDict | nn.Sequential)  # fmt: skip
    layer = kind() if holds_others else SAMPLES.get(kind, kind)()
    body = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), *([] if holds_others else [layer]), nn.Tanh())
    body.width = body(torch.zeros(1, 3)).shape[1]
    learner = MAML(Network(body.double(), 3).double(), Classification(3, 3), 0.3, 3)
    assert check(learner, tasks(2), NOW) == checking.Verdict()


def test_the_check_changes_nothing_and_draws_no_random_numbers() -> None:
    learner = maml("LSTM").train()
    learner.model.body.layer.dropout = 0.5
    before = {k: v.clone() for k, v in learner.state_dict().items()}
    batch = zoo.tasks_of("LSTM")
    random, steps = torch.get_rng_state(), learner.steps
    check(learner, batch, NOW)
    assert torch.equal(torch.get_rng_state(), random) and learner.steps == steps
    assert learner.model.body.layer.dropout == 0.5
    for key, value in learner.state_dict().items():
        assert torch.equal(value, before[key])


def test_a_model_that_runs_only_in_float32_runs_one_task_at_a_time(capsys: Any) -> None:
    class Single(SmoothBody):
        def forward(self, inputs: Tensor) -> Tensor:
            assert inputs.dtype == torch.float32, "made for float32"
            return super().forward(inputs)

    learner = MAML(Network(Single(), 3), Classification(3, 3), 0.1, 2)
    batch = torch.utils._pytree.tree_map(
        lambda x: x.float() if x.is_floating_point() else x, tasks(3)
    )
    engine = Engine()
    _, gradient = engine.meta_gradient(learner, batch, NOW.float())
    _, expected = Engine(1).meta_gradient(learner, batch, NOW.float())
    close(gradient, expected)
    assert "made for float32" in capsys.readouterr().out and engine.chunk == 1


def test_a_run_reports_once_what_runs_one_task_at_a_time(capsys: Any) -> None:
    engine, learner, batch = Engine(), maml("GRU"), zoo.tasks_of("GRU")
    for _ in range(2):
        engine.meta_gradient(learner, batch, NOW)
    (line,) = capsys.readouterr().out.splitlines()
    assert "GRU" in line and "one by one" in line
    assert engine.describe()["name"] == "loop"


def test_a_layer_norm_runs_under_vmap(capsys: Any) -> None:
    engine = Engine()
    engine.meta_gradient(maml("LayerNorm"), zoo.tasks_of("LayerNorm"), NOW)
    assert engine.each_task and engine.chunk is None and capsys.readouterr().out == ""


def test_dropout_differs_from_task_to_task_and_is_right_on_average() -> None:
    body = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5))
    body.width = 4
    learner = MAML(Network(body, 3).double(), Classification(3, 3), 0.1, 1)
    one = tasks(1)
    many = torch.utils._pytree.tree_map(lambda x: x.repeat_interleave(400, 0), one)
    together, apart = Engine(), Engine(1)
    losses = [learner.scores(many, 0, NOW)["loss"][:, 0], torch.cat([
        learner.scores(one, 0, NOW)["loss"][:, 0] for _ in range(400)])]  # fmt: skip
    assert len(losses[0].unique()) > 50  # each task has its own dropout mask
    gap = losses[0].mean() - losses[1].mean()
    error = (losses[0].var() / 400 + losses[1].var() / 400).sqrt()
    assert abs(float(gap.detach())) < 4 * float(error.detach())
    gradients = [e.meta_gradient(learner, many, NOW)[1] for e in (together, apart)]
    first, second = (torch.cat([g.flatten() for g in part.values()]) for part in gradients)
    assert float((first - second).norm() / second.norm()) < 0.3
    assert together.chunk is None


def test_scores_of_a_model_that_cannot_be_trained_are_still_given() -> None:
    learner, batch = maml("EmbeddingBag").eval(), zoo.tasks_of("EmbeddingBag")
    scores = Engine().scores(learner, batch, 1, NOW)["accuracy"]
    assert scores.shape == (zoo.TASKS, 2) and torch.isfinite(scores).all()


def test_a_restored_engine_keeps_its_choice_and_checks_again() -> None:
    from innerloop.engines import choose

    learner, batch = maml("GRU"), zoo.tasks_of("GRU")
    restored = choose.restore(learner, Engine(each_task=True).describe())
    assert restored.each_task and restored.chunk is None
    _, gradient = restored.meta_gradient(learner, batch, NOW)
    assert restored.chunk == 1
    close(gradient, Engine(1).meta_gradient(learner, batch, NOW)[1])


@pytest.mark.parametrize("scored", [False, True])
def test_a_model_that_cannot_be_trained_is_refused_in_every_order(scored: bool) -> None:
    learner, batch, engine = maml("EmbeddingBag"), zoo.tasks_of("EmbeddingBag"), Engine()
    for _ in range(2 if scored else 0):
        engine.scores(learner, batch, 1, NOW)
    for _ in range(2):
        with pytest.raises(UserError):
            engine.meta_gradient(learner, batch, NOW)


def test_a_module_under_two_names_is_refused_before_its_weights_are_lost() -> None:
    body = SmoothBody()
    body.again = body.layers[1]
    learner = MAML(Network(body, 3).double(), Classification(3, 3), 0.1, 1)
    names, engine = {*dict(learner.named_parameters())}, Engine()
    for act in (lambda: engine.scores(learner, tasks(2), 1, NOW),
                lambda: engine.meta_gradient(learner, tasks(2), NOW)):  # fmt: skip
        with pytest.raises(UserError, match="two names"):
            act()
    assert {*dict(learner.named_parameters())} == names
