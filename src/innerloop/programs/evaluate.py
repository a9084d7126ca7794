"""What evaluate.py does: tests a checkpoint."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from innerloop.callbacks.csv_log import rewind
from innerloop.run import (
    elsewhere,
    experiment,
    notices,
    outcome,
    restored,
    stored,
    trained,
    wandb_run,
)
from innerloop.run.check import check
from innerloop.run.ending import ending
from innerloop.startup.keys import Role
from innerloop.sweeping import member


def evaluate(config: DictConfig) -> float | None:
    """Tests a checkpoint and returns the headline number."""
    folder = Path(config.paths.run)
    stored.check_no_run(folder)
    with ending(folder, "nothing was kept"), member.noted(folder):
        path, content = trained.opened(str(config.ckpt_path))
        record = content["innerloop"]
        overrides = list(HydraConfig.get().overrides.task)
        old = restored.from_file(record["config"], path, config.trust, config)
        trained_on = old.names.dataset
        if chosen := [o for o in overrides if o.startswith("dataset=")]:
            old = elsewhere.moved(old, config.names.dataset, config, chosen[-1])
            old.evaluation["on"] = []
            overrides = [o for o in overrides if not o.lstrip("+").startswith("dataset")]
        config = stored.overlay(old, config, overrides, Role.EVALUATE, "ckpt_path")
        config.names.command = notices.command()
        check(config)
        changed = any(o.startswith("engine") for o in overrides)
        with restored.rebuilding(path):
            earlier = {} if changed else {"engine": record["engine"]}
            made = experiment.assemble(config, earlier, trained_on)
        rewind(folder, 0)
        wandb_run.introduce(made)
        return outcome.test(made, path, content, None)
