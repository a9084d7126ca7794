"""What evaluate.py does: tests a checkpoint."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from innerloop.callbacks.csv_log import rewind
from innerloop.run import elsewhere, notices, outcome, restored, stored, trained, wandb_run
from innerloop.run.assemble import assemble
from innerloop.run.check import check
from innerloop.run.ending import ending
from innerloop.run.experiment import Experiment
from innerloop.startup.keys import Role
from innerloop.sweeping import member


def evaluate(config: DictConfig) -> float | None:
    """Tests a checkpoint and returns the headline number."""
    folder = Path(config.paths.run)
    stored.check_no_run(folder)
    with ending(folder, "nothing was kept"), member.noted(folder):
        path, content = trained.opened(str(config.ckpt_path))
        experiment = _experiment(config, path, content["innerloop"])
        rewind(folder, 0)
        wandb_run.introduce(experiment)
        return outcome.test(experiment, path, content, trained=None)


def _experiment(config: DictConfig, path: Path, record: dict[str, Any]) -> Experiment:
    """The checkpoint's own experiment, with what the command line may change.

    Arguments:
        record: what the checkpoint says of its run.
    """
    overrides = list(HydraConfig.get().overrides.task)
    old = restored.from_file(record["config"], path, config.trust, config)
    trained_on = old.names.dataset
    config = check(_changed(old, config, overrides))
    asks_engine = any(override.startswith("engine") for override in overrides)
    with restored.rebuilding(path):
        return assemble(config, {} if asks_engine else {"engine": record["engine"]}, trained_on)


def _changed(old: DictConfig, config: DictConfig, overrides: list[str]) -> DictConfig:
    """The run's configuration with what the command line changes, be it the data set."""
    if chosen := [o for o in overrides if o.startswith("dataset=")]:
        old = elsewhere.moved(old, config.names.dataset, config, chosen[-1])
        old.evaluation["on"] = []  # this data set was asked for, and no other
        overrides = [o for o in overrides if not o.lstrip("+").startswith("dataset")]
    config = stored.overlay(old, config, overrides, Role.EVALUATE, "ckpt_path")
    config.names.command = notices.command()
    return config
