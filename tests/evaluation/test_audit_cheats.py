"""Learners that read query labels, remember tasks or store test images get the right stamp."""

import copy
import threading
from pathlib import Path
from typing import Any

import cheats
import numpy as np
import pytest
import torch
from cheats import WAYS, Clouds, Honest, ImagesHeld
from cli import FAST, evaluate, train
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.images import ImageClasses
from innerloop.data.packs.writing import Classes
from innerloop.evaluation import findings, memory, stamps
from innerloop.evaluation.audit import audit
from innerloop.evaluation.audited_learner import AuditedLearner
from innerloop.objectives import Classification
from innerloop.tasks import Episode, Examples, Task

NOW = torch.tensor(0.5)
HARD = Clouds(spread=4.0).tasks("test", np.arange(50), Episode(WAYS, 2, 4), 0)
NOT_CONFIRMED, FORGETFUL = "test score not confirmed", "answers change when asked again"
REMEMBERS = "remembers other tasks"


def run_and_audit(
    learner: Algorithm, size: int = 25, chunk: int | None = 1
) -> tuple[Tensor, dict[str, Any]]:
    """A learner's test scores, and the audit of its copy, as in a run."""
    learner.eval()
    untested = copy.deepcopy(learner)
    parts = [task_tools.part(HARD, i, i + size) for i in range(0, 50, size)]
    accuracies = [learner.scores(p, 0, NOW, side_by_side=chunk != 1)["accuracy"] for p in parts]
    reported = torch.cat(accuracies)[:, 0].detach()
    request = AuditedLearner(untested, chunk, 0, NOW, Classification(WAYS, WAYS))
    return reported, audit(request, parts, reported)


@pytest.mark.parametrize("cheat", [cheats.LabelsEmbedded, cheats.LabelsEmbeddedByMixin])
def test_embed_never_sees_a_query_label(cheat: Any) -> None:
    cheats.LabelFeatures.seen.clear()
    reported, report = run_and_audit(cheat())
    assert len(cheats.LabelFeatures.seen) > 10
    assert not any(labels.any() for labels in cheats.LabelFeatures.seen)
    assert reported.mean() < 0.5 and NOT_CONFIRMED not in report["stamps"]


@pytest.mark.parametrize(
    "cheat",
    [cheats.LabelsEmbeddedByObject, cheats.OwnScores, cheats.OwnObjective, cheats.LookedUp],
)
def test_query_labels_read_in_the_test_do_not_help_in_the_audit(cheat: Any) -> None:
    reported, report = run_and_audit(cheat())
    assert reported.mean() > 0.9  # an honest learner reaches 0.54
    assert report["score"] < 0.6
    assert NOT_CONFIRMED in report["stamps"]
    assert report["reported"]["mean"] == pytest.approx(float(reported.mean()))


def test_audited_outputs_do_not_depend_on_query_labels() -> None:
    """The outputs are bit-identical for all labels of the queries."""
    learner = cheats.LabelsEmbeddedByObject().eval()
    other = Task(HARD.support, Examples(HARD.query.inputs, (HARD.query.targets + 1) % WAYS))
    for query in (HARD.query, other.query):
        cheats.LabelFeatures.seen.clear()
        answers = AuditedLearner(learner, None, 0, NOW).answers(HARD.support, [query], 0)[0]
        assert not any(labels.any() for labels in cheats.LabelFeatures.seen)
    again = AuditedLearner(learner, None, 0, NOW).answers(HARD.support, [HARD.query], 0)[0]
    assert torch.equal(answers, again)


@pytest.mark.parametrize("size", [50, 25, 1])
@pytest.mark.parametrize("cheat", [cheats.LastSupport, cheats.LastQueries, cheats.RunningAverage])
def test_a_learner_that_remembers_tasks_is_stamped(cheat: Any, size: int) -> None:
    _, report = run_and_audit(cheat(), size)
    assert report["stamps"] == [REMEMBERS, "uses its support", "at chance before adapting"]
    assert report["asked_again"]["changed"] > 0.9


@pytest.mark.parametrize("chunk", [None, 1])
@pytest.mark.parametrize("learner", [cheats.Noisy, cheats.NoisyByItself])
def test_random_outputs_are_neither_memory_nor_a_leak(learner: Any, chunk: int | None) -> None:
    _, report = run_and_audit(learner(), chunk=chunk)
    assert report["stamps"] == [FORGETFUL, "uses its support", "at chance before adapting"]


def test_an_honest_learner_is_confirmed() -> None:
    reported, report = run_and_audit(Honest())
    assert report["stamps"] == ["inductive", "uses its support", "at chance before adapting"]
    assert report["asked_again"] == {"changed": 0, "changed_by_other_tasks": 0}
    assert report["reported"]["worse"] == report["reported"]["better"] == 0
    assert report["score"] == pytest.approx(float(reported.mean()))


def test_a_score_that_cannot_be_checked_is_stamped_as_unchecked() -> None:
    unknown = torch.full((50,), torch.nan)
    report = audit(AuditedLearner(Honest(), None, 0, NOW), [HARD], unknown)
    assert "test score not checked" in report["stamps"] and not report["reported"]["checked"]


def test_a_learner_that_cannot_be_copied_is_audited_itself() -> None:
    learner = Honest()
    expected = audit(AuditedLearner(learner, None, 0, NOW), [HARD])
    learner.lock = threading.Lock()
    assert AuditedLearner(learner, None, 0, NOW).fresh().algorithm is learner
    assert audit(AuditedLearner(learner, None, 0, NOW), [HARD]) == expected


