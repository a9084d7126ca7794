"""The program evaluate.py: tests a checkpoint."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from innerloop.callbacks.csv_log import rewind
from innerloop.experiment import elsewhere, notices, outcome, restored, stored, trackers
from innerloop.experiment.assemble import assemble
from innerloop.experiment.check import check
from innerloop.experiment.ending import ending
from innerloop.experiment.experiment import Experiment
from innerloop.experiment.overlay import overlay
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.trained import open_checkpoint
from innerloop.machine.mappings import read_yaml
from innerloop.startup.keys import Role
from innerloop.startup.overrides import CONF
from innerloop.sweeping import member


def evaluate(config: DictConfig) -> float | None:
    """Tests a checkpoint and returns the headline number; None in all processes but the first.

    Raises:
        UserError: for a checkpoint or changes that cannot be used.
    """
    folder = Path(config.paths.run)
    stored.check_no_run(folder)
    with ending(folder, "nothing was kept"), member.guarded(folder):
        path, content = open_checkpoint(str(config.ckpt_path))
        record = content["innerloop"]
        experiment = _experiment(config, path, record)
        rewind(folder, 0)
        training = {"checkpoint": str(path), "wandb": record.get("wandb")}
        trackers.introduce(experiment, training=training)
        return outcome.test(experiment, path, content, trained=None)


def _experiment(config: DictConfig, path: Path, record: PlainDict) -> Experiment:
    """The experiment of a checkpoint, with the changes that the command line may make.

    Arguments:
        path: the checkpoint.
        record: what the checkpoint records of its run.
    """
    words = HydraConfig.get().overrides.task
    overrides = [key for word in words for key in spelled_out(word)]
    old = restored.from_file(record["config"], path, config.trust, config)
    trained_on = old.names.dataset
    config = check(_changed(old, config, overrides))
    chooses_engine = any(override.startswith("engine") for override in overrides)
    with restored.rebuilding(path):
        return assemble(config, {} if chooses_engine else {"engine": record["engine"]}, trained_on)


def spelled_out(override: str) -> list[str]:
    """The override itself; of `protocol=NAME`, what the protocol says of test tasks.

    Example:
        >>> spelled_out("protocol=twenty_ways"), spelled_out("seed=1")
        (['episode.test.ways=20'], ['seed=1'])
    """
    group, _, name = override.partition("=")
    if group != "protocol":
        return [override]
    sizes = read_yaml(CONF / "protocol" / f"{name}.yaml")["episode"]["test"]
    return [f"episode.test.{key}={value}" for key, value in sizes.items()]


def _changed(old: DictConfig, config: DictConfig, overrides: list[str]) -> DictConfig:
    """The run's configuration with the changes of the command line; the data set may change."""
    if chosen := [o for o in overrides if o.startswith("dataset=")]:
        old = elsewhere.with_data_set(old, config.names.dataset, config, chosen[-1])
        overrides = [o for o in overrides if not o.lstrip("+").startswith("dataset")]
    config = overlay(
        stored=old,
        composed=config,
        overrides=overrides,
        allowed=Role.EVALUATE,
        own="ckpt_path",
    )
    config.names.command = notices.command()
    return config
