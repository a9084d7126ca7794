"""The training of an experiment, up to the choice of a checkpoint by validation."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from innerloop.callbacks.csv_log import rewind
from innerloop.callbacks.kept import BEST, CHECKPOINTS, LAST, best_of, read_newest
from innerloop.callbacks.rate_change import RateChange
from innerloop.callbacks.record_check import record_of
from innerloop.callbacks.recovery import validates
from innerloop.errors import UserError
from innerloop.experiment import notices, origin, restored, stored, trackers
from innerloop.experiment.experiment import Experiment
from innerloop.experiment.plain import Checkpoint


def train(
    experiment: Experiment, checkpoint: Path | None, content: Checkpoint
) -> tuple[Path, Checkpoint]:
    """Trains, from a checkpoint if there is one, and chooses the best checkpoint by validation.

    With `outer.steps=0` the learner is validated as it is.

    Arguments:
        checkpoint: the file from which the training resumes; None for a new run.
        content: what `checkpoint` holds; empty for a new run.

    Returns:
        the file of the chosen checkpoint, and its content.
    """
    if checkpoint is None:
        _take_over(experiment)
    _check_processes(experiment.trainer.world_size)
    folder = experiment.folder
    stored.save(experiment.plain, folder)
    rewind(folder, content.get("global_step", 0), not validates(content))
    _change_rate(experiment, content)
    trackers.introduce(experiment, step=content.get("global_step", 0))
    if experiment.learner.steps == 0:
        _keep_as_it_is(experiment)
    else:
        _fit(experiment, checkpoint)
    return _chosen(folder)


def _change_rate(experiment: Experiment, content: Checkpoint) -> None:
    """Continues with the rate of the configuration, if the checkpoint's run had another one."""
    if not content:
        return
    configurations = (record_of(content, experiment.folder)["config"], experiment.plain.resolved)
    old, new = (values["outer"]["optimizer"].get("lr") for values in configurations)
    numbers = isinstance(old, int | float) and isinstance(new, int | float)
    if numbers and old > 0 and new != old:
        notices.say(f"continues with the rate {new:g} instead of {old:g}")
        experiment.trainer.callbacks.append(RateChange(old, new))  # type: ignore[attr-defined]


def _take_over(experiment: Experiment) -> None:
    """Copies what a new training takes from other runs."""
    learner = experiment.learner
    if experiment.init_from is not None:
        learner.origin = origin.start_from(experiment.init_from, learner.algorithm)
    teacher = getattr(learner.algorithm, "teacher", None)
    if experiment.distil_from is not None:
        learner.teacher_origin = origin.learn_from(experiment.distil_from, teacher)
    elif teacher is not None and learner.steps > 0:
        raise UserError(
            "This algorithm learns from the answers of a teacher: name the folder of a finished "
            "run of algorithm=rfs and the same model, distil_from=RUN."
        )


def _keep_as_it_is(experiment: Experiment) -> None:
    """Validates a learner that is not trained, and writes it as the best checkpoint."""
    trainer = experiment.trainer
    trainer.validate(experiment.learner, experiment.own.data, verbose=False)
    trainer.save_checkpoint(experiment.folder / CHECKPOINTS / BEST)


def _fit(experiment: Experiment, checkpoint: Path | None) -> None:
    """Trains; an error that is due to the checkpoint is reported in one line."""
    trainer = experiment.trainer
    try:
        trainer.fit(
            experiment.learner, experiment.own.data, ckpt_path=checkpoint, weights_only=True
        )
    except Exception:
        if checkpoint is None or trainer.train_dataloader is not None:  # the training had started
            raise
        with restored.rebuilding(checkpoint, "a state that can be resumed"):
            raise


def _chosen(folder: Path) -> tuple[Path, Checkpoint]:
    """The checkpoint that validation chose, or else the newest undamaged one, and its content."""
    try:
        file, content, remarks = best_of(folder)
    except UserError as error:
        newest = read_newest(folder / CHECKPOINTS / LAST)
        if newest is None:
            raise
        file, content, _ = newest
        remarks = [str(error), f"takes {file.name} instead of the best one"]
    if remarks:
        notices.say(*remarks)
    record_of(content, file)
    return file, content


def _check_processes(processes: int) -> None:
    if HydraConfig.get().mode == RunMode.MULTIRUN and processes > 1:
        raise UserError(
            "--multirun gives each member one device: further processes of a member would start "
            "the whole sweep again. Use trainer=auto, or run the members one by one."
        )
