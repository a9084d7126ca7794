"""Members whose process dies while a launcher waits for their results."""

from collections.abc import Callable
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus, filter_overrides
from omegaconf import DictConfig

from innerloop.sweeping import members


def wait_for(result: Callable[[], JobReturn], config: DictConfig) -> JobReturn:
    """The result of a member; if its process dies, no score, and its folder keeps the reason.

    Arguments:
        result: waits for the process and returns its result.
        config: of the member, with its number and Hydra's own part.
    """
    try:
        return result()
    except Exception as error:  # each launcher raises its own kinds
        folder = Path(config.hydra.sweep.dir) / str(config.hydra.sweep.subdir)
        _write_reason(folder, " ".join(filter_overrides(config.hydra.overrides.task)), error)
        return JobReturn(status=JobStatus.COMPLETED)


def _write_reason(folder: Path, overrides: str, error: Exception) -> None:
    """Writes the reason, unless the member itself has written a better one."""
    before = members.unfinished(folder)
    if before is None or before.reason in (members.SILENT_END, members.RUNNING):
        command = before.command if before else overrides
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        members.write_reason(
            folder, command, f"its process died ({type(error).__name__}: {first.strip()})"
        )
