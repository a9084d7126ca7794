"""The objective is a separate part: refused if incomplete, and recognised in older runs."""

import copy
from pathlib import Path
from typing import Any

import pytest
from helpers import choices, config
from omegaconf import DictConfig, OmegaConf

from innerloop.errors import UserError
from innerloop.experiment import restored, stored
from innerloop.experiment.parts.data import build_episodes
from innerloop.experiment.parts.objective import build_objective
from innerloop.objectives import Metric
from innerloop.reporting import finished
from innerloop.tasks import bounds

ORIGIN = Path("composed.yaml")


class Bare:
    """An objective with a metric and nothing else."""

    metric: Any = Metric("return")


class Named(Bare):
    """An objective whose metric is a string, as in the past."""

    metric = "return"


def composed(*overrides: str) -> DictConfig:
    settings = config(*overrides)
    content: Any = OmegaConf.to_container(settings)
    del content["hydra"]
    return OmegaConf.create(content)


def older(config: DictConfig) -> dict[str, Any]:
    """The configuration as the first version stored it."""
    content = copy.deepcopy(stored.plain(config).composed)
    content["dataset"]["objective"] = content.pop("objective")
    return content


@pytest.mark.parametrize(
    ("target", "part"),
    [("Bare", "answers, loss_unit, width"), ("Named", "innerloop.objectives.Metric")],
)
def test_an_objective_that_says_too_little_is_refused(target: str, part: str) -> None:
    settings = composed()
    settings.objective = {"_target_": f"{__name__}.{target}"}
    with pytest.raises(UserError, match=part):
        build_objective(settings, build_episodes(settings))


@pytest.mark.parametrize("dataset", choices("dataset"))
def test_every_data_set_chooses_an_objective(dataset: str) -> None:
    settings = composed(f"dataset={dataset}")
    episodes = build_episodes(settings)
    objective = build_objective(settings, episodes)
    if episodes.train.ways == 1:
        assert objective.answers in ("targets", None)
    else:
        assert objective.classes(training=True) == bounds(episodes.train.ways).high


def test_older_configurations_are_read_as_newer_ones() -> None:
    settings = composed("dataset=glyphs", "episode.ways=3")
    read = restored.from_file(older(settings), ORIGIN)
    assert read == restored.from_file(stored.plain(settings).composed, ORIGIN)
    assert build_objective(read, build_episodes(read)).classes(training=True) == 3
    assert stored.fingerprint(read) == stored.fingerprint(settings)


def test_older_and_newer_runs_of_one_setting_are_equal(tmp_path: Path) -> None:
    settings = composed("dataset=glyphs")
    for name, content in (("old", older(settings)), ("new", stored.plain(settings).composed)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(content)))
    old, new = [finished.configuration_of(tmp_path / name) for name in ("old", "new")]
    assert old == new and "objective.ways" in old


def test_the_objective_is_part_of_the_fingerprint_of_a_run() -> None:
    settings = composed()
    other = copy.deepcopy(settings)
    other.objective.targets = 2
    assert stored.fingerprint(settings) != stored.fingerprint(other)
