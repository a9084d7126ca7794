"""The outer optimizer has little overhead, and stays what the user asked for."""

from typing import Any

import pytest
import torch
from helpers import close

from innerloop.outer.optimizer import reduce_overhead


def weights() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.arange(3, dtype=torch.float64))


def test_adam_uses_the_fused_kernel() -> None:
    assert reduce_overhead(torch.optim.Adam([weights()])).param_groups[0]["fused"]


@pytest.mark.parametrize("options", [{"foreach": True}, {"fused": False}])
def test_explicit_optimizer_options_are_kept(options: Any) -> None:
    (group,) = reduce_overhead(torch.optim.Adam([weights()], **options)).param_groups
    assert not group.get("fused")


def test_an_optimizer_without_a_fused_kernel_is_unchanged() -> None:
    assert "fused" not in reduce_overhead(torch.optim.Adamax([weights()])).param_groups[0]


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD, torch.optim.Adagrad])
def test_fused_steps_equal_those_of_the_plain_optimizer(kind: Any) -> None:
    ends = []
    for make in (
        lambda p: reduce_overhead(kind([p], lr=0.1)),
        lambda p: kind([p], lr=0.1, foreach=False),
    ):
        held = weights()
        optimizer = make(held)
        for _ in range(3):
            held.grad = held.detach() ** 2 - 1
            optimizer.step()
        ends.append(held.detach())
    close(*ends)


@pytest.mark.skipif(torch.cuda.is_available(), reason="only without a GPU it asks no more")
def test_a_step_does_not_query_the_gpu_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # as Lightning does on import
    queries: list[int] = []
    monkeypatch.setattr(torch.cuda, "_device_count_nvml", lambda: queries.append(1) or 0)
    held = weights()
    optimizer = reduce_overhead(torch.optim.Adam([held]))
    queries.clear()
    held.grad = torch.ones_like(held)
    optimizer.step()
    assert not queries
