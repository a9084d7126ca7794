"""A run that resumes: its configuration and its newest checkpoint."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from innerloop.callbacks.kept import CHECKPOINTS, LAST, mend, read_newest
from innerloop.callbacks.record_check import record_of
from innerloop.dashboards import identity
from innerloop.errors import UserError
from innerloop.experiment import notices, restored
from innerloop.experiment.check import check
from innerloop.experiment.overlay import overlay
from innerloop.experiment.plain import Checkpoint
from innerloop.startup.keys import Role


def resumed(config: DictConfig) -> DictConfig:
    """The run's stored configuration, with the changes that the command line may make.

    Raises:
        UserError: for other changes.
    """
    folder = Path(config.resume).expanduser().resolve()
    if Path(config.paths.run) != folder:
        raise UserError(
            "resume= resumes a run in its own folder: leave --multirun and run.dir out."
        )
    old = restored.of_run(folder, config.trust, config)
    steps, overrides = old.outer.steps, list(HydraConfig.get().overrides.task)
    config = overlay(
        stored=old,
        composed=config,
        overrides=overrides,
        allowed=Role.RESUME,
        own="resume",
    )
    if config.outer.scheduler is not None and config.outer.steps != steps:
        raise UserError(
            f"outer.steps={config.outer.steps}: the learning-rate schedule of this run was made "
            f"for {steps} steps. Resume it to those, or start a new run."
        )
    changed = [o for o in overrides if not o.startswith(("resume=", "trust="))]
    if changed:
        config.names.command += f", resumed with {' '.join(changed)}"
    return check(config)


def newest_checkpoint(folder: Path) -> tuple[Path | None, Checkpoint]:
    """The newest undamaged checkpoint and its content; `(None, {})` if there is none yet."""
    newest = read_newest(folder / CHECKPOINTS / LAST)
    if newest is None:
        notices.say(f"{folder} has no checkpoint yet: starts from the beginning")
        return None, {}
    file, content, damage = newest
    record = record_of(content, file)
    notices.say(*damage, *mend(folder), f"resumes from {file}, outer step {content['global_step']}")
    identity.restore(folder, record.get("wandb"))
    return file, content
