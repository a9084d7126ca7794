"""What train.py does: one experiment from its configuration to its results."""

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from innerloop.callbacks.csv_log import rewind
from innerloop.callbacks.kept import CHECKPOINTS, LAST, best_of, mend, read_newest, record_of
from innerloop.callbacks.recovery import validates
from innerloop.dashboards import identity
from innerloop.errors import UserError
from innerloop.programs import estimate
from innerloop.run import experiment, notices, origin, outcome, restored, stored, wandb_run
from innerloop.run.check import check
from innerloop.run.ending import ending
from innerloop.sweeping import member


def train(config: DictConfig) -> float | None:
    """Meta-trains, tests the checkpoint that validation chose, and returns its validation score.

    A sweep is optimised for what is returned, which must not be what the test found.
    """
    if config.estimate:
        estimate.show(config)
        return None
    checkpoint, folder = None, Path(config.paths.run)
    goes_on = f"python src/train.py resume={folder} goes on"
    with ending(folder, goes_on), member.noted(folder):
        if not config.resume:
            check(config)
        before = member.earlier(config)
        if before.score is not None:
            return before.score
        earlier: dict[str, Any] = {}
        begun = bool(config.resume) or before.begun
        if config.resume:
            config = _resumed(config)
        else:
            config.names.command = notices.command()
            notices.say(*notices.announce(config))
        if begun:
            checkpoint, earlier = _last(folder)
        with restored.rebuilding(folder / stored.KEPT) if begun else nullcontext():
            made = experiment.assemble(config, earlier.get("innerloop", {}))
        if config.get("init_from") and checkpoint is None:
            made.learner.origin = origin.start_from(config.init_from, made.learner.algorithm)
        _check_processes(made.trainer.world_size)
        stored.save(config, folder)
        rewind(folder, earlier.get("global_step", 0), not validates(earlier))
        wandb_run.introduce(made)
        _fit(made, checkpoint)
        seconds = made.learner.record()["seconds"]
        outcome.test(made, *_chosen(folder), seconds)
        metric = made.learner.algorithm.objective.metric
        return float(made.learner.loaded["validation"].get(metric, math.nan))


def _resumed(config: DictConfig) -> DictConfig:
    """The run's own configuration, with what the command line may change."""
    folder = Path(config.resume).expanduser().resolve()
    if Path(config.paths.run) != folder:
        raise UserError(
            "resume= goes on in the run's own folder: leave --multirun and run.dir out."
        )
    old = restored.of_run(folder, config.trust, config)
    steps, overrides = old.outer.steps, list(HydraConfig.get().overrides.task)
    config = stored.overlay(old, config, overrides, stored.RESUME_MAY_CHANGE, "resume")
    if config.outer.scheduler is not None and config.outer.steps != steps:
        raise UserError(
            f"outer.steps={config.outer.steps}: the learning-rate schedule of this run was made "
            f"for {steps} steps. Go on to those, or start a new run."
        )
    changed = [o for o in overrides if not o.startswith(("resume=", "trust="))]
    if changed:
        config.names.command += f", resumed with {' '.join(changed)}"
    return check(config)


def _last(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """The newest checkpoint that is whole, and what it holds; nothing if there is none yet."""
    found = read_newest(folder / CHECKPOINTS / LAST)
    if found is None:
        notices.say(f"{folder} has no checkpoint yet: starts from the beginning")
        return None, {}
    file, content, wrong = found
    record = record_of(content, file)
    notices.say(*wrong, *mend(folder), f"resumes from {file}, outer step {content['global_step']}")
    identity.restore(folder, record.get("wandb"))
    return file, content


def _fit(made: experiment.Experiment, checkpoint: Path | None) -> None:
    """Trains, from a checkpoint if there is one; what is wrong with that is said in one line."""
    try:
        made.trainer.fit(made.learner, made.data, ckpt_path=checkpoint, weights_only=True)
    except Exception:
        if checkpoint is None or made.trainer.train_dataloader is not None:  # it has trained since
            raise
        with restored.rebuilding(checkpoint, "a state that can be resumed"):
            raise


def _chosen(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The checkpoint that validation chose, or the best one that is left, and what it holds."""
    try:
        file, content, said = best_of(folder)
    except UserError as error:
        found = read_newest(folder / CHECKPOINTS / LAST)
        if found is None:
            raise
        file, content, _ = found
        said = [str(error), f"takes {file.name} instead of the best one"]
    if said:
        notices.say(*said)
    record_of(content, file)
    return file, content


def _check_processes(processes: int) -> None:
    if HydraConfig.get().mode == RunMode.MULTIRUN and processes > 1:
        raise UserError(
            "--multirun gives each member one device: further processes of a member would start "
            "the whole sweep again. Use trainer=auto, or run the members one by one."
        )
