"""compare.py and runs.py: what they select, report and refuse."""

import io
import json
import shlex
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import yaml
from cli import FAST, call, mistake, train
from finished_runs import CLASSES, TASKS, comparison_of, finished_run, scores_of
from rich.console import Console
from scipy import stats

from innerloop.evaluation.class_interval import over_classes
from innerloop.reporting.drawing import compared
from innerloop.reporting.finished import below, read
from innerloop.reporting.selection import select
from innerloop.reporting.settings import settings
from innerloop.reporting.short_names import short_names


def test_two_runs_are_compared_by_a_paired_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = finished_run(tmp_path / "a"), finished_run(tmp_path / "b", "protonet", mean=0.49)
    comparison = comparison_of(tmp_path, a, b)
    first, second = scores_of(a, 3), scores_of(b, 0)
    (difference,) = comparison["differences"]
    assert difference["p"] == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert difference["p_holm"] == difference["p"]
    assert difference["mean"] == pytest.approx(first.mean() - second.mean())
    assert difference["ci95_classes"] == pytest.approx(over_classes(first - second, CLASSES))
    assert difference["ci95"] < 0.6 * difference["ci95_unpaired"]
    assert difference["about"] == "these checkpoints"
    for run, scores in zip(comparison["runs"], (first, second), strict=True):
        assert run["mean"] == pytest.approx(scores.mean())
        assert run["ci95"] == pytest.approx(1.96 * scores.std(ddof=1) / TASKS**0.5, rel=1e-4)
        assert run["ci95_classes"] == pytest.approx(over_classes(scores, CLASSES))
        assert run["ci95_seeds"] is None
    shown = capsys.readouterr().out
    assert "These checkpoints" in shown and "three seeds" in shown
    run = comparison["runs"][0]
    assert f"{100 * run['mean']:.1f} ± {100 * run['ci95']:.1f} %" in shown


def test_several_seeds_of_a_setting_are_one_method(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        finished_run(tmp_path / f"a{seed}", "maml", seed, 0.5 + 0.01 * seed)
        finished_run(tmp_path / f"b{seed}", "anil", seed, 0.45 + 0.02 * seed)
    comparison = comparison_of(tmp_path, "algorithm=maml episode.shots=1", "algorithm=anil")
    means = [[scores_of(tmp_path / f"{x}{s}", 3).mean() for s in range(3)] for x in "ab"]
    (difference,) = comparison["differences"]
    assert difference["about"] == "methods"
    assert difference["p"] == pytest.approx(stats.ttest_ind(*means, equal_var=False).pvalue)
    half = stats.t.ppf(0.975, 2) * stats.sem(means[0])
    assert comparison["runs"][0]["ci95_seeds"] == pytest.approx(half)
    assert comparison["runs"][0]["seeds"] == [0, 1, 2]
    assert "these checkpoints" not in capsys.readouterr().out.lower()
    (fewer,) = comparison_of(tmp_path, "algorithm=maml seed=0,1", "algorithm=anil")["differences"]
    averaged = np.mean([scores_of(tmp_path / f"a{s}", 3) for s in range(2)], 0)
    others = np.mean([scores_of(tmp_path / f"b{s}", 3) for s in range(3)], 0)
    assert fewer["about"] == "these checkpoints"
    assert fewer["p"] == pytest.approx(stats.ttest_rel(averaged, others).pvalue)


def test_tables_show_what_the_audit_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = {"tasks": 50, "stamps": ["inductive", "uses its support"]}
    a, b = finished_run(tmp_path / "a", audit=audit), finished_run(tmp_path / "b", "anil")
    comparison = comparison_of(tmp_path, a, b)
    assert [run["audit"] for run in comparison["runs"]] == ["inductive, uses its support", ""]
    assert "uses its support" in capsys.readouterr().out
    call("runs", "-v", "--outputs", str(tmp_path))
    assert "uses its support" in capsys.readouterr().out


def test_three_runs_are_corrected_by_holm(tmp_path: Path) -> None:
    runs = [finished_run(tmp_path / str(i), seed=i, mean=0.5 + 0.004 * i) for i in range(3)]
    comparison = comparison_of(tmp_path, *runs)["differences"]
    assert [(d["first"], d["second"]) for d in comparison] == [(0, 1), (0, 2), (1, 2)]
    lowest = min(comparison, key=lambda d: d["p"])
    assert lowest["p_holm"] == pytest.approx(min(1, 3 * lowest["p"]))
    assert all(d["p_holm"] >= d["p"] for d in comparison)


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("protocol__hash", "fff", "protocol.hash is abc and fff"),
        ("protocol__scored_step", 1, "protocol.scored_step is 3 and 1"),
        ("protocol__selected_by", "val/loss", "protocol.selected_by is val/accuracy and val/loss"),
        ("protocol__split", "val", "protocol.split is test and val"),
    ],
)
def test_runs_with_different_protocols_are_refused(
    tmp_path: Path, key: str, value: Any, named: str
) -> None:
    a, b = finished_run(tmp_path / "a"), finished_run(tmp_path / "b", **{key: value})
    c = finished_run(tmp_path / "c", "protonet")
    assert named in mistake("compare", str(a), str(b))
    assert named in mistake("compare", str(a), str(c), str(b))


