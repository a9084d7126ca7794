"""An experiment is built once, and does not need its configuration afterwards."""

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from cli import FAST, train
from helpers import config
from omegaconf import DictConfig

from innerloop.experiment import whole
from innerloop.experiment.experiment import Experiment
from innerloop.experiment.problem import build_problem

assemble = whole.assemble


def emptied(given: DictConfig, *more: Any) -> Experiment:
    """Assembles an experiment, then empties its configuration."""
    experiment = assemble(given, *more)
    for key in list(given):
        given[key] = None
    return experiment


@pytest.mark.figures
def test_an_assembled_run_needs_no_configuration(tmp_path: Path) -> None:
    given = ("algorithm=protonet", "dataset=glyphs", *FAST)
    with mock.patch.object(whole, "assemble", emptied):
        without = train(tmp_path / "without", *given)
    usual = train(tmp_path / "usual", *given)
    assert without["missing"] == []
    assert set(without) == set(usual) and without["test"] == usual["test"]
    assert without["configuration"] == usual["configuration"]
    for part in ("without", "usual"):
        assert (tmp_path / part / "figures" / "episode.png").exists()


def test_the_audit_has_its_own_copy_of_the_objective() -> None:
    problem = build_problem(config("algorithm=protonet", "dataset=glyphs"))
    assert problem.objective is not problem.algorithm.objective
    outputs, targets = torch.randn(20, 5), torch.arange(20) % 5
    for name, score in problem.objective.scores(outputs, targets).items():
        torch.testing.assert_close(
            problem.algorithm.objective.scores(outputs, targets)[name], score
        )