def test_noise_fails_to_confirm_its_score_as_rarely_as_stated() -> None:
    """Of two draws of one learner's scores, the first is significantly better once in 400 times."""
    random = np.random.default_rng(0)
    flags = {name: torch.zeros(50) for name in ("alone", "queries", "labels")}
    alarms, runs = 0, 1500
    for _ in range(runs):
        skill = random.beta(8, 4, 50)
        score, again = (torch.tensor(random.binomial(25, skill) / 25) for _ in range(2))
        same = {"score": score, "shuffled": score, "reordered": score, "reported": again}
        numbers = findings.summarise(flags | same, higher_is_better=True)
        alarms += NOT_CONFIRMED in stamps.stamped(numbers)["stamps"]
    assert alarms / runs < findings.LEVEL + 3 * (findings.LEVEL / runs) ** 0.5


@pytest.mark.parametrize("learner", [Honest, cheats.LabelsEmbedded])
def test_a_chunk_of_one_never_runs_side_by_side(
    learner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: Any, **named: Any) -> None:
        raise AssertionError("vmap")

    monkeypatch.setattr(task_tools, "vmap", refused)
    audit(AuditedLearner(learner(), 1, 0, NOW), [HARD])
    with pytest.raises(AssertionError, match="vmap"):
        audit(AuditedLearner(learner(), None, 0, NOW), [HARD])


# --- the test's images


def images(tasks: int = 12, size: int = 9) -> Task:
    """Tasks of random drawings in two colours."""
    targets = torch.arange(WAYS).repeat(tasks, 3)

    def examples(n: int) -> Examples:
        return Examples((torch.rand(tasks, n, 1, size, size) < 0.3).float(), targets[:, :n])

    return Task(examples(WAYS), examples(3 * WAYS))


@pytest.mark.parametrize("buffer", [True, False])
def test_a_learner_that_holds_test_images_is_stamped(buffer: bool) -> None:
    batch, others = images(), images()
    for tasks, expected in ((batch, True), (others, False)):
        held = ImagesHeld(tasks.query.inputs[:3].flatten(0, 1), buffer)
        report = audit(AuditedLearner(held, None, 0, NOW), [batch])
        assert ("holds test images" in report["stamps"]) == expected
        assert report["test_images_held"]["tasks"] == (0.25 if expected else 0)


def test_blank_images_and_regular_arrays_are_not_stamped() -> None:
    """A blank image equals an array of zeros, and a single dot a row of the identity."""
    blank, dots = torch.zeros(1, WAYS, 1, 9, 9), torch.eye(81)[:WAYS].view(1, WAYS, 1, 9, 9)
    targets = torch.arange(WAYS)[None]
    learner = ImagesHeld(torch.cat([torch.zeros(4, 81), torch.eye(81)]).view(-1, 1, 9, 9), True)
    batch = Task(Examples(blank, targets), Examples(dots, targets))
    assert not memory.of_images(learner, batch).any()
    stroke = batch.query.inputs.clone()
    stroke[0, 2, 0, :3] = 1.0
    learner.images = torch.cat([learner.images, stroke[0, 2].flatten(1)])
    assert memory.of_images(learner, Task(batch.support, Examples(stroke, targets))).all()


class Drawings(ImageClasses):
    """Images; the test split shares two with training and one with validation."""

    recipe = {"made": "here"}

    def __init__(self, folder: Path) -> None:
        super().__init__("drawings", folder)

    def read(self) -> dict[str, Classes]:
        each = np.arange(9, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 1), np.uint8)
        return {
            "train": [("test", each[:3]), ("b", each[3:4])], "val": [("c and d", each[4:6])],
            "test": [("train", each[2:5]), ("f", each[6:])],
        }  # fmt: skip


def test_images_that_test_and_training_share_are_counted(tmp_path: Path) -> None:
    source = Drawings(tmp_path)
    assert source.shared_images("test", "train") == 2
    assert source.shared_images("val", "test") == 1
    assert source.shared_images("train", "val") == 0
    shown = audit(AuditedLearner(Honest(), None, 0, NOW), [HARD], shared_images=2)
    assert shown["stamps"][-1] == "training and test share images" and shown["shared_images"] == 2
    assert "share" not in str(
        audit(AuditedLearner(Honest(), None, 0, NOW), [HARD], shared_images=0)["stamps"]
    )


# --- whole runs


def test_a_run_that_looks_up_query_labels_is_stamped(tmp_path: Path) -> None:
    sizes = ("evaluation.tasks=20", "evaluation.audit=20", "evaluation.batch=5", "dataset=glyphs")
    cheat = ("algorithm=protonet", "algorithm._target_=cheats.LookedUpImages")
    result = train(tmp_path / "cheat", *FAST, *sizes, *cheat, "outer.steps=2")
    assert result["test"]["accuracy"]["mean"] == 1.0
    assert NOT_CONFIRMED in result["audit"]["stamps"]
    assert result["audit"]["reported"]["mean"] == 1.0 and result["audit"]["score"] < 0.9
    again = evaluate(
        tmp_path / "again", f"ckpt_path={tmp_path / 'cheat'}", "trust=true", "logger=none"
    )
    assert NOT_CONFIRMED in again["audit"]["stamps"]


def test_an_honest_run_is_confirmed(tmp_path: Path) -> None:
    sizes = ("evaluation.tasks=20", "evaluation.audit=18", "evaluation.batch=7", "dataset=glyphs")
    result = train(tmp_path, *FAST, *sizes, "outer.steps=2")["audit"]
    assert result["reported"]["worse"] == result["reported"]["better"] == 0
    assert result["asked_again"]["changed"] == 0 and result["reported"]["checked"]
    assert not {NOT_CONFIRMED, REMEMBERS, FORGETFUL} & set(result["stamps"])