def elsewhere(run: Path, name: str, mean: float) -> Path:
    """Adds to a finished run its test on another data set."""
    record = read(run).results
    more = {"dataset": name, "trained_on": "mine", "protocol__hash": f"of {name}"}
    folder = run / "tested_on" / name
    finished_run(folder, record.algorithm, record.seed, mean, **more)
    (folder / "config.yaml").unlink()  # which only the run's own test has
    return folder


def test_each_data_set_is_compared_separately(tmp_path: Path, capsys: Any) -> None:
    a, b = finished_run(tmp_path / "a"), finished_run(tmp_path / "b", "anil", mean=0.49)
    there = [elsewhere(a, "theirs", 0.4), elsewhere(b, "theirs", 0.45)]
    elsewhere(a, "third", 0.3)
    for words in ((a, b), ("algorithm=maml", "algorithm=anil")):
        comparison = comparison_of(tmp_path, *words)
        assert "third: not all of these" in capsys.readouterr().err
        (other,) = comparison["others"]
        for one, runs in ((comparison, (a, b)), (other, there)):
            first, second = (scores_of(run, 3) for run in runs)
            (difference,) = one["differences"]
            assert difference["p"] == pytest.approx(stats.ttest_rel(first, second).pvalue)
        assert (comparison["dataset"], other["dataset"]) == ("mine", "theirs")
        assert [run["trained_on"] for run in other["runs"]] == ["mine", "mine"]


def test_tests_on_different_data_sets_are_not_mixed(tmp_path: Path) -> None:
    a, b = finished_run(tmp_path / "a"), finished_run(tmp_path / "b", "anil")
    theirs = elsewhere(a, "theirs", 0.4)
    assert "dataset is theirs and mine" in mistake("compare", str(theirs), str(b))
    finished_run(tmp_path / "c", seed=1, dataset="theirs", protocol__hash="of theirs")
    message = mistake("compare", "algorithm=maml", str(b), "--outputs", str(tmp_path))
    assert "trained_on is mine" in message and "trained_on=theirs" in message
    given = ("algorithm=maml trained_on=mine", "algorithm=maml trained_on=theirs")
    (mine, own) = comparison_of(tmp_path, *given)["runs"]
    assert (mine["trained_on"], own["trained_on"]) == ("mine", "theirs")


def test_lists_and_tables_say_what_a_run_was_trained_on(tmp_path: Path, capsys: Any) -> None:
    a = finished_run(tmp_path / "a")
    elsewhere(a, "theirs", 0.4)
    call("runs", "--outputs", str(tmp_path))
    assert "theirs (trained on mine)" in capsys.readouterr().out
    call("runs", "trained_on=mine", "dataset=mine", "--outputs", str(tmp_path))
    assert "trained on" not in capsys.readouterr().out
    assert len(settings(below(tmp_path))) == 2


