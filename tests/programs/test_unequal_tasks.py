"""A whole run on tasks of unequal size."""

from pathlib import Path

import numpy as np
import pytest
from cli import FAST, evaluate, train


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["protonet", "maml"])
def test_a_run_trains_and_tests_on_tasks_of_unequal_size(
    algorithm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ("episode.ways=[2,5]", "episode.shots=[1,4]", "episode.queries=2")
    result = train(tmp_path, f"algorithm={algorithm}", "dataset=glyphs", *sizes, *FAST)
    assert result["episode"]["ways"] == result["episode"]["test"]["ways"] == [2, 5]
    assert "balance" not in result["episode"]
    assert "2-5-way 1-4-shot" in " ".join(capsys.readouterr().out.split())
    assert 0 <= result["test"]["accuracy"]["mean"] <= 1
    assert result["audit"] is not None and (tmp_path / "adaptation.png").exists()
    with np.load(tmp_path / "scores.npz") as scores:
        ways = (scores["classes"] >= 0).sum(1)
        assert scores["classes"].shape[1] == 5 and ways.min() >= 2
        assert (np.isnan(scores["class_accuracy"]) == (scores["classes"] < 0)).all()


@pytest.mark.slow
def test_a_run_is_tested_by_another_protocol(tmp_path: Path) -> None:
    few = ("episode.ways=2", "episode.queries=3", *FAST)
    trained = train(tmp_path / "run", "algorithm=protonet", "dataset=glyphs", *few)
    run = f"ckpt_path={tmp_path / 'run'}"
    for protocol, changed in (("one_query", {"queries": 1}), ("random_shots", {"shots": 5})):
        tested = evaluate(tmp_path / protocol, run, f"protocol={protocol}", "logger=none")
        assert tested["episode"]["test"] == trained["episode"]["test"] | changed
        assert tested["protocol"]["hash"] != trained["protocol"]["hash"]
        assert {**tested["episode"], "test": None} == {**trained["episode"], "test": None}
