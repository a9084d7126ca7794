"""Metrics that innerloop does not have, a return and a rank, in everything that shows results."""

import json
import re
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from cli import call, train
from helpers import NOW, algorithm, scores_with_curve, waves
from metrics import Rank, Return
from rich.console import Console

from innerloop.dashboards import charts, finished
from innerloop.evaluation import results, schema
from innerloop.objectives import Metric, Objective
from innerloop.reporting import beats, figures
from innerloop.reporting.drawing import curve, spread, style
from innerloop.reporting.finished import read
from innerloop.reporting.page.write import write
from innerloop.reporting.summary import summary
from innerloop.reporting.table import closing_table
from innerloop.sweeping import closing

TASKS = 20
MEANS = {"return": (-300.0, 450.0), "rank": (150.0, 120.0)}  #: before and after adapting


def scores(objective: Objective, seed: int = 0, shift: float = 0.0) -> dict[str, torch.Tensor]:
    """Made-up scores `(tasks, steps + 1)` after 0 and 1 inner steps."""
    name, random = objective.metric.name, np.random.default_rng(seed)
    values = random.normal(np.array(MEANS[name]) + shift, 5.0, (TASKS, 2))
    return {name: torch.from_numpy(values).float()}


def content(objective: Objective, values: dict[str, torch.Tensor], seed: int = 0) -> dict[str, Any]:
    sizes = {"ways": 1, "shots": 5, "queries": 10}
    return {
        "command": f"python src/train.py seed={seed}", "algorithm": "maml", "dataset": "mine",
        "seed": seed, "episode": {**sizes, "test": sizes},
        "protocol": {"hash": objective.metric.name, "tasks": TASKS, "scored_step": 1},
        "metric": objective.metric._asdict(),
        "test": results.metrics(scores_with_curve(values, 1), objective, 1),
        "checkpoint": {"validation": {objective.metric.name: 7.0}},
        "threads": 1, "device": "cpu", "seconds": 60.0,
    }  # fmt: skip


def run_of(
    folder: Path, objective: Objective, seed: int = 0, shift: float = 0.0
) -> tuple[Path, np.ndarray]:
    """The folder of a finished run, and its scores after the inner step."""
    values = scores(objective, seed, shift)
    folder.mkdir()
    results.write_scores(folder / "scores.npz", scores_with_curve(values, 1), None)
    results.write_json(folder / "results.json", content(objective, values, seed))
    return folder, values[objective.metric.name][:, 1].double().numpy()


def shown(table: Any) -> str:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(table)
    return " ".join(console.export_text().split())


def test_results_name_their_metric_and_call_no_rank_diverged(tmp_path: Path) -> None:
    folder, _ = run_of(tmp_path / "a", Rank())
    record = read(folder).results
    assert record.metric == Metric("rank", higher_is_better=False)
    assert record.headline.mean is not None and record.headline.mean > results.DIVERGED
    assert record.test["rank/step_1"].diverged == 0
    assert record.test["rank/step_1"].median is not None


def test_older_files_without_a_metric_are_recognised_by_name() -> None:
    old = content(Rank(), scores(Rank()))
    del old["metric"]
    entry = {"mean": 0.5, "ci95": 0.1}
    accuracy = schema.read(old | {"test": {"accuracy": entry}}).metric
    assert (accuracy.unit, accuracy.scale, accuracy.higher_is_better) == ("%", 100, True)
    error = schema.read(old | {"test": {"mse": entry}}).metric
    assert (error.unit, error.scale, error.log, error.higher_is_better) == ("", 1, True, False)
    other = schema.read(old | {"test": {"return": entry}, "higher_is_better": True}).metric
    assert other == Metric("return")


def test_tables_show_the_unit_and_scale_by_it(tmp_path: Path, capsys: Any) -> None:
    folder, after = run_of(tmp_path / "a", Return())
    result = json.loads((folder / "results.json").read_text())
    mean = f"{2 * after.mean():.4g}"
    assert f"return │ {mean} points │ ±" in shown(closing_table(result))
    assert f"return {mean} ±" in summary([result]) and "points over 20 tasks" in summary([result])
    closed = shown(closing.table([read(folder)]))
    assert re.search(rf"14 points +{mean} ± \S+ points +{len(after)} tasks", closed)
    capsys.readouterr()
    call("runs", "--outputs", str(tmp_path))
    half = 2 * 1.96 * after.std(ddof=1) / len(after) ** 0.5
    assert f"return {mean} ± {half:.1f} points" in capsys.readouterr().out


