"""Batch norm's three modes against PyTorch's own layers, in float64."""

from pathlib import Path

import pytest
import torch
from cli import FAST, train
from helpers import (
    NOW,
    SmoothConv,
    algorithm,
    algorithm_around,
    algorithms_that,
    learners,
    reads_in_context,
    tasks,
)
from torch import nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.layers import layout, norm
from innerloop.models.network import Network

CLOSE = {"rtol": 1e-10, "atol": 1e-12}
LEARNERS = [name for name in learners() if name != "no_op"]  # it reads no image


def layer(mode: str, channels: int = 3) -> norm.TaskNorm:
    layer = norm.TaskNorm(channels, mode).double()
    with torch.no_grad():
        layer.weight.normal_()
        layer.bias.normal_()
    return layer


def images(rows: int = 6) -> torch.Tensor:
    return 2 + 3 * torch.randn(rows, 3, 4, 4, dtype=torch.float64)


def batch_normed(x: torch.Tensor, like: norm.TaskNorm) -> torch.Tensor:
    return F.batch_norm(x, None, None, like.weight, like.bias, True)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("side_by_side", [True, False])
def test_transductive_norm_equals_batch_norm_of_the_batch(
    training: bool, side_by_side: bool
) -> None:
    task_norm, x = layer("transductive").train(training), images()
    actual = torch.vmap(task_norm)(x[None])[0] if side_by_side else task_norm(x)
    torch.testing.assert_close(actual, batch_normed(x, task_norm), **CLOSE)


def test_running_norm_equals_torchs_layer() -> None:
    ours, reference = layer("running"), nn.BatchNorm2d(3).double()
    reference.load_state_dict(ours.state_dict(), strict=False)
    for _ in range(3):
        x = images()
        with layout.track():
            actual = ours(x)
        torch.testing.assert_close(actual, reference(x), **CLOSE)
    torch.testing.assert_close(ours.running_var, reference.running_var, **CLOSE)
    x = images()
    torch.testing.assert_close(ours.eval()(x), reference.eval()(x), **CLOSE)
    assert (ours(x) - batch_normed(x, ours)).abs().max() > 0.01


@pytest.mark.parametrize("mode", ["transductive", "support"])
def test_grouped_rows_are_normalised_task_by_task(mode: str) -> None:
    task_norm, groups = layer(mode), [images(5) for _ in range(3)]
    with layout.grouped(3, 2, 5):
        actual = task_norm(torch.cat(groups)).reshape(3, 5, 3, 4, 4)
    for one, x in zip(actual, groups, strict=True):
        if mode == "transductive":
            expected = batch_normed(x, task_norm)
        else:
            var, mean = torch.var_mean(x[:2], (0, 2, 3), correction=0)
            expected = F.batch_norm(x, mean, var, task_norm.weight, task_norm.bias)
        torch.testing.assert_close(one, expected, **CLOSE)


def answers(learner: Algorithm, one_at_a_time: bool) -> torch.Tensor:
    """Outputs for the queries of one fixed task, predicted together or one at a time."""
    torch.manual_seed(5)
    batch = tasks(1, shape=(1, 4, 4))
    n = batch.query.targets.shape[1]
    outputs = []
    for rows in [[i] for i in range(n)] if one_at_a_time else [list(range(n))]:
        query = type(batch.query)(batch.query.inputs[:, rows], batch.query.targets[:, rows])
        task = task_tools.only(learner.embed(batch._replace(query=query)))
        *_, adapted = learner.adapt(task.support, 20, NOW)
        outputs.append(learner.predict(adapted, task.query.inputs))
    return torch.cat(outputs)


@pytest.mark.parametrize("name", LEARNERS)
def test_with_support_statistics_queries_affect_each_other_only_where_declared(name: str) -> None:
    learner = algorithm(name, SmoothConv("support"))
    together, apart = answers(learner, True), answers(learner, False)
    if learner.joint_queries:
        assert (together - apart).abs().max() > 1e-3
    else:
        torch.testing.assert_close(together, apart, **CLOSE)


@pytest.mark.parametrize("name", LEARNERS)
def test_with_transductive_statistics_queries_affect_each_other(name: str) -> None:
    learner = algorithm(name, SmoothConv("transductive"))
    least = (
        1e-5 if reads_in_context(name) else 1e-3
    )  # they summarise the support before they use it
    assert (answers(learner, True) - answers(learner, False)).abs().max() > least


