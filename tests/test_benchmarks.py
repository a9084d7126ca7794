"""The benchmarks: equal gradients, known numbers of operations, and tables made of the results."""

import copy
import importlib
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks import measure, report, roofline
from benchmarks.gpu import bench, curves, functorch, kernels, memory, problems, ways
from benchmarks.gpu import peers as gpu_peers
from benchmarks.peers import Contender, by_gradient, engine, learn2learn, plain
from benchmarks.workloads import Problem, build_problem

EAGER = "engine.compile=false"


def exact(*overrides: str) -> Problem:
    problem = build_problem("sinusoid_5", EAGER, *overrides)
    return problem._replace(algorithm=build_problem("sinusoid_5", EAGER).algorithm.double())


class FirstOrder:
    """A contender with a different meta-gradient."""

    @staticmethod
    def contender(problem: Problem) -> Contender:
        problem.algorithm.first_order = True  # type: ignore[assignment]
        return engine.contender(problem)


@pytest.mark.parametrize("name", ["higher", "torchopt", "jax"])
def test_optional_peers_compute_the_same_meta_gradient(name: str) -> None:
    pytest.importorskip(name)
    module: Any = pytest.importorskip(f"benchmarks.peers.{name}")
    assert measure.distances(exact(), {name: module})[name] < measure.AGREE


def test_a_contender_with_another_gradient_is_noticed() -> None:
    distances = measure.distances(exact(), {"us": engine, "them": learn2learn, "plain": plain})
    assert max(distances.values()) < measure.AGREE
    wrong = measure.distances(exact(), {"first order": FirstOrder})
    assert wrong["first order"] > 1e-3


def test_contenders_train_along_the_same_path() -> None:
    """After the same steps on the same tasks, the gradients at the new weights are equal."""
    ends, problem = [], build_problem("sinusoid_5", EAGER, "outer.optimizer.lr=0.01")
    for module in (engine, plain):
        contender, tasks = module.contender(problem), problem.data.training_batch(0)
        before = [g.clone() for g in contender.gradient(tasks)]
        contender.seconds(3)
        ends.append([g.clone() for g in contender.gradient(tasks)])
        changes = [(a - b).abs().max() for a, b in zip(before, ends[-1], strict=True)]
        assert min(changes) > 1e-3
    torch.testing.assert_close(*ends, rtol=1e-3, atol=1e-4)


def test_gradients_whose_memory_lies_otherwise_reach_fused_adam() -> None:
    """On a GPU it refuses gradients that do not lie in memory as their parameters do."""
    problem = build_problem("sinusoid_5", EAGER)
    seen: list[bool] = []

    def make(algorithm: Any) -> Any:
        parameters = list(algorithm.parameters())

        def gradient(tasks: Any) -> list[torch.Tensor]:
            seen.extend(p.grad is None or p.grad.stride() == p.stride() for p in parameters)
            return [torch.ones_like(p).t().contiguous().t() for p in parameters]

        return gradient

    assert by_gradient(problem, make).seconds(2) > 0
    assert len(seen) == 12 and all(seen)


def test_flops_of_a_matrix_product_are_counted() -> None:
    a, b = torch.ones(3, 5), torch.ones(5, 7)
    assert roofline.work(lambda: a @ b) == 2 * 3 * 5 * 7
    assert roofline.matmul_rate() > 1e8


def entry(ours: float, theirs: float, **bar: float) -> dict[str, Any]:
    values = {"engine": {"value": ours}, "learn2learn": {"value": theirs}}
    return {"title": "a", "unit": "ms", "contenders": values} | bar


def test_a_missed_bar_is_marked_in_the_table() -> None:
    def row(*values: float, **bar: float) -> str:
        return report.table({"sinusoid_1": entry(*values, **bar)}).splitlines()[-1]

    assert "| 4x | at least 3x |" in row(2, 8, at_least=3)
    assert "| **4x**, missed | at least 5x |" in row(2, 8, at_least=5)
    assert "| 1.25x | at most 1.3x |" in row(5, 4, at_most=1.3)
    assert "| **1.5x**, missed | at most 1.3x |" in row(6, 4, at_most=1.3)


def test_the_pages_equal_what_the_result_files_give() -> None:
    for file, text in report.documents(report.load(report.ROOT / "benchmarks" / "results")).items():
        assert file.read_text() == text, f"{file}: run `python -m benchmarks.report`"


