"""A ResNet-12, an LSTM and a Transformer of an outside package, with MAML and ProtoNet."""

from pathlib import Path
from typing import Any

import pytest
import torch
import zoo
from cli import FAST, train
from helpers import NOW, ROOT, algorithm_around, tasks
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from innerloop.engines.engine import Engine
from innerloop.models.network import Network
from innerloop.objectives import Classification

PACKAGE = ROOT / "tests" / "outside_models"
MODELS = sorted(path.stem for path in (PACKAGE / "conf" / "model").glob("*.yaml"))
ALGORITHMS = ("maml", "protonet")


def body(name: str, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """The same network at every call, without dropout, which differs from pass to pass."""
    monkeypatch.syspath_prepend(str(PACKAGE))
    import networks

    torch.manual_seed(1)
    makes = {
        "plain_resnet12": lambda: networks.PlainResNet12([4, 4, 8, 8]),
        "rows_lstm": lambda: networks.Rows(8),
        "rows_transformer": lambda: networks.Encoder(8, dropout=0.0),
    }
    return makes[name]()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", MODELS)
def test_the_meta_gradient_equals_a_plain_loops(
    name: str, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(2)
    sizes = {"ways": zoo.WAYS, "shots": zoo.SHOTS, "queries": zoo.QUERIES}
    batch = tasks(zoo.TASKS, **sizes, shape=(1, 28, 28))
    model, again = (Network(body(name, monkeypatch), zoo.WAYS).double() for _ in range(2))
    with sdpa_kernel(SDPBackend.MATH):  # the only attention with a second derivative in PyTorch
        expected = zoo.by_hand(algorithm, model, batch)
    inner = (f"inner.rate={zoo.RATE}", f"inner.steps={zoo.STEPS}")
    learner = algorithm_around(again, Classification(zoo.WAYS, zoo.WAYS), algorithm, *inner)
    _, gradient = Engine().meta_gradient(learner, batch, NOW)
    for key, slope in gradient.items():
        theirs = expected[key.removeprefix("model.").replace("/", ".")]
        torch.testing.assert_close(slope, theirs, rtol=1e-7, atol=1e-10)


def trained(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(PACKAGE))
    return train(folder, f"hydra.searchpath=[file://{PACKAGE}/conf]", "dataset=glyphs", *words)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", MODELS)
def test_it_trains_to_its_table(
    name: str, algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = trained(tmp_path, monkeypatch, *FAST, f"model={name}", f"algorithm={algorithm}")
    assert result["model"] == name and result["outer"]["steps"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("name", MODELS)
def test_it_learns(
    name: str, algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = ("outer.steps=200", "evaluation.tasks=100", "evaluation.validation.tasks=20")
    result = trained(tmp_path, monkeypatch, *short, f"model={name}", f"algorithm={algorithm}")
    accuracy = result["test"]["accuracy"]
    assert accuracy["mean"] - accuracy["ci95"] > 0.3  # chance is 0.2