def test_arguments_that_are_not_runs_are_refused(tmp_path: Path) -> None:
    a, out = str(finished_run(tmp_path / "a")), ("--outputs", str(tmp_path))
    assert "results.json" in mistake("compare", a, str(tmp_path / "nowhere"))
    assert "No finished run" in mistake("compare", a, "algorithm=anil", *out)
    assert "perhaps algorithm" in mistake("compare", a, "algoritm=maml", *out)
    assert "perhaps episode.shots" in mistake("runs", "shots=1", *out)
    assert "neither" in mistake("runs", "maml", *out)
    (tmp_path / "a" / "scores.npz").unlink()
    assert "test it again" in mistake("compare", a, a)


def test_a_mixture_of_settings_is_refused(tmp_path: Path) -> None:
    finished_run(tmp_path / "a")
    config = tmp_path / "b" / "config.yaml"
    finished_run(tmp_path / "b", seed=1)
    config.write_text(config.read_text().replace("rate: 0.1", "rate: 0.2"))
    out = ("--outputs", str(tmp_path))
    message = mistake("compare", "algorithm=maml", *out)
    assert "inner.rate is 0.1 in" in message and "and 0.2 in" in message
    (comparison,) = comparison_of(tmp_path, "algorithm=maml inner.rate=0.2")["runs"]
    assert comparison["seeds"] == [1]


def test_precision_is_part_of_a_setting_and_the_number_of_devices_is_not(tmp_path: Path) -> None:
    given = {"a": (0, "32-true", 1), "b": (1, "32-true", 2), "c": (0, "bf16-mixed", 1)}
    for name, (seed, precision, devices) in given.items():
        config = finished_run(tmp_path / name, seed=seed) / "config.yaml"
        values = yaml.safe_load(config.read_text())
        values["trainer"] = {"precision": precision, "devices": devices}
        if devices == 1:
            values["dataset"] = {"on_device": "auto"}
        config.write_text(yaml.safe_dump(values))
    groups = settings([read(tmp_path / name) for name in given])
    assert [[run.results.seed for run in setting.runs] for setting in groups] == [[0, 1], [0]]
    out = ("--outputs", str(tmp_path))
    assert "trainer.precision is 32-true" in mistake("compare", "algorithm=maml", *out)
    words = ("trainer.precision=32-true", "trainer.precision=bf16-mixed")
    assert [run["seeds"] for run in comparison_of(tmp_path, *words)["runs"]] == [[0, 1], [0]]


def test_scores_of_other_tasks_or_without_a_mean_are_refused(tmp_path: Path) -> None:
    a, b = finished_run(tmp_path / "a"), finished_run(tmp_path / "b")
    values = np.load(b / "scores.npz")["accuracy"]
    np.savez(b / "scores.npz", accuracy=values, classes=CLASSES[::-1])
    assert "different classes" in mistake("compare", str(a), str(b))
    values[7, 3] = np.nan
    np.savez(b / "scores.npz", accuracy=values, classes=CLASSES)
    assert "1 test tasks have no finite accuracy" in mistake("compare", str(a), str(b))


def test_selectors_choose_runs_by_their_keys(tmp_path: Path) -> None:
    finished_run(tmp_path / "a", "maml", 0)
    finished_run(tmp_path / "deep" / "b", "anil", 1)
    finished_run(tmp_path / "c", "anil", 2, norm=None)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "results.json").write_text("[]")

    def names(*words: str) -> set[str]:
        return {run.folder.name for run in select(below(tmp_path), words)}

    assert names() == {"a", "b", "c"}
    assert names("algorithm=anil") == {"b", "c"}
    assert names("algorithm=anil,maml", "seed=0,2") == {"a", "c"}
    assert names("norm=null") == {"c"}
    assert names("inner.rate=0.10", "episode.test.ways=5") == {"a", "b", "c"}
    assert names("seed=x") == set()


