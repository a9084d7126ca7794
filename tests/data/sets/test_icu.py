"""Intensive care: what a task holds, summaries against plain Python, baselines, damaged files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from data import damage
from data.real import beside
from scipy import optimize

from innerloop import tasks as task_tools
from innerloop.algorithms.metric.protonet import ProtoNet
from innerloop.conformance import data_sets
from innerloop.conformance.data_sets import DataSet
from innerloop.conformance.failure import checks
from innerloop.data.patients import answers, files
from innerloop.data.patients.files import VARIABLES
from innerloop.data.patients.summaries import summaries
from innerloop.data.sets.icu import ICU
from innerloop.errors import UserError
from innerloop.models.mlp import MLP
from innerloop.models.network import Network
from innerloop.objectives.risk import Risk
from innerloop.tasks import Episode, Examples, Range, Task

Check = Callable[[DataSet], None]
EPISODE = Episode(2, Range(2, 6), 8)
EACH = 480  #: patients of each set


def measurements(number: int, rng: np.random.Generator) -> list[tuple[int, str, float]]:
    """Minute, name and value of a patient's rows; the sickest have a fast heart."""
    rows = [(0, "Age", 40.0 + number % 50), (0, "ICUType", 1.0 + number % 4), (0, "Height", -1.0)]
    rows.append((5, "Glucose", 100.0 + number / 8))  # so that no two patients are alike
    beats = 60 + 40 * sick(number) + rng.normal(0, 5, rng.integers(1, 5))
    return rows + [(10 + 7 * i, "HR", round(float(beat), 2)) for i, beat in enumerate(beats)]


def sick(number: int) -> bool:
    return number % 7 == 0


def write(folder: Path) -> Path:
    """Files as the publisher's."""
    rng, place = np.random.default_rng(0), folder / files.FOLDER
    for name, start in (("a", 0), ("c", EACH)):
        (place / f"set-{name}").mkdir(parents=True)
        table = ["RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death"]
        for number in range(start, start + EACH):
            table.append(f"{number},{8 + number % 12},3,5,-1,{int(sick(number))}")
            rows = [f"00:{m:02d},{n},{v}" for m, n, v in measurements(number, rng)]
            lines = ["Time,Parameter,Value", f"00:00,RecordID,{number}", *rows]
            (place / f"set-{name}" / f"{number}.txt").write_text("\n".join(lines) + "\n")
        (place / f"Outcomes-{name}.txt").write_text("\n".join(table) + "\n")
    return place


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ICU:
    folder = tmp_path_factory.mktemp("data")
    write(folder)
    return ICU(str(folder))


def test_summaries_are_those_of_each_patients_rows(data: ICU) -> None:
    patients = files.load(data.folder)
    training = np.arange(len(patients.number)) < 300
    columns = summaries(patients, training).reshape(-1, len(VARIABLES) - 1, 4)
    rng, place = np.random.default_rng(0), VARIABLES.index("HR")
    expected = []
    for number in range(2 * EACH):
        beats = np.array([v for _, name, v in measurements(number, rng) if name == "HR"])
        expected.append([beats[-1], beats.min(), beats.max(), np.log1p(len(beats))])
    raw = np.array(expected)
    raw = raw.clip(*np.percentile(raw[:300], (1, 99), axis=0))
    scaled = (raw - raw[:300].mean(0)) / raw[:300].std(0)
    np.testing.assert_allclose(columns[:, place], scaled, rtol=1e-3, atol=1e-3)
    assert not columns[:, VARIABLES.index("Height"), :3].any()  # -1 stands for a missing value


def test_splits_share_no_patient_and_the_test_is_set_c(data: ICU) -> None:
    groups = data.patients[2]
    rows = {split: np.concatenate([g.rows for g in own]) for split, own in groups.items()}
    assert not np.intersect1d(rows["train"], rows["val"]).size
    assert rows["train"].max() < EACH and rows["val"].max() < EACH <= rows["test"].min()
    assert all(len(np.unique(own)) == len(own) for own in rows.values())
    assert len(groups["test"]) == 8 and len(rows["test"]) == EACH


def test_a_task_has_patients_of_one_group_and_natural_prevalence(data: ICU) -> None:
    inputs, _, groups = data.patients
    batch = data.tasks("test", np.arange(200), EPISODE, 0)
    sizes = batch.support.inputs.real.sum(1)
    assert sizes.min() >= 4 and sizes.max() <= 12 and len(set(sizes.tolist())) > 5
    assert batch.query.inputs.real.all() and batch.query.targets.shape == (200, 16)
    assert abs(float(batch.query.targets.float().mean()) - 1 / 7) < 0.03
    assert (batch.support.targets.amax(1) == 0).any()  # a support without a death
    assert batch.support.targets[~batch.support.inputs.real].eq(-100).all()
    for index in range(8):
        own = torch.from_numpy(inputs[groups["test"][index].rows])
        task = task_tools.plain(task_tools.trimmed(task_tools.only(
            task_tools.part(batch, index, index + 1))))  # fmt: skip
        for x in task.support.inputs:
            assert (own == x).all(1).any()


