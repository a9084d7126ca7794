"""What train.py and evaluate.py do: one experiment from its configuration to its results."""

import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from innerloop import experiment, notices, outcome, stored
from innerloop.callbacks.checkpoint_file import read_checkpoint


def train(config: DictConfig) -> float | None:
    """Meta-trains, tests the checkpoint that validation chose, and returns the headline number."""
    try:
        return _train(config)
    finally:
        _finish_wandb()


def evaluate(config: DictConfig) -> float | None:
    """Tests a checkpoint and returns the headline number."""
    try:
        return _evaluate(config)
    finally:
        _finish_wandb()


def _train(config: DictConfig) -> float | None:
    checkpoint = None
    if config.resume:
        config, checkpoint = _resumed(config)
    else:
        notices.say(*notices.announce(config))
    folder = Path(config.paths.run)
    earlier = read_checkpoint(checkpoint)["innerloop"] if checkpoint else {}
    made = experiment.assemble(config, earlier)
    stored.save(config, folder)
    made.trainer.fit(made.learner, made.data, ckpt_path=checkpoint, weights_only=True)
    trained = made.learner.record()["seconds"]
    return outcome.test(made, folder / "checkpoints" / "best.ckpt", trained)


def _evaluate(config: DictConfig) -> float | None:
    path = Path(str(config.ckpt_path)).expanduser()
    path = path / "checkpoints" / "best.ckpt" if path.is_dir() else path
    record = read_checkpoint(path)["innerloop"]
    overrides = list(HydraConfig.get().overrides.task)
    old = OmegaConf.create(record["config"])
    config = stored.overlay(old, config, overrides, stored.EVALUATE_MAY_CHANGE, "ckpt_path")
    changed = any(o.startswith("engine") for o in overrides)
    made = experiment.assemble(config, {} if changed else {"engine": record["engine"]})
    return outcome.test(made, path, None)


def _resumed(config: DictConfig) -> tuple[DictConfig, Path | None]:
    """The run's own configuration, and its last checkpoint if there is one."""
    folder = Path(config.paths.run)
    old = stored.of_run(config.resume)
    overrides = list(HydraConfig.get().overrides.task)
    config = stored.overlay(old, config, overrides, stored.RESUME_MAY_CHANGE, "resume")
    last = folder / "checkpoints" / "last.ckpt"
    if last.exists():
        notices.say(f"goes on from {last}")
        return config, last
    notices.say(f"{folder} has no checkpoint yet: starts from the beginning")
    return config, None


def _finish_wandb() -> None:
    """Ends the W&B run, without which two members of a serial sweep would share one."""
    if "wandb" in sys.modules:
        sys.modules["wandb"].finish()
