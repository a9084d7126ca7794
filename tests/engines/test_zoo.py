"""Ordinary models with every algorithm in every engine: the right meta-gradient, or a refusal."""

import contextlib
from typing import Any

import pytest
import torch
import zoo
from helpers import algorithm_around
from torch.nn.attention import SDPBackend, sdpa_kernel

from innerloop.adaptation.selection import ALL
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.gradient.maml import MAML
from innerloop.algorithms.gradient.meta_sgd import MetaSGD
from innerloop.engines.engine import Engine
from innerloop.engines.known import unknown
from innerloop.engines.learn2learn import Learn2LearnEngine
from innerloop.errors import UserError
from innerloop.objectives import Classification

NOW = torch.tensor(0.5, dtype=torch.float64)
CLOSE = 1e-10  # relative to the gradient's norm
CLOSE_ADAM = 1e-8  # Adam divides rounding errors of zero gradients by its eps of 1e-8
NAMES = ("maml", "fomaml", "anil", "boil", "meta_sgd", "reptile", "protonet")  # of zoo.by_hand
BY_STEPS = set(NAMES) - {"protonet"}  # a batch that is embedded in one pass changes a buffer once
REFUSED = {  # models that PyTorch cannot differentiate twice, or that change in every pass
    "EmbeddingBag": {"maml", "meta_sgd", "boil"},
    "counting buffer": BY_STEPS,
    "InstanceNorm1d with averages": BY_STEPS,
    "spectral norm": BY_STEPS,
}


def learner(name: str, model: Any) -> Algorithm:
    inner = (f"inner.rate={zoo.RATE}", f"inner.steps={zoo.STEPS}")
    return algorithm_around(model, Classification(zoo.WAYS, zoo.WAYS), name, *inner)


def engines(learner: Algorithm) -> dict[str, Engine]:
    runs = {"side by side": Engine(), "one by one": Engine(1),
             "in chunks, steps computed again": Engine(3, checkpoint=True)}  # fmt: skip
    if isinstance(learner, MAML):
        runs["in chunks"] = Engine(3)
    if learner.mixed_mode and learner.second_order and not unknown(learner):
        runs["in mixed mode"] = Engine(3, checkpoint="mixed")
    if type(learner) in (MAML, MetaSGD) and getattr(learner, "adapted", ALL) == ALL:
        with contextlib.suppress(UserError):  # frozen parameters, with Meta-SGD
            runs["learn2learn"] = Learn2LearnEngine(learner)
    return runs


def compared(model: str, name: str, make: Any) -> set[str]:
    """Compares the engines that `make` returns with the plain loop; returns those that refused."""
    tasks, refused, lines = zoo.tasks_of(model), set(), []
    with sdpa_kernel(SDPBackend.MATH):  # the only attention with a second derivative in PyTorch
        try:
            expected = zoo.by_hand(name, zoo.model_of(model), tasks)
        except (NotImplementedError, RuntimeError):
            expected = None  # plain autograd fails too
    norm = None if expected is None else torch.cat([g.flatten() for g in expected.values()]).norm()
    for how, engine in make(learner(name, zoo.model_of(model))).items():
        fresh = learner(name, zoo.model_of(model))  # some models change in every pass
        try:
            _, gradient = engine.meta_gradient(fresh, tasks, NOW)
        except UserError as error:
            lines.append(str(error))
            refused.add(how)
            continue
        assert expected is not None and norm is not None and norm > 0, (name, how)
        actual = {k.removeprefix("model.").replace("/", "."): g for k, g in gradient.items()}
        used = {k for k in expected if name != "protonet" or not k.startswith("head")}
        assert actual.keys() == used, (name, how)
        gap = torch.cat([(actual[k] - expected[k]).flatten() for k in used]).norm()
        assert gap <= (CLOSE_ADAM if name == "reptile" else CLOSE) * norm, (
            name,
            how,
            float(gap / norm),
        )
    return refused


@pytest.mark.parametrize("model", zoo.MODELS)
def test_every_engine_equals_a_plain_loop_or_refuses_in_one_line(model: str) -> None:
    for name in NAMES:
        refused = compared(model, name, engines)
        if name in REFUSED.get(model, ()):
            assert "side by side" in refused, name
        else:
            assert refused <= {"learn2learn", "in chunks, steps computed again"}, (name, refused)


@pytest.mark.slow
@pytest.mark.parametrize("model", zoo.MODELS)
def test_compiled_meta_gradients_equal_a_plain_loop(model: str) -> None:
    for name in ("maml", "fomaml"):
        refused = compared(model, name, lambda learner: {"compiled": Engine(compile=True)})
        assert bool(refused) == (name in REFUSED.get(model, ()))