def test_the_runs_program_lists_the_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finished_run(tmp_path / "a", "maml", 3)
    finished_run(tmp_path / "b", "anil", 4)
    call("runs", "algorithm=maml", "--outputs", str(tmp_path))
    shown = capsys.readouterr().out
    scores = 100 * scores_of(tmp_path / "a", 3).mean()
    name = short_names(below(tmp_path))[0]
    assert shown.split() == [*f"{name} maml mine 5w1s seed 3 {scores:.1f} ± 1.0 % 0 s ago".split()]
    call("runs", "-v", "algorithm=maml", "--outputs", str(tmp_path))
    details = capsys.readouterr().out
    for word in (str(tmp_path / "a"), "batch norm: support", "seed=3", "200 tasks"):
        assert word in details
    assert "anil" not in details
    call("runs", "algorithm=maml", "seed=4", "--outputs", str(tmp_path))
    assert "No finished run" in capsys.readouterr().out


def test_real_runs_with_few_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ("dataset=glyphs", "+dataset.classes={test: 8}", *FAST, "evaluation.tasks=20")
    first = train(tmp_path / "a", "algorithm=protonet", *few)
    shown = capsys.readouterr().out
    second = train(tmp_path / "b", "algorithm=protonet", "seed=1", *few)
    assert "over classes" in shown
    assert first["test"]["accuracy"]["ci95_classes"] >= first["test"]["accuracy"]["ci95"]
    comparison = comparison_of(tmp_path, tmp_path / "a", "seed=1")
    for run, results in zip(comparison["runs"], (first, second), strict=True):
        for key in ("mean", "ci95", "ci95_classes"):
            assert run[key] == pytest.approx(results["test"]["accuracy"][key], rel=1e-6)
    endless = train(tmp_path / "c", "algorithm=protonet", "dataset=glyphs", *FAST)
    assert "ci95_classes" not in endless["test"]["accuracy"]
    assert "over classes" not in capsys.readouterr().out.split("glyphs: 4 test tasks")[-1]


def sweep(folder: Path, seeds: int) -> None:
    """A sweep of MAML and ProtoNet, 1 and 5 shots, whose batch norms differ."""
    for algorithm, norm in (("maml", "transductive"), ("protonet", "support")):
        for shots in (1, 5):
            for seed in range(seeds):
                size = {"ways": 5, "shots": shots, "queries": 15}
                own = {"norm": norm, "episode": {"shots": shots}}
                run = finished_run(
                    folder / f"{algorithm}{shots}{seed}", algorithm, seed, 0.5 + 0.01 * seed,
                    norm=norm, episode={**size, "test": size}, protocol__hash=f"of {shots} shots",
                )  # fmt: skip
                config = yaml.safe_load((run / "config.yaml").read_text())
                (run / "config.yaml").write_text(yaml.safe_dump(config | own))


def test_a_sweep_is_compared_by_setting_with_a_table_for_each_test(
    tmp_path: Path, capsys: Any
) -> None:
    sweep(tmp_path / "sweep", 3)
    comparison = comparison_of(tmp_path, tmp_path / "sweep")
    (other,) = comparison["others"]
    for one, shots in ((comparison, 1), (other, 5)):
        assert one["episode"]["shots"] == shots
        assert [run["algorithm"] for run in one["runs"]] == ["maml", "protonet"]
        assert [run["norm"] for run in one["runs"]] == ["transductive", "support"]
        means = [
            [scores_of(tmp_path / "sweep" / f"{name}{shots}{seed}", at).mean() for seed in range(3)]
            for name, at in (("maml", 3), ("protonet", 0))
        ]
        assert [run["seed_means"] for run in one["runs"]] == [pytest.approx(own) for own in means]
        (difference,) = one["differences"]
        assert difference["p"] == pytest.approx(stats.ttest_ind(*means, equal_var=False).pvalue)
    shown = capsys.readouterr().out
    assert "batch norm" in shown and "maml may use the statistics of its queries" in shown


