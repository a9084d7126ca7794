"""A trained learner on a user's own images, against the learner called by hand; wrong inputs."""

import csv
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from cli import FAST, call, mistake, train
from helpers import config
from hydra.utils import instantiate
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.sets.glyphs import Glyphs
from innerloop.experiment.parts.data import build_source
from innerloop.programs import adapt as program
from innerloop.programs import prediction
from innerloop.tasks import Episode, Examples, Task

LEARNERS = {
    "maml": ("algorithm=maml",),
    "anil": ("algorithm=anil", "norm=support"),
    "reptile": ("algorithm=reptile", "norm=running"),
    "protonet": ("algorithm=protonet",),
}
SHOTS, QUERIES = 2, 3


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for name, overrides in LEARNERS.items():
        train(folder / name, "dataset=glyphs", *overrides, *FAST)
    train(folder / "waves", *FAST)
    return {name: folder / name for name in (*LEARNERS, "waves")}


def drawn(ways: int) -> Task:
    """A task of glyphs with its rows sorted by class, as in a listing of folders."""
    task = task_tools.only(Glyphs().tasks("test", np.arange(1), Episode(ways, SHOTS, QUERIES), 3))
    return Task(*[Examples(x[y.argsort(stable=True)], y.sort().values) for x, y in task])


def written(task: Task, folder: Path) -> Path:
    """Writes the task as a user's folders, with dark ink on white paper."""
    for part, (images, labels) in zip(("support", "query"), task, strict=True):
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            place = folder / part / f"c{label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(255 - image[0].numpy()).save(place / f"{number:02}.png")
    return folder


def restored(run: Path, name: str, ways: int) -> Algorithm:
    """The learner from its configuration and the weights of the checkpoint, without the program."""
    composed = config(*LEARNERS[name], "dataset=glyphs", f"episode.test.ways={ways}")
    objective: Any = instantiate(composed.objective)
    model = instantiate(composed.model, outputs=objective.width)
    algorithm: Algorithm = instantiate(composed.algorithm, model=model, objective=objective)
    state = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    algorithm.load_state_dict({k.removeprefix("algorithm."): v for k, v in state.items()})
    return algorithm.eval()


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def adapt(run: Path, folder: Path, *more: str) -> Path:
    call(
        "adapt", f"ckpt_path={run}", f"support={folder / 'support'}", f"query={folder / 'query'}",
        f"out={folder / 'out'}", *more,
    )  # fmt: skip
    return folder / "out"