def test_a_comparison_uses_the_unit_of_the_metric(tmp_path: Path, capsys: Any) -> None:
    (a, first), (b, second) = (
        run_of(tmp_path / name, Return(), 0, shift) for name, shift in (("a", 0.0), ("b", -20.0))
    )
    file = tmp_path / "figures.json"
    call("compare", str(a), str(b), "--outputs", str(tmp_path), "--json", str(file))
    result = json.loads(file.read_text())
    assert result["metric"] == {**Return.metric._asdict()}
    gap = float((first - second).mean())
    assert result["differences"][0]["mean"] == pytest.approx(gap)
    assert f"{2 * gap:+.4g} ± 0 points" in capsys.readouterr().out


@pytest.mark.parametrize(("objective", "sign"), [(Return(), 1), (Rank(), -1)])
def test_where_one_beats_another_follows_the_direction(
    tmp_path: Path, objective: Objective, sign: int
) -> None:
    (a, first), (b, second) = (run_of(tmp_path / str(seed), objective, seed) for seed in (0, 1))
    _, rows = beats.beaten(a, b, TASKS)
    gaps = sign * (first - second)
    assert [row.task for row in rows] == [i for i in np.argsort(-gaps) if gaps[i] > 0]


def test_the_page_and_its_charts_use_the_metrics_name_and_unit(tmp_path: Path) -> None:
    _, after = run_of(tmp_path / "a", Return())
    _, ranks = run_of(tmp_path / "b", Rank())
    text = write([tmp_path], tmp_path / "page.html").read_text()
    assert f"{2 * after.mean():.4g} points" in text and f">{ranks.mean():.4g}<" in text
    assert "query return (points) against inner steps" in text
    assert "query rank against inner steps" in text


def test_figures_of_negative_returns_have_linear_axes(tmp_path: Path) -> None:
    axis, returns = mock.MagicMock(), scores(Return())["return"] - 900
    axis.yaxis.get_transform.return_value.transform.return_value = (0.0, 1.0)
    curve.curve(axis, Return.metric, returns)
    drawn = axis.errorbar.call_args.args[1]
    np.testing.assert_allclose(drawn, 2 * returns.double().mean(0).numpy())
    assert not axis.set_yscale.called
    assert axis.set.call_args.kwargs["ylabel"] == "test return (points)"
    values = returns.double().numpy()
    counts, _ = np.histogram(values, spread.bars(values, Return.metric))
    assert counts.sum() == values.size and style.label(Rank.metric) == "rank"


@pytest.mark.figures
@pytest.mark.parametrize("objective", [Return(), Rank()])
def test_a_run_without_classes_draws_the_figures_that_apply(
    tmp_path: Path, objective: Objective
) -> None:
    learner = algorithm("maml", regression=True)
    learner.objective = objective
    drawn = figures.Figures(
        learner.eval(), waves(2), scores_with_curve(scores(objective), 1), 1, NOW, span=[-1, 1]
    )
    files = {name for name in drawn.kinds if drawn.save(name, tmp_path)}
    assert files == {"adaptation"}, "it has the spread and the curve"


def test_the_dashboard_uses_the_metrics_name() -> None:
    run = mock.MagicMock()
    result = content(Return(), scores(Return()))
    finished.summary(run, result)
    sent = run.summary.update.call_args.args[0]
    assert sent["test/return_ci95"] == result["test"]["return"]["ci95"]
    assert sent["val/return_best"] == 7.0
    assert sent["results"]["metric"]["unit"] == "points"
    assert charts.learning(Return.metric).y == ["train/return_before", "train/return", "val/return"]
    assert not charts.learning(Return.metric).log_y


def test_a_run_keeps_the_checkpoint_of_the_highest_return(tmp_path: Path) -> None:
    result = train(
        tmp_path, "debug=fast", "outer.steps=6", "evaluation.validation.every=2",
        "objective._target_=metrics.Return", "~objective.targets",
    )  # fmt: skip
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    column = lines[0].split(",").index("val/return")
    values = [float(v) for line in lines[1:] if (v := line.split(",")[column])]
    assert len(values) == 3
    assert result["checkpoint"]["validation"]["return"] == pytest.approx(max(values), rel=1e-5)
    assert result["metric"]["name"] == "return" and result["missing"] == []
    stamps = " ".join(result["audit"]["stamps"])  # no label was disturbed
    assert result["audit"]["labels_shuffled"] is None and "relabelled" not in result["audit"]
    assert "support" not in stamps and "chance" not in stamps