def test_the_page_on_clusters_agrees_with_the_result_files() -> None:
    page = (report.ROOT / "docs" / "clusters.md").read_text()
    ray, slurm, optuna, overhead = (
        json.loads((report.ROOT / f"benchmarks/results/sweep_{name}.json").read_text())
        for name in ("ray", "slurm", "optuna", "overhead")
    )
    end, by = ray["after_one_more_call"], overhead["launchers"]
    plain, joblib, rays = (by[name]["a_further_member"] for name in ("plain", "joblib", "ray"))
    for sentence in (
        f"{end['done']} done, {len(end['reported'])} reported",
        f"{slurm['done']} done, by {slurm['gone_on_from_a_checkpoint']} requeues",
        f"{optuna['at_the_end']['COMPLETE']} trials complete",
        f"against {statistics.median(overhead['run_alone_seconds']):.1f} s of the run alone",
        f"plain {plain:.1f} s, joblib {joblib:.1f} s, Ray {rays:.1f} s",
        f"which starts once, {by['ray']['sweep_of_one']:.1f} s",
    ):
        assert sentence in page, sentence
    assert not end["trained_again_when_finished"] and not end["two_at_once_on_a_gpu"]


def test_without_gpu_results_the_table_says_not_measured() -> None:
    assert report.gpu({}).count("not measured") == 6


@pytest.mark.slow
def test_the_memory_of_unrolled_steps_grows_more_than_that_of_mixed_mode() -> None:
    peaks = memory.measure("cpu", inner=(1, 4))["peak_mb"]
    growth = {way: peak["4"] - peak["1"] for way, peak in peaks.items()}
    assert growth["unrolled"] > 10 * abs(growth["mixed"])


@pytest.mark.slow
def test_the_gpu_benchmark_runs_in_small_on_a_cpu() -> None:
    figures = bench.measure("cpu", steps=2)
    assert min(ms for pair in figures["ms"].values() for ms in pair.values()) > 0
    assert figures["long_minutes"] > 0 and figures["busy"] is None
    shown = report.gpu({"gpu": figures | {"busy": 0.95}})
    assert "| 95 % | above 90 % |" in shown and "not measured" not in shown


@pytest.mark.slow
def test_all_ways_on_a_gpu_give_the_meta_gradient_on_a_cpu() -> None:
    rows = ways.measure("cpu", ["sinusoid_5"])["ways"]["sinusoid_5"]
    assert rows.keys() == ways.WAYS.keys()
    assert max(row["error"] for row in rows.values()) < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("part", [functorch, gpu_peers])
def test_other_libraries_run_in_small_on_a_cpu(part: Any) -> None:
    times = part.measure("cpu")["ms"]
    pairs = times.values() if part is gpu_peers else [times]
    assert all(len(pair) >= 2 and min(pair.values()) > 0 for pair in pairs)


@pytest.mark.slow
def test_shares_of_kernels_add_up_to_one_at_most() -> None:
    figures = kernels.measure("cpu")
    assert 0.5 < sum(each["share"] for each in figures["kernels"]) <= 1


@pytest.mark.slow
def test_curves_have_a_time_for_each_value_of_an_axis() -> None:
    times = curves.measure("cpu", {"ways": {n: curves.AXES["ways"][n] for n in (5, 10)}})["ms"]
    assert times["ways"].keys() == {"5", "10"}


@pytest.mark.slow
def test_jax_computes_the_same_meta_gradient_of_conv4() -> None:
    jax_conv4 = pytest.importorskip("benchmarks.peers.jax_conv4")
    pytest.importorskip("jax")
    problem = problems.problem("miniimagenet", "cpu", "episode.queries=2")
    problem = problem._replace(algorithm=copy.deepcopy(problem.algorithm).double())
    assert measure.distances(problem, {"jax": jax_conv4})["jax"] < 1e-8


def test_a_rehearsal_writes_no_results(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = importlib.import_module("benchmarks.gpu.__main__")
    monkeypatch.setattr(program, "OUT", tmp_path)
    monkeypatch.setattr(memory, "measure", lambda device: {"device": device})
    monkeypatch.setattr(sys, "argv", ["gpu", "--part", "memory", "--rehearse"])
    program.main()
    assert json.loads(capsys.readouterr().out)["device"] == "cpu"
    assert not list(tmp_path.iterdir())
