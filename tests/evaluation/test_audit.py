"""The audit stamps cheats and only cheats; its false alarms are as rare as stated."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cheats import (
    WAYS,
    ClassIdentity,
    Clouds,
    Honest,
    QueryOrder,
    QueryStatistics,
    SupportIgnored,
    SupportOrder,
)
from cli import FAST, mistake, train
from helpers import (
    SmoothBody,
    SmoothConv,
    algorithm,
    algorithms_that,
    learners,
    reads_in_context,
    tasks,
)
from torch.utils._pytree import tree_map

from innerloop.algorithms.algorithm import Algorithm
from innerloop.evaluation import changes, disturbed, findings, significance, stamps
from innerloop.evaluation.audit import audit
from innerloop.evaluation.audited_learner import AuditedLearner
from innerloop.models.conv4 import Conv4
from innerloop.reporting import summary
from innerloop.tasks import Episode, Examples, Task

ACCUSATIONS = {"labels leaked by order", "ignores its support", "class identity learned"}
NOW = torch.tensor(0.5)
REGRESS = algorithms_that(lambda learner: not learner.needs_classes)


def audited(learner: Algorithm, batch: Task, step: int = 2, chunk: int | None = None) -> Any:
    halves = (tree_map(lambda x: x[::2], batch), tree_map(lambda x: x[1::2], batch))
    return audit(AuditedLearner(learner, chunk, step, NOW), halves)


def stamps_of(measured: dict[str, torch.Tensor]) -> list[str]:
    return stamps.stamped(findings.summarise(measured, higher_is_better=True))["stamps"]


def clouds(shots: int = 2, **source: bool) -> Task:
    return Clouds(**source).tasks("test", np.arange(50), Episode(WAYS, shots, 4), 0)


def images(count: int, size: int, **sizes: int) -> Task:
    """Images with random class labels, in float32."""
    batch = single(tasks(count, shape=(1, size, size), **sizes))
    names = torch.rand(count, 3).argsort(1)
    return Task(*[Examples(x, names.gather(1, y)) for x, y in batch])


def single(batch: Task) -> Task:
    return tree_map(lambda x: x.float() if x.is_floating_point() else x, batch)


@pytest.mark.parametrize(
    ("cheat", "source", "stamp"),
    [
        (QueryStatistics, {}, "transductive"),
        (QueryOrder, {"ordered": True}, "labels leaked by order"),
        (SupportOrder, {"ordered": True}, "labels leaked by order"),
        (SupportIgnored, {}, "ignores its support"),
        (ClassIdentity, {"tied": True}, "class identity learned"),
    ],
)
@pytest.mark.parametrize("shots", [1, 3])
def test_every_cheat_is_stamped(cheat: Any, source: Any, stamp: str, shots: int) -> None:
    report = audited(cheat(), clouds(shots, **source))
    assert stamp in report["stamps"]
    if cheat is not SupportIgnored:  # which gains nothing by cheating here
        assert report["score"] > 0.8
    json.dumps(report, allow_nan=False)


@pytest.mark.parametrize("ordered", [False, True])
def test_an_honest_learner_gets_the_right_stamps(ordered: bool) -> None:
    report = audited(Honest(), clouds(ordered=ordered))
    assert report["stamps"] == ["inductive", "uses its support", "at chance before adapting"]
    assert report["score"] > 0.8 and report["relabelled"]["spread"] == 0
    assert report["labels_shuffled"]["mean"] == pytest.approx(0.2, abs=0.1)


def test_fixed_class_labels_are_no_accusation_of_an_honest_learner() -> None:
    assert not ACCUSATIONS & set(audited(Honest(), clouds(tied=True))["stamps"])


@pytest.mark.parametrize("mode", ["transductive", "support", "running"])
@pytest.mark.parametrize("name", learners())
def test_algorithms_are_not_accused_and_transductive_batch_norm_is_stamped(
    name: str, mode: str
) -> None:
    batch = images(40, 8, shots=2, queries=4)
    learner = algorithm(name, SmoothConv(mode)).float()
    report = audited(learner, batch, 20 if name == "reptile" else 3)
    idle = {"ignores its support"} if name == "no_op" else set()
    assert set(report["stamps"]) & ACCUSATIONS == idle
    joint = learner.joint_queries or (mode == "transductive" and name != "no_op")
    assert ("transductive" if joint else "inductive") in report["stamps"]
    assert "at chance before adapting" in report["stamps"]
    if name == "protonet":
        assert report["relabelled"]["spread"] == 0
        assert "uses its support" in report["stamps"]
    assert learner.training  # restored after the audit


@pytest.mark.parametrize("name", ["maml", "protonet"])
@pytest.mark.parametrize("mode", ["transductive", "support", "running"])
def test_rounding_in_a_deep_network_is_not_counted_as_change(name: str, mode: str) -> None:
    batch = images(12, 28, shots=1, queries=5)
    report = audited(algorithm(name, Conv4([1, 28, 28], 16, mode)).float(), batch)
    assert report["queries_reordered"]["changed"] == 0
    assert report["queries_alone"]["changed"] == (mode == "transductive")


@pytest.mark.parametrize("name", REGRESS)
def test_stamps_of_regression_learners(name: str) -> None:
    x, slopes = torch.randn(50, 30, 3), torch.randn(50, 3, 1)
    batch = Task(*[Examples(part, part @ slopes) for part in (x[:, :20], x[:, 20:])])
    learner = algorithm(name, SmoothBody(), regression=True).float()
    if name == "reptile":
        learner.rate = 0.05
    report = audited(learner, batch, 20)
    fits = "ignores its support" if name == "no_op" else "uses its support"
    if reads_in_context(name) or name == "cavia":  # nothing has taught it yet to use its support
        fits = "support not shown to help"
    assert report["stamps"] == ["inductive", fits]
    assert "relabelled" not in report and "not_adapted" not in report


def test_audit_scores_equal_the_algorithms_own_scores() -> None:
    learner, batch = algorithm("maml").eval(), tasks(10)
    direct = learner.scores(batch, 3, NOW.double())["accuracy"].detach()
    report = audit(AuditedLearner(learner, None, 3, NOW), [batch])
    by_one = audit(AuditedLearner(learner, 1, 3, NOW), [batch])
    assert report["score"] == pytest.approx(float(direct[:, 3].mean()))
    assert report["not_adapted"]["mean"] == pytest.approx(float(direct[:, 0].mean()))
    assert by_one == report


def test_disturbances_change_only_what_they_name() -> None:
    batch, random = tasks(200, ways=4, shots=3), torch.Generator().manual_seed(0)
    inputs, targets = batch.support
    shuffled = disturbed.labels_shuffled(batch, random)
    assert torch.equal(shuffled.support.inputs, inputs) and shuffled.query is batch.query
    assert torch.equal(shuffled.support.targets.sort(1).values, targets.sort(1).values)
    kept = (shuffled.support.targets == targets).double().mean()
    assert float(kept) == pytest.approx(1 / 4, abs=0.04)
    moved = disturbed.support_reordered(batch, random).support
    for x, y, a, b in zip(inputs, targets, *moved, strict=True):
        match = (a[:, None] == x).all(-1).double().argmax(1)
        assert torch.equal(a, x[match]) and torch.equal(b, y[match])
        assert not torch.equal(match, torch.arange(12))
    renamed = disturbed.relabelled(batch, 4, random)
    old = torch.cat([part.targets for part in batch], 1)
    new = torch.cat([part.targets for part in renamed], 1)
    for before, after in zip(old.tolist(), new.tolist(), strict=True):
        names = set(zip(before, after, strict=True))
        assert len(names) == 4 and {a for a, _ in names} == {b for _, b in names}
        assert all(a != b for a, b in names)


def test_changed_ignores_rounding_and_notices_real_effects() -> None:
    answers = torch.randn(3, 6, 4)
    again = answers * (1 + 1e-6)
    again[1] += torch.randn(6, 1)  # a shift that a softmax ignores
    again[2, 0, 0] += 0.01
    assert changes.changed(answers, again, classes=True).tolist() == [0, 0, 1]
    assert changes.changed(answers, again, classes=False).tolist() == [0, 1, 1]
    again[0, 0, 0] = torch.nan
    assert changes.changed(answers, again, classes=True)[0].isnan()
    still = torch.ones(1, 6, 1)
    assert changes.changed(still, still + 1e-6, classes=False).tolist() == [0]


def test_false_alarms_are_as_rare_as_promised() -> None:
    """Honest by construction: a task's scores have the same distribution under all disturbances,
    the disturbed support is not used, and predictions before adapting are random."""
    random = np.random.default_rng(0)
    runs, alarms, uses = 1200, 0, 0
    for _ in range(runs):
        skill = random.beta(8, 4, 50)
        draw = [torch.tensor(random.binomial(25, skill) / 25).float() for _ in range(4)]
        before = torch.tensor(random.binomial(25, 0.2, 50) / 25).float()
        measured = dict(zip(("score", "shuffled", "reordered", "relabelled"), draw, strict=True))
        flags = {"alone": torch.zeros(50), "queries": torch.zeros(50), "labels": torch.ones(50)}
        named = set(
            stamps_of(measured | flags | {"before": before, "ways": torch.full_like(before, 5)})
        )
        uses += "uses its support" in named
        alarms += bool(
            named & (ACCUSATIONS | {"uses its support", "not at chance before adapting"})
        )
    assert uses / runs < findings.LEVEL + 3 * (findings.LEVEL / runs) ** 0.5
    assert alarms / runs < 4 * findings.LEVEL + 3 * (4 * findings.LEVEL / runs) ** 0.5
    assert 4 * findings.LEVEL == 0.01


def test_significance_tests_equal_scipys() -> None:
    from scipy import stats

    first, second = torch.rand(30), torch.rand(30) - 0.1
    actual = significance.worse(first, second, 1.0)
    assert actual["worse"] == int((second < first).sum())
    # the upper tail of the binomial, summed by hand
    tail = sum(stats.binom.pmf(k, 30, 0.5) for k in range(actual["worse"], 31))
    assert actual["p"] == pytest.approx(tail)
    chance = significance.against_chance(first, torch.full_like(first, 0.4))
    expected = stats.ttest_1samp(first.double().numpy(), 0.4)
    assert chance["p"] == pytest.approx(expected.pvalue)
    assert significance.against_chance(*torch.full((2, 9), 0.2))["p"] == 1
    equal = significance.against_chance(torch.full((9,), 0.3), torch.full((9,), 0.2))
    assert equal["p"] == 2 / 2**9  # two patterns of signs are as extreme
    assert significance.against_chance(torch.tensor([0.3]), torch.tensor([0.2]))["p"] == 1
    broken = significance.worse(
        torch.tensor([1.0, torch.nan]), torch.tensor([torch.nan, 2.0]), -1.0
    )
    assert (broken["worse"], broken["better"]) == (1, 1)


def test_stamps_in_words_for_tables() -> None:
    one = audited(Honest(), clouds())
    words = "inductive, uses its support, at chance before adapting, label order ±0 %"
    assert stamps.in_words([one]) == words
    other = one | {"relabelled": {"spread": 0.0042}, "stamps": [*one["stamps"], "odd"]}
    assert stamps.in_words([one, None, other]).endswith("adapting, odd, label order ±0.42 %")
    assert stamps.in_words([None]) == ""
    few = stamps.in_words([audited(Honest(), tree_map(lambda x: x[:2], clouds()))])
    assert few == "inductive, label order ±0 %, 2 tasks, too few for more"


@pytest.mark.parametrize(
    "overrides",
    ["algorithm=protonet", "engine=learn2learn", "algorithm=reptile norm=running engine=loop"],
)
def test_a_run_stores_its_audit(tmp_path: Path, capsys: Any, overrides: str) -> None:
    sizes = ("evaluation.tasks=12", "evaluation.audit=11", "evaluation.batch=4")
    more = ("evaluation.scored_step=5", "dataset=glyphs", *sizes)
    result = train(tmp_path, *FAST, *more, *overrides.split())
    kind = "inductive" if result["norm"] == "running" else "transductive"
    assert result["audit"]["tasks"] == 11 and kind in result["audit"]["stamps"]
    shown = " ".join(capsys.readouterr().out.split())
    assert stamps.in_words([result["audit"]]) in shown
    with np.load(tmp_path / "scores.npz") as kept:  # the same tasks as in the test
        mean = kept["accuracy"][:11].mean()
    assert result["audit"]["score"] == pytest.approx(mean, abs=0.02)
    assert kind in summary.summary([result], summary.FULL)


def test_the_audit_can_be_switched_off(tmp_path: Path) -> None:
    result = train(tmp_path, *FAST, "evaluation.audit=0")
    assert result["audit"] is None
    message = mistake("train", *FAST, f"hydra.run.dir={tmp_path / 'other'}", "evaluation.audit=-1")
    assert "evaluation.audit=-1" in message


def test_batches_on_several_cores_are_audited_as_in_turn() -> None:
    learner, batch = algorithm("maml"), tasks(6)
    parts = [tree_map(lambda x, s=start: x[s : s + 2], batch) for start in (0, 2, 4)]
    asked = AuditedLearner(learner, 1, 2, NOW)
    assert audit(asked, parts, cores=2) == audit(asked, parts)
