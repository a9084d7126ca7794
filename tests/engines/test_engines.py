"""Every engine computes the same meta-gradient; which engine is chosen when."""

import sys
from typing import Any

import pytest
import torch
from helpers import (
    LEARN2LEARN,
    NOW,
    SmoothBody,
    SmoothConv,
    algorithm,
    close,
    config,
    learners,
    run,
    tasks,
)

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import choose
from innerloop.engines.engine import Engine
from innerloop.engines.learn2learn import Learn2LearnEngine
from innerloop.errors import UserError

IMAGE = (1, 4, 4)


def one_by_one(learner: Algorithm, batch: Any) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The oracle: plain autograd on each task alone, averaged."""
    total = task_tools.count(batch)
    alone = [run(learner, task_tools.part(batch, i, i + 1)) for i in range(total)]
    means = {k: torch.stack([g[k] for _, g in alone]).mean(0) for k in alone[0][1]}
    return torch.stack([loss for loss, _ in alone]).mean(), means


@pytest.mark.parametrize("norm", [None, "transductive", "support"])
@pytest.mark.parametrize("name", learners())
def test_the_meta_gradient_does_not_depend_on_the_chunk_size(name: str, norm: str | None) -> None:
    learner = algorithm(name, SmoothConv(norm) if norm else SmoothBody())
    batch = tasks(5, shape=IMAGE if norm else (3,))
    expected_loss, expected = one_by_one(learner, batch)
    if name != "no_op":
        assert max(g.abs().max() for g in expected.values()) > 1e-5
    for chunk in (1, 2, 3, 5, None):
        loss, gradient = Engine(chunk).meta_gradient(learner, batch, NOW)
        close(loss, expected_loss)
        close(gradient, expected, atol=1e-10)  # Adam magnifies the rounding of zeros
        assert gradient.keys() == dict(learner.named_parameters()).keys()
        assert not loss.requires_grad and not any(g.requires_grad for g in gradient.values())
        assert all(p.grad is None for p in learner.parameters())


@pytest.mark.parametrize("name", learners())
def test_scores_do_not_depend_on_the_chunk_size(name: str) -> None:
    learner, batch = algorithm(name, SmoothConv("support")), tasks(5, shape=IMAGE)
    alone = [learner.scores(task_tools.part(batch, i, i + 1), 2, NOW) for i in range(5)]
    expected = {k: torch.cat([one[k].detach() for one in alone]) for k in alone[0]}
    columns = [0, 2] if learner.adapts_by_steps else [0]
    assert name == "no_op" or expected["loss"].std() > 1e-6
    for chunk in (1, 2, None):
        close(Engine(chunk).scores(learner, batch, 2, NOW), expected)
        some = Engine(chunk).scores(learner, batch, 2, NOW, at=(0, 2))
        close(some, {k: v[:, columns] for k, v in expected.items()})


def test_frozen_parameters_get_no_gradient() -> None:
    learner = algorithm("maml")
    learner.model.head.requires_grad_(False)
    _, gradient = Engine(2).meta_gradient(learner, tasks(), NOW)
    trained = {k for k, _ in learner.named_parameters() if "head" not in k}
    assert gradient.keys() == trained and len(trained) > 2


@pytest.mark.slow
@pytest.mark.parametrize("name", learners())
def test_compiled_equals_eager(name: str) -> None:
    """Also for a smaller last chunk."""
    if not choose.can_compile():
        pytest.skip("no C++ compiler")
    learner, batch = algorithm(name), tasks(3)
    expected_loss, expected = one_by_one(learner, batch)
    loss, gradient = Engine(2, compile=True).meta_gradient(learner, batch, NOW)
    close(loss, expected_loss)
    close(gradient, expected, rtol=1e-9, atol=1e-11)
    if name != "no_op":
        assert max(g.abs().max() for g in expected.values()) > 1e-5


def test_a_failed_compilation_falls_back_to_eager(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("no compiler\nand much more")

    monkeypatch.setattr(torch._inductor, "compile", fails)
    learner, batch = algorithm("maml"), tasks(3)
    expected_loss, expected = one_by_one(learner, batch)
    engine = Engine(2, compile=True)
    loss, gradient = engine.meta_gradient(learner, batch, NOW)
    close(loss, expected_loss)
    close(gradient, expected)
    (message,) = capsys.readouterr().out.splitlines()
    assert message.endswith("continuing without compiling, which failed: no compiler")
    assert not engine.describe()["compile"]


def chosen(name: str, body: Any = None, engine: str = "auto", **more: Any) -> dict[str, Any]:
    settings = {"chunk": None, "compile": None, "device": "cpu", "steps": 100} | more
    described = choose.choose(algorithm(name, body), engine, **settings).describe()
    assert described.pop("checkpoint") == more.get("checkpoint", False)
    assert described.pop("each_task") is False and described.pop("threads") is None
    assert described.pop("streams") == 1
    assert described.pop("capture") is (settings["device"] == "cuda")
    return described


def test_auto_chooses_by_device_model_and_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "can_compile", lambda: True)
    conv, at_once = SmoothConv("transductive"), {"name": "vmap", "chunk": None}
    assert chosen("maml") == at_once | {"compile": False}
    several = {"steps": 15_000, "alone": False}  # several processes do not measure
    assert chosen("maml", **several) == at_once | {"compile": True}
    assert chosen("maml", steps=15_000) == at_once | {"compile": False}  # until it is measured
    assert chosen("maml", checkpoint=True, **several) == at_once | {"compile": False}
    large, small = (chosen("maml", conv, pixels=side**2, **several) for side in (84, 28))
    assert large == {"name": "loop", "chunk": 1, "compile": False}
    assert small == at_once | {"compile": False}
    assert chosen("maml", conv, device="cuda", pixels=84**2) == at_once | {"compile": False}
    monkeypatch.setattr(choose, "can_compile", lambda: False)
    assert chosen("maml", **several) == at_once | {"compile": False}


def test_explicit_engine_settings_are_respected() -> None:
    conv = SmoothConv("transductive")
    assert chosen("maml", engine="loop") == {"name": "loop", "chunk": 1, "compile": False}
    description = chosen("maml", conv, chunk=3, compile=True, pixels=84**2)
    assert description == {"name": "vmap", "chunk": 3, "compile": True}
    assert chosen("maml", conv, engine="vmap", pixels=84**2)["chunk"] is None
    assert chosen("maml", compile=False, steps=10**6)["compile"] is False


def test_only_embedding_with_running_averages_needs_the_whole_batch() -> None:
    for engine in ("auto", "loop", "vmap"):
        whole = chosen("protonet", SmoothConv("running"), engine, chunk=2, pixels=84**2)
        assert whole["chunk"] is None and not whole["compile"]
    assert chosen("protonet", SmoothConv("support"), "vmap", chunk=2)["chunk"] == 2
    assert chosen("protonet", SmoothConv("support"), "loop")["chunk"] == 1


def test_a_learner_that_cannot_run_under_vmap_runs_one_task_at_a_time() -> None:
    learner = algorithm("maml", SmoothConv("transductive"))
    type(learner).one_by_one = "its solver is SciPy's"
    try:
        assert choose.choose(learner, "auto", None, None, "cpu", 10).chunk == 1
    finally:
        type(learner).one_by_one = ""


def test_wrong_engine_settings_are_refused() -> None:
    with pytest.raises(UserError, match="auto, vmap, loop, learn2learn"):
        chosen("maml", engine="warp")
    with pytest.raises(UserError, match="at least one task"):
        chosen("maml", chunk=0)
    for more in ({"compile": True}, {"engine": "learn2learn"}):
        with pytest.raises(UserError, match="leave out engine.compile=true"):
            chosen("maml", checkpoint=True, **more)


@pytest.mark.parametrize("name", learners())
def test_the_learn2learn_engine_runs_its_three_algorithms_and_refuses_others(name: str) -> None:
    sections = [config(f"algorithm={own}").algorithm for own in LEARN2LEARN]
    if config(f"algorithm={name}").algorithm in sections:
        assert chosen(name, engine="learn2learn")["name"] == "learn2learn"
        return
    with pytest.raises(UserError, match="algorithm=maml, fomaml and meta_sgd"):
        chosen(name, engine="learn2learn")


@pytest.mark.parametrize(
    "engine",
    [
        Engine(),
        Engine(3),
        Engine(1, False, "loop"),
        Engine(None, True),
        "learn2learn",
        Engine(2, checkpoint=True),
    ],
    ids=lambda engine: str(engine.describe() if isinstance(engine, Engine) else engine),
)
def test_an_engine_is_restored_from_its_description(
    engine: Engine | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "can_compile", lambda: True)
    learner = algorithm("maml")
    engine = Learn2LearnEngine(learner) if isinstance(engine, str) else engine
    back = choose.restore(learner, engine.describe())
    assert type(back) is type(engine) and back.describe() == engine.describe()
    assert back.inference == engine.inference
    monkeypatch.setattr(choose, "can_compile", lambda: False)
    assert not choose.restore(learner, engine.describe()).compile


def test_without_learn2learn_its_engine_says_what_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "learn2learn", None)
    with pytest.raises(UserError, match="make install"):
        Learn2LearnEngine(algorithm("maml")).meta_gradient(algorithm("maml"), tasks(), NOW)
