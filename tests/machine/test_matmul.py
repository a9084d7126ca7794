"""trainer.matmul sets both of PyTorch's switches; an exact part leaves them as they were."""

from collections.abc import Iterator

import pytest
import torch
from helpers import algorithm, config

from innerloop.experiment.parts.trainer import build_trainer
from innerloop.machine import matmul


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    with matmul.exact():
        yield


@pytest.mark.parametrize(("setting", "rounds"), [("ieee", False), ("tf32", True), ("bf16", True)])
def test_a_run_sets_products_and_convolutions(setting: str, rounds: bool) -> None:
    chosen = config(f"trainer.matmul={setting}", "trainer=cpu", "logger=none")
    build_trainer(chosen, algorithm("maml").objective, True)
    assert torch.backends.cudnn.allow_tf32 is rounds and matmul.current() == setting
    assert torch.backends.cuda.matmul.allow_tf32 is rounds
    with matmul.exact():
        assert matmul.current() == "ieee" and not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 is rounds and matmul.current() == setting


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_rounded_products_differ_from_exact_ones() -> None:
    a, b = torch.randn(2, 512, 512, device="cuda")
    exact = a.double() @ b.double()
    errors = {}
    for setting in ("ieee", "tf32"):
        matmul.use(setting)
        errors[setting] = float((a @ b - exact).norm() / exact.norm())
    assert errors["ieee"] < 1e-6 < 1e-4 < errors["tf32"]
