"""What is compared in float64 runs on the processor where a device has none."""

from collections.abc import Iterator
from unittest import mock

import pytest
import torch
from apple import KIND, REFUSAL, Apple, moved
from cli import FAST, mistake
from helpers import NOW, algorithm, config, tasks
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop.engines.float64_copy import LearnerCopy
from innerloop.evaluation.changes import changed
from innerloop.evaluation.similarity import cosines, linear_cka
from innerloop.experiment.parts.learner import device_of
from innerloop.inspection.trajectory import by_layer
from innerloop.machine import float64
from innerloop.startup import command


@pytest.fixture(autouse=True)
def _the_stand_in_has_no_float64() -> Iterator[None]:
    with mock.patch.object(float64, "WITHOUT", {KIND}):
        yield


def test_the_stand_in_refuses_float64() -> None:
    value = Apple(torch.tensor([1.0, 2.0]))
    with pytest.raises(TypeError, match="MPS"):
        value.double()
    assert float((value * 2).sum()) == 6.0
    assert float64.exact(value).tolist() == [1.0, 2.0]


def test_meta_gradients_are_compared_on_the_processor() -> None:
    def gradient(learner: torch.nn.Module, batch: object, now: Tensor) -> list[Tensor]:
        copy = LearnerCopy(learner, batch, now, in_float64=True)  # type: ignore[arg-type]
        _, slopes = copy.one_by_one()
        return list(slopes.values())

    batch, now = tree_map(lambda x: x.float() if x.is_floating_point() else x, tasks()), NOW.float()
    learner = algorithm("maml").float()
    expected = gradient(learner, batch, now)
    actual = gradient(moved(learner), tree_map(Apple, batch), Apple(now))
    for ours, theirs in zip(actual, expected, strict=True):
        assert ours.dtype == torch.float64 and ours.device.type == "cpu"
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


def test_the_audit_compares_answers_on_the_processor() -> None:
    before = torch.randn(3, 4, 5)
    after = before.clone()
    after[1] += 0.1 * torch.randn(4, 5)
    answer = changed(Apple(before), Apple(after), classes=True)
    assert answer.tolist() == changed(before, after, classes=True).tolist() == [0, 1, 0]


def test_similarities_and_norms_are_computed_on_the_processor() -> None:
    first, second = torch.randn(6, 4), torch.randn(6, 4)
    torch.testing.assert_close(linear_cka(Apple(first), Apple(second)), linear_cka(first, second))
    torch.testing.assert_close(cosines(Apple(first)), cosines(first))
    assert by_layer({"a.weight": Apple(first)}) == by_layer({"a.weight": first})


def test_an_algorithm_that_needs_float64_says_what_to_do() -> None:
    assert "trainer=cpu" in str(command.explain(TypeError(REFUSAL)))


@pytest.mark.parametrize(
    ("accelerator", "has_mps", "expected"),
    [
        ("auto", True, "mps"), ("gpu", True, "mps"), ("mps", True, "mps"), ("cpu", True, "cpu"),
        ("auto", False, "cpu"), ("cpu", False, "cpu"),
    ],
)  # fmt: skip
def test_the_device_is_the_one_that_lightning_takes(
    accelerator: str, has_mps: bool, expected: str
) -> None:
    settings = config(f"trainer.accelerator={accelerator}")
    with (
        mock.patch.object(torch.backends.mps, "is_available", return_value=has_mps),
        mock.patch.object(torch.cuda, "is_available", return_value=False),
    ):
        assert device_of(settings) == expected


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="this is a Mac")
def test_an_apple_gpu_is_refused_where_there_is_none(tmp_path: object) -> None:
    assert "trainer=cpu" in mistake("train", *FAST, f"hydra.run.dir={tmp_path}", "trainer=mps")
