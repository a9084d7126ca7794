"""A run as a member of a sweep: new, or begun or finished by an earlier call of the sweep."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig

from innerloop.errors import UserError
from innerloop.experiment import notices, restored, stored
from innerloop.machine import lock
from innerloop.sweeping import members


class EarlierAttempt(NamedTuple):
    """What an earlier call of the sweep did of a member."""

    score: float | None = None  #: of validation, if the member is finished
    begun: bool = False  #: whether it began without finishing; a checkpoint may still be missing


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Locks the folder of a member, and writes the reason there if it does not finish.

    Outside a sweep it does nothing: `startup.folder_check` has locked the folder of the run.

    Raises:
        UserError: if another process runs the member.
    """
    if not notices.in_sweep():
        yield
        return
    with lock.held(folder), members.reason_kept(folder, notices.command()):
        yield


def earlier_attempt(config: DictConfig) -> EarlierAttempt:
    """What the folder of a member holds from an earlier call of the sweep.

    Raises:
        UserError: if the folder holds a run with another configuration.
    """
    folder = Path(config.paths.run)
    if not notices.in_sweep():
        return EarlierAttempt()
    if (folder / members.DONE).exists():
        from innerloop.reporting import finished  # imports pydantic, which a new run does not need

        results = finished.read(folder).results
        _check_same(config, folder, results.seed, results.configuration)
        if results.missing:
            return EarlierAttempt(begun=True)
        notices.say(f"{folder} is finished already")
        return EarlierAttempt(results.checkpoint.validation.get(results.metric.name))
    if (folder / stored.KEPT).exists():
        old = restored.of_run(folder, config.trust, config)
        _check_same(config, folder, old.seed, stored.fingerprint(old))
        return EarlierAttempt(begun=True)
    return EarlierAttempt()


def _check_same(config: DictConfig, folder: Path, seed: int, fingerprint: str | None) -> None:
    if (seed, fingerprint) != (config.seed, stored.fingerprint(config)):
        raise UserError(
            f"{folder} holds a run with another configuration: sweep.resume=true resumes only the "
            "same sweep. Give another one its own hydra.sweep.dir=FOLDER."
        )
