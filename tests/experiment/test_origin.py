"""A training that starts from another run's body, and bodies that do not fit."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from cli import FAST, evaluate, mistake, results, train
from helpers import SmoothConv, close
from torch import nn

from innerloop.algorithms.gradient.maml import MAML
from innerloop.callbacks.checkpoint_file import AtomicCheckpointIO, read_checkpoint
from innerloop.errors import UserError
from innerloop.experiment import origin
from innerloop.models.network import Network
from innerloop.objectives import Classification

GLYPHS = ("dataset=glyphs", "dataset.classes={train: 9}", "model.body.filters=4")
QUIET = ("evaluation.audit=0", "diagnostics.test_tasks=0", "logger=none")


def learner(norm: str = "running", width: int = 3, ways: int = 3) -> MAML:
    torch.manual_seed(width + ways)
    return MAML(Network(SmoothConv(norm, width), ways), Classification(ways, ways), 0.1)


def kept(folder: Path, learner: nn.Module, **more: Any) -> Path:
    """A checkpoint that holds a learner."""
    file = folder / "theirs.ckpt"
    names = {"algorithm": "baseline", "dataset": "mine"}
    record = {"config": {"names": names}, "engine": {}, "seconds": 1.0, "step": 7, "validation": {}}
    weights = {f"algorithm.{name}": value for name, value in learner.state_dict().items()}
    content = {"state_dict": weights, "innerloop": record | more, "global_step": 7}
    AtomicCheckpointIO().save_checkpoint(content, file)
    return file


@pytest.mark.parametrize("norms", [("running", "running"), ("running", "support"),
                                   ("support", "running")])  # fmt: skip
def test_only_the_body_is_taken_over(norms: tuple[str, str], tmp_path: Path) -> None:
    theirs, ours = learner(norms[0], ways=8), learner(norms[1], ways=3)
    before = {k: v.clone() for k, v in ours.state_dict().items()}
    for value in theirs.state_dict().values():
        value.add_(1.0)  # running averages too
    source = origin.start_from(str(kept(tmp_path, theirs)), ours)
    both = theirs.state_dict().keys() & before.keys()
    for name, value in ours.state_dict().items():
        moves = name.startswith("model.body.") and name in both
        close(value, theirs.state_dict()[name] if moves else before[name])
    assert any("running_mean" in name for name in both) == (norms[0] == norms[1])
    assert (source["algorithm"], source["dataset"], source["step"]) == (
        "baseline",
        "mine",
        7,
    )


def test_the_digest_covers_names_shapes_and_values() -> None:
    value, other = torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [2.0]])
    expected = hashlib.sha256()
    for name, tensor, shape in (("a", value, "(2,)"), ("b", other, "(2, 1)")):
        expected.update(f"{name} torch.float32 {shape} ".encode() + tensor.numpy().tobytes())
    assert origin.digest({"b": other, "a": value}) == expected.hexdigest()
    seen = [{"a": value}, {"b": value}, {"a": other}, {"a": value + 1}, {"a": value.double()}]
    assert len({origin.digest(weights) for weights in seen}) == 5


def test_a_body_that_does_not_fit_is_refused_in_one_line(tmp_path: Path) -> None:
    ours = learner()
    before = {k: v.clone() for k, v in ours.state_dict().items()}
    with pytest.raises(UserError, match=r"layers.0.weight has the shape \(5, 1, 3, 3\) in that"):
        origin.start_from(str(kept(tmp_path, learner(width=5))), ours)
    deeper = learner()
    deeper.model.body.more = nn.Linear(2, 2)
    with pytest.raises(UserError, match="more.weight .* None in this one"):
        origin.start_from(str(kept(tmp_path, deeper)), ours)
    headless = nn.Linear(2, 2)
    with pytest.raises(UserError, match="has no body"):
        origin.start_from(str(kept(tmp_path, headless)), ours)
    close(dict(ours.state_dict()), before)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    train(folder, "algorithm=baseline", *GLYPHS, *FAST, *QUIET)
    return folder


def test_results_name_the_run_whose_body_was_taken(first: Path, tmp_path: Path) -> None:
    body = read_checkpoint(first / "checkpoints" / "best.ckpt")["state_dict"]
    start = {k: v for k, v in body.items() if k.startswith(origin.BODY)}
    folder = tmp_path / "second"
    still = ("algorithm=protonet", "outer.optimizer.lr=0", "norm=running", *GLYPHS, *FAST, *QUIET)
    result = train(folder, f"init_from={first}", *still)
    after = read_checkpoint(folder / "checkpoints" / "best.ckpt")["state_dict"]
    weights = [k for k in start if not k.endswith(origin.AVERAGES)]  # averages follow the batches
    assert weights
    for name in weights:
        assert torch.equal(start[name], after[name]), name
    assert result["training"] == {"kind": "episodes"}
    assert result["init_from"] == {
        "run": str(first), "algorithm": "baseline", "dataset": "glyphs", "checkpoint": "best.ckpt",
        "step": results(first)["checkpoint"]["step"],
        "sha256": origin.digest({k.removeprefix(origin.BODY): v for k, v in start.items()}),
    }  # fmt: skip
    for file in (first / "checkpoints").iterdir():
        file.rename(file.with_suffix(".gone"))  # neither a test nor a resume asks for it again
    try:
        tested = evaluate(tmp_path / "test", f"ckpt_path={folder}", "logger=none")
        (folder / "results.json").unlink()
        train_again = _resumed(folder)
    finally:
        for file in (first / "checkpoints").iterdir():
            file.rename(file.with_suffix(".ckpt"))
    assert tested["init_from"] == train_again["init_from"] == result["init_from"]
    assert tested["configuration"] == result["configuration"]


def test_results_name_the_teacher_and_a_resume_does_not_need_it(
    first: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "second"
    run = ("algorithm=rfs_distill", *GLYPHS, *FAST, *QUIET)
    result = train(folder, f"distil_from={first}", *run)
    theirs = read_checkpoint(first / "checkpoints" / "best.ckpt")["state_dict"]
    ours = read_checkpoint(folder / "checkpoints" / "best.ckpt")["state_dict"]
    model = {k.removeprefix(origin.MODEL): v for k, v in theirs.items()}
    for name, value in model.items():
        assert torch.equal(ours[f"algorithm.teacher.model.{name}"], value), name
    assert result["distil_from"]["algorithm"] == "baseline"
    assert result["distil_from"]["sha256"] == origin.digest(model)
    (folder / "results.json").unlink()
    (moved := tmp_path / "moved").mkdir()
    for file in (first / "checkpoints").iterdir():
        file.rename(moved / file.name)
    try:
        assert _resumed(folder, steps=4)["distil_from"] == result["distil_from"]
    finally:
        for file in moved.iterdir():
            file.rename(first / "checkpoints" / file.name)


def test_a_teacher_is_given_to_those_that_need_one(first: Path, tmp_path: Path) -> None:
    run = (*GLYPHS, f"hydra.run.dir={tmp_path / 'run'}", "logger=none")
    assert "distil_from=RUN" in mistake("train", "algorithm=rfs_distill", *run)
    assert "has no teacher" in mistake("train", "algorithm=rfs", f"distil_from={first}", *run)
    wide = ("algorithm=rfs_distill", f"distil_from={first}", "model.body.filters=5")
    assert "choose the model it was trained with" in mistake("train", *run, *wide)


def _resumed(folder: Path, steps: int = 6) -> dict[str, Any]:
    from cli import call

    call("train", f"resume={folder}", f"outer.steps={steps}", "logger=none")
    content: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return content


def test_results_and_tables_name_the_kind_of_training(first: Path, capsys: Any) -> None:
    from cli import call

    result = results(first)
    assert result["training"] == {"kind": "batches", "size": 128, "classes": 9}
    assert "init_from" not in result
    call("runs", "--outputs", str(first.parent))
    assert "trained" in capsys.readouterr().out


def test_algorithms_and_kinds_of_training_that_do_not_fit_are_refused(
    first: Path, tmp_path: Path
) -> None:
    run = (f"hydra.run.dir={tmp_path / 'run'}", "logger=none")
    assert "use training=episodes" in mistake("train", "training=batches", *GLYPHS, *run)
    episodic = ("algorithm=baseline", "training=episodes")
    assert "use training=batches" in mistake("train", *episodic, *GLYPHS, *run)
    endless = ("algorithm=baseline", "dataset=glyphs")
    assert "dataset.classes={train: 64}" in mistake("train", *endless, *run)
    sized = ("training.size=null", "algorithm=baseline")
    assert "which has a size" in mistake("train", *sized, *GLYPHS, *run)
    wide = ("algorithm=protonet", "dataset=glyphs", f"init_from={first}")
    assert "choose the model it was trained with" in mistake("train", *wide, *run)
    assert "no checkpoint" in mistake("train", f"init_from={tmp_path}", *run)
