"""Members whose process died where a launcher waits for what it returns."""

from collections.abc import Callable
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus, filter_overrides
from omegaconf import DictConfig

from innerloop.sweeping import members


def survived(result: Callable[[], JobReturn], config: DictConfig) -> JobReturn:
    """What a member's process returned; where it died instead, no score and a reason in its folder.

    Arguments:
        result: waits for the process.
        config: the member's, with its number, and Hydra's own part.
    """
    try:
        return result()
    except Exception as error:  # each launcher has its own kinds
        folder = Path(config.hydra.sweep.dir) / str(config.hydra.sweep.subdir)
        _note(folder, " ".join(filter_overrides(config.hydra.overrides.task)), error)
        return JobReturn(status=JobStatus.COMPLETED)


def _note(folder: Path, overrides: str, error: Exception) -> None:
    """The reason, unless the member itself could still write a better one."""
    before = members.unfinished(folder)
    if before is None or before.reason in (members.SILENT_END, members.RUNNING):
        command = before.command if before else overrides
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        members.note(folder, command, f"its process died ({type(error).__name__}: {first.strip()})")
