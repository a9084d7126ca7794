"""A run as a member of a sweep: done before, half done before, or new."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from innerloop.errors import UserError
from innerloop.machine import lock
from innerloop.run import notices, restored, stored
from innerloop.sweeping import members


class Earlier(NamedTuple):
    """What the sweep, when it ran before, left of a member."""

    score: float | None = None  #: of validation, where the member is done
    begun: bool = False  #: whether it is half done; it may still be without a checkpoint


@contextmanager
def noted(folder: Path) -> Iterator[None]:
    """Locks a member's folder, and leaves the reason there if it does not finish.

    Outside of a sweep nothing happens: `startup.folder_check` has locked the run's folder.

    Raises:
        UserError: if another process runs the member.
    """
    if not _in_sweep():
        yield
        return
    with lock.held(folder), members.recorded(folder, notices.command()):
        yield


def earlier(config: DictConfig) -> Earlier:
    """What is there of a member: in its sweep's folder nothing else may be.

    Raises:
        UserError: if the folder holds a run with another configuration.
    """
    folder = Path(config.paths.run)
    if not _in_sweep():
        return Earlier()
    if (folder / members.DONE).exists():
        from innerloop.reporting import finished  # pydantic, which a run's start does without

        results = finished.read(folder).results
        _check(config, folder, results.seed, results.configuration)
        if results.missing:
            return Earlier(begun=True)
        notices.say(f"{folder} is done already")
        return Earlier(results.checkpoint.validation.get(results.metric.name))
    if (folder / stored.KEPT).exists():
        old = restored.of_run(folder, config.trust, config)
        _check(config, folder, old.seed, stored.fingerprint(old))
        return Earlier(begun=True)
    return Earlier()


def _in_sweep() -> bool:
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def _check(config: DictConfig, folder: Path, seed: int, fingerprint: str | None) -> None:
    if (seed, fingerprint) != (config.seed, stored.fingerprint(config)):
        raise UserError(
            f"{folder} holds a run with another configuration: sweep.resume=true goes on with the "
            "same sweep. Give another one its own hydra.sweep.dir=FOLDER."
        )