def test_two_seeds_are_shown_instead_of_their_interval(tmp_path: Path, capsys: Any) -> None:
    sweep(tmp_path / "sweep", 2)
    call("compare", str(tmp_path / "sweep"), "--outputs", str(tmp_path))
    seeds = [100 * scores_of(tmp_path / "sweep" / f"maml1{seed}", 3).mean() for seed in range(2)]
    assert f"{seeds[0]:.1f}, {seeds[1]:.1f} %" in capsys.readouterr().out


@pytest.mark.parametrize("seeds", [2, 3])
def test_a_comparison_fits_a_terminal_of_80_columns(tmp_path: Path, seeds: int) -> None:
    sweep(tmp_path / "sweep", seeds)
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=80, color_system=None)
    with mock.patch("innerloop.reporting.comparison_table.terminal", return_value=console):
        call("compare", str(tmp_path / "sweep"), "--outputs", str(tmp_path))
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("2  protonet  0, 1") for line in lines)  # no word is broken


def test_runs_are_compared_by_their_short_names(tmp_path: Path) -> None:
    finished_run(tmp_path / "a"), finished_run(tmp_path / "b", "anil")
    names = short_names(below(tmp_path))
    runs = comparison_of(tmp_path, *names)["runs"]
    assert [run["algorithm"] for run in runs] == ["maml", "anil"]


def test_a_refusal_prints_the_command_that_mends_it(tmp_path: Path) -> None:
    a, b = (finished_run(tmp_path / name, seed=i) for i, name in enumerate("ab"))
    c = finished_run(tmp_path / "c", protocol__hash="fff", protocol__tasks=100)
    (_, command) = mistake("compare", str(a), str(c)).strip().splitlines()
    assert "evaluate.py" in command and f"ckpt_path={c} evaluation.tasks={TASKS} " in command
    assert command.endswith(f"compare.py {a} {c}_again")
    config = b / "config.yaml"
    config.write_text(config.read_text().replace("rate: 0.1", "rate: 0.2"))
    message = mistake("compare", "algorithm=maml", "--outputs", str(tmp_path))
    command = message.strip().splitlines()[1].partition("compare.py ")[2]
    comparison = comparison_of(tmp_path, *shlex.split(command)[:1], "algorithm=maml inner.rate=0.2")
    assert [run["seeds"] for run in comparison["runs"]] == [[0], [1]]


@pytest.mark.figures
def test_a_comparison_is_drawn_with_a_picture_for_each_test(tmp_path: Path) -> None:
    sweep(tmp_path / "sweep", 3)
    for file in (tmp_path / "sweep").rglob("results.json"):
        content = json.loads(file.read_text())
        file.write_text(json.dumps(content | {"seconds": 60.0 + 60 * content["seed"]}))
    comparison = comparison_of(tmp_path, tmp_path / "sweep", "--picture", tmp_path / "x.pdf")
    for name in ("x", "x-2"):
        assert all((tmp_path / f"{name}.{kind}").stat().st_size for kind in ("png", "pdf", "svg"))
    assert [run["minutes"] for run in comparison["runs"]] == [2.0, 2.0]
    differences, minutes = compared.comparison_figure(comparison).axes
    (drawn,) = comparison["differences"]
    tasks, seeds, *_ = differences.containers
    for container, half in ((tasks, drawn["ci95"]), (seeds, drawn["ci95_seeds"])):
        (interval,) = container.lines[2][0].get_segments()
        mean = 100 * drawn["mean"]
        np.testing.assert_allclose(interval[:, 0], [mean - 100 * half, mean + 100 * half])
    points = [container.lines[0].get_xydata()[0] for container in minutes.containers]
    np.testing.assert_allclose(points, [[2, 100 * run["mean"]] for run in comparison["runs"]])