@pytest.mark.parametrize("name", LEARNERS)
def test_running_averages_move_only_when_tracked(name: str) -> None:
    learner = algorithm(name, SmoothConv("running"))
    before = [b.clone() for b in learner.buffers()]
    learner(tasks(2, shape=(1, 4, 4)), NOW)
    assert before
    for old, new in zip(before, learner.buffers(), strict=True):
        torch.testing.assert_close(old, new, rtol=0, atol=0)


def test_with_running_averages_queries_can_be_tested_one_at_a_time() -> None:
    learner = algorithm("protonet", SmoothConv("running")).eval()
    torch.testing.assert_close(answers(learner, True), answers(learner, False), **CLOSE)


@pytest.mark.parametrize("mode", norm.MODES)
def test_a_single_value_for_each_channel_is_allowed(mode: str) -> None:
    assert torch.isfinite(layer(mode)(torch.randn(1, 3, dtype=torch.float64))).all()


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UserError, match="transductive, support, running"):
        norm.TaskNorm(3, "instance")


PLAIN = ("~model.body", "+model.body={_target_: zoo.PlainNorm}")


@pytest.mark.parametrize("mode", norm.MODES)
def test_pytorchs_batch_norm_follows_norm_and_the_results_name_it(
    mode: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = train(tmp_path / "run", *FAST, "dataset=glyphs", *PLAIN, f"norm={mode}")
    assert result["norm"] == mode
    assert f"norm={mode}: PyTorch's batch norm follows it, in 1 layer" in capsys.readouterr().out
    stamp = "transductive" if mode == "transductive" else "inductive"
    assert stamp in result["audit"]["stamps"]


@pytest.mark.parametrize("mode", norm.AVERAGED)
def test_running_averages_of_bfloat16_images_are_computed_in_float32(mode: str) -> None:
    """Of 6 x 16 real numbers, beside rows of padding, which bfloat16 would round."""
    ours, rows = norm.TaskNorm(3, mode, momentum=1.0), images(8).bfloat16()
    real = torch.tensor([True] * 6 + [False] * 2)
    with layout.track():
        outputs = layout.call_opened(ours, task_tools.Padded(rows, real))
    exact = rows[:6].double().transpose(0, 1).flatten(1)
    torch.testing.assert_close(ours.running_mean.double(), exact.mean(1), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.running_var.double(), exact.var(1), rtol=1e-5, atol=1e-6)
    expected = F.batch_norm(rows[:6].double(), None, None, training=True)
    torch.testing.assert_close(outputs[:6].double(), expected, rtol=1e-2, atol=1e-2)


def test_statistics_of_an_inner_step_of_bfloat16_images_are_in_float32() -> None:
    ours, rows = norm.TaskNorm(3, "per_step", momentum=1.0), images(40).bfloat16()
    ours.follow(*ours.statistics(rows))
    exact = rows.double().transpose(0, 1).flatten(1)
    torch.testing.assert_close(ours.running_mean.double(), exact.mean(1), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(ours.running_var.double(), exact.var(1), rtol=1e-5, atol=1e-6)


JOINT = algorithms_that(lambda learner: learner.joint_queries and learner.embeds)


@pytest.mark.parametrize("name", JOINT)
def test_joint_answers_take_no_support_for_queries(name: str) -> None:
    """Those of a learner without batch norm, on the features that the support has normalised."""
    learner = algorithm(name, SmoothConv("support")).eval()
    embedded = learner.embed(tasks(2, shape=(1, 4, 4)))
    identity = nn.Identity()
    identity.width = 3
    plain = algorithm_around(Network(identity, 3), learner.objective, name).eval()
    plain.load_state_dict(
        {k: v for k, v in learner.state_dict().items() if not k.startswith("model.body")},
        strict=False,
    )
    for i in range(2):
        task = task_tools.only(task_tools.part(embedded, i, i + 1))
        *_, ours = learner.adapt(task.support, learner.steps, NOW)
        *_, theirs = plain.adapt(task.support, plain.steps, NOW)
        inputs = task.query.inputs
        torch.testing.assert_close(
            learner.predict(ours, inputs), plain.predict(theirs, inputs), **CLOSE
        )