@pytest.mark.parametrize("name", LEARNERS)
def test_confidences_equal_those_of_the_learner_called_by_hand(
    runs: dict[str, Path], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = 7 if name == "protonet" else 5  # it was trained 5-way
    task, algorithm = drawn(ways), restored(runs[name], name, ways)
    steps = () if name == "protonet" else ("steps=2",)
    out = adapt(runs[name], written(task, tmp_path), *steps)
    assert (out / "predictions.png").stat().st_size > 0

    ready = Task(*[Examples(x.float() / 255, y) for x, y in task])
    batch = algorithm.embed(Task(*[Examples(x[None], y[None]) for x, y in ready]))
    support, query = task_tools.only(batch)
    with torch.no_grad():
        *_, adapted = algorithm.adapt(support, 2, torch.ones(()))
        expected = algorithm.predict(adapted, query.inputs).softmax(-1)
    actual = torch.tensor([[float(r[f"confidence c{k}"]) for k in range(ways)] for r in rows(out)])
    torch.testing.assert_close(actual, expected, atol=2e-5, rtol=0)
    assert actual.std() > 4e-4  # far above the tolerance
    labels = [f"c{k}" for k in expected.argmax(-1).tolist()]
    assert [r["predicted"] for r in rows(out)] == labels
    assert [r["true"] for r in rows(out)] == [f"c{k}" for k in task.query.targets.tolist()]
    right = sum(r["predicted"] == r["true"] for r in rows(out))
    shown = capsys.readouterr().out
    assert f"right: {right} of the {ways * QUERIES} images" in shown
    assert ("transductive" in shown) == (name == "maml")


@pytest.mark.parametrize("name", ["maml", "reptile"])
def test_saved_weights_reproduce_the_predictions_without_innerloop(
    runs: dict[str, Path], tmp_path: Path, name: str
) -> None:
    task = drawn(5)
    out = adapt(runs[name], written(task, tmp_path))
    model = restored(runs[name], name, 5).model
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(load_file(out / "adapted.safetensors"))
    assert any(not torch.equal(before[k], v) for k, v in model.state_dict().items())
    confidences = model(task.query.inputs.float() / 255).softmax(-1)
    printed = [[float(r[f"confidence c{k}"]) for k in range(5)] for r in rows(out)]
    torch.testing.assert_close(torch.tensor(printed), confidences.detach(), atol=2e-5, rtol=0)
    with safe_open(out / "adapted.safetensors", "pt") as file:
        assert file.metadata()["classes"].split("\n") == [f"c{k}" for k in range(5)]


def test_anil_saves_an_unchanged_body_and_protonet_its_prototypes(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    task = drawn(5)
    folder = written(task, tmp_path)
    weights = load_file(adapt(runs["anil"], folder) / "adapted.safetensors")
    for key, value in restored(runs["anil"], "anil", 5).model.state_dict().items():
        assert torch.equal(weights[key], value) == key.startswith("body."), key
    (prototypes,) = load_file(adapt(runs["protonet"], folder) / "adapted.safetensors").values()
    features = restored(runs["protonet"], "protonet", 5).model.body(task.support.inputs / 255)
    expected = features.detach().unflatten(0, (5, SHOTS)).mean(1)
    torch.testing.assert_close(prototypes, expected, atol=1e-5, rtol=1e-5)


def test_chunks_of_queries_leave_the_predictions_unchanged(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(drawn(5), tmp_path)
    for name in LEARNERS:
        texts = []
        for chunk in (500, 4):
            monkeypatch.setattr(prediction, "CHUNK", chunk)
            texts.append([list(r.values()) for r in rows(adapt(runs[name], folder))])
        for one, other in zip(*texts, strict=True):
            assert one[:3] == other[:3]
            numbers = [float(v) for v in other[3:]]
            assert [float(v) for v in one[3:]] == pytest.approx(numbers, abs=1e-5)


def test_shots_may_differ_and_a_flat_folder_has_no_truth(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    folder = written(drawn(5), tmp_path)
    (folder / "support" / "c3" / "06.png").unlink()
    for file in (folder / "query" / "c0").iterdir():
        file.rename(folder / "query" / f"{file.stem}.png")
    (folder / "query" / "c4").rename(folder / "query" / "somebody else's")
    table = rows(adapt(runs["maml"], folder, "steps=1"))
    assert [r["true"] for r in table[:QUERIES]] == [""] * QUERIES
    assert table[-1]["true"] == "somebody else's"
    assert table[0]["file"] == str(folder / "query" / "00.png")


def test_images_are_read_as_in_training(tmp_path: Path) -> None:
    drawing = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 60, 3), np.uint8))
    drawing.save(tmp_path / "x.png")
    for dataset, mode, size, ink in (
        ("glyphs", "L", 28, True), ("omniglot", "L", 28, True), ("miniimagenet", "RGB", 84, False),
        ("folder", "RGB", 84, False),
    ):  # fmt: skip
        where = ["dataset.path=nowhere"] if dataset == "folder" else []
        source = build_source(config(f"dataset={dataset}", *where))
        pixels = np.asarray(drawing.convert(mode).resize((size, size), Image.Resampling.LANCZOS))
        expected = (255 - pixels if ink else pixels).reshape(size, size, -1)
        assert source.reading is not None
        np.testing.assert_array_equal(source.reading.read(tmp_path / "x.png"), expected)
    assert build_source(config("dataset=sinusoid")).reading is None


def test_wrong_inputs_are_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    folder = written(drawn(4), tmp_path)
    where = [f"support={folder / 'support'}", f"query={folder / 'query'}", f"out={tmp_path / 'o'}"]
    maml, protonet = (f"ckpt_path={runs[n]}" for n in ("maml", "protonet"))
    message = mistake("adapt", maml, *where)
    assert "support has 4 classes" in message and "head for 5" in message and "protonet" in message
    assert "not made of images" in mistake("adapt", f"ckpt_path={runs['waves']}", *where)
    assert "adapts without inner steps" in mistake("adapt", protonet, *where, "steps=3")
    assert "steps=few" in mistake(
        "adapt", f"ckpt_path={runs['maml']}", *_five(tmp_path), "steps=few"
    )
    assert "'shots=1' is not known" in mistake("adapt", maml, *where, "shots=1")
    assert "query= is missing" in mistake("adapt", maml, where[0])
    assert "no checkpoint" in mistake("adapt", f"ckpt_path={tmp_path / 'nowhere.ckpt'}", *where)
    flat = folder / "query" / "c0"
    assert "no folders of classes" in mistake("adapt", protonet, f"support={flat}", where[1])
    (tmp_path / "empty").mkdir()
    assert "no images" in mistake("adapt", protonet, where[0], f"query={tmp_path / 'empty'}")
    (folder / "support" / "c0" / "00.png").write_text("no image")
    assert "does not decode" in mistake("adapt", protonet, *where)
    assert not (tmp_path / "o").exists()


def _five(tmp_path: Path) -> list[str]:
    folder = written(drawn(5), tmp_path / "five")
    return [f"support={folder / 'support'}", f"query={folder / 'query'}"]


def test_an_unwritable_output_folder_is_refused_before_the_work(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    folder = written(drawn(5), tmp_path)
    words = [f"support={folder / 'support'}", f"query={folder / 'query'}"]
    (tmp_path / "file").write_text("x")
    for out in ("/proc/nowhere", tmp_path / "file" / "below"):
        with mock.patch.object(program, "predict", side_effect=AssertionError):
            message = mistake("adapt", f"ckpt_path={runs['maml']}", *words, f"out={out}")
        assert "cannot be written" in message and "out=" in message
    assert (tmp_path / "file").read_text() == "x"