@pytest.mark.parametrize("check", checks(data_sets).values(), ids=lambda check: check.__name__)
def test_the_tasks_keep_the_promises_of_data_sets(data: ICU, check: Check) -> None:
    check(DataSet(data, EPISODE, [160], classes=2))


def test_a_learner_copes_with_a_support_of_one_class(data: ICU) -> None:
    batch = data.tasks("test", np.arange(200), EPISODE, 0)
    learner = ProtoNet(Network(MLP([160], [8]), 2), Risk())
    scores = learner.scores(batch, 0, torch.tensor(0.0))
    alone = batch.support.targets.amax(1) == 0
    assert alone.any() and (scores["auroc"][alone] == 0.5).all()
    assert scores["loss"].isfinite().all()
    learner(batch, torch.tensor(0.0)).backward()
    assert all(p.grad.isfinite().all() for p in learner.parameters())


def test_the_fit_is_the_minimum_that_scipy_finds() -> None:
    x, y = torch.randn(40, 3).double(), (torch.rand(40) < 0.3).long()
    start = torch.randn(40).double()

    def loss(w: np.ndarray) -> float:
        logits = x.numpy() @ w[:3] + w[3] + start.numpy()
        signs = 2 * y.numpy() - 1
        penalty = 5 * (w[:3] ** 2).sum() + 1e-2 * w[3] ** 2
        return float(np.logaddexp(0, -signs * logits).sum() + penalty / 2)

    expected = optimize.minimize(loss, np.zeros(4), tol=1e-12).x
    np.testing.assert_allclose(answers.fit(x, y, 5.0, start), expected, atol=1e-5)


def test_baselines_rank_and_calibrate_as_they_must(data: ICU) -> None:
    objective, own = Risk(), data.baselines()
    batch = data.tasks("test", np.arange(24), EPISODE, 0)
    tasks = [
        task_tools.plain(task_tools.trimmed(task_tools.only(task_tools.part(batch, i, i + 1))))
        for i in range(24)
    ]
    for name, answer in own.items():
        rows = [objective.scores(answer(task), task.query.targets) for task in tasks]
        auroc = float(torch.stack([row["auroc"] for row in rows]).mean())
        if "prevalence" in name and "logistic" not in name:
            assert auroc == 0.5
        elif "over all" in name:
            assert auroc > 0.9  # the heart tells who is sick
    task = tasks[0]
    risk = own["the group's prevalence"](task).softmax(1)[:, 1]
    ill, known = int(task.support.targets.sum()), len(task.support.targets)
    torch.testing.assert_close(risk, torch.full_like(risk, (ill + 1) / (known + 2)))


def test_no_baseline_reads_the_answers(data: ICU) -> None:
    batch = data.tasks("test", np.arange(1), EPISODE, 0)
    task = task_tools.plain(task_tools.trimmed(task_tools.only(batch)))
    other = Task(task.support, Examples(task.query.inputs, 1 - task.query.targets))
    for answer in data.baselines().values():
        assert torch.equal(answer(task), answer(other))


def test_impossible_sizes_are_refused(data: ICU) -> None:
    for episode, words in (
        (Episode(1, 5, 5), "episode.ways is 2"), (Episode(2, 5, Range(2, 5)), "one number"),
        (Episode(2, 50, 50), "fewer than the 200"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=words):
            data.check("test", episode)


def test_missing_and_damaged_files_give_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="physionet.org"):
        ICU(str(tmp_path)).prepare()
    place = write(tmp_path)
    damage.noise(place / "Outcomes-c.txt", np.random.default_rng(0))
    with pytest.raises(UserError, match="physionet2012"):
        ICU(str(tmp_path)).prepare()


def test_the_real_archive_is_read() -> None:
    real = ICU(str(beside(files.ARCHIVES[1]).parents[1]))
    inputs, died, groups = real.patients
    assert inputs.shape == (7996, 160) and np.isfinite(inputs).all() and died.sum() == 1139
    assert [len(g.rows) for g in groups["test"]] == [192, 410, 340, 534, 666, 710, 627, 521]
    real.check("test", Episode(2, Range(5, 20), 60))
