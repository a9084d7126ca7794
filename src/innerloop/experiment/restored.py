"""Configurations that come from a run's folder or a checkpoint: checked, then built again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf

from innerloop.engines import memory
from innerloop.errors import UserError, visible
from innerloop.experiment import notices
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.trust import check
from innerloop.startup import resolvers
from innerloop.startup.command import explain
from innerloop.startup.older import current
from innerloop.startup.run_folder import KEPT, not_a_run

PARTS = (  # a configuration has all of them
    "algorithm", "dataset", "engine", "episode", "evaluation", "model", "names", "objective",
    "outer", "paths", "trainer",
)  # fmt: skip
CONFIGURATION = "a configuration that innerloop can use"
MOST, DEEPEST = 20_000, 40  #: most values of a configuration, and most levels


def of_run(folder: Path, trust: bool = False, here: DictConfig | None = None) -> DictConfig:
    """The configuration that a run's folder holds; see `from_file`.

    Raises:
        UserError: if it is not the folder of a run.
    """
    file = folder / KEPT
    if not file.is_file():
        raise UserError(not_a_run(folder))
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(_unusable(file, error)) from error
    return from_file(content, file, trust, here)


def from_file(
    content: object, origin: Path, trust: bool = False, here: DictConfig | None = None
) -> DictConfig:
    """A configuration that comes from a file; every such configuration passes through here.

    Arguments:
        content: plain values, written by `innerloop.experiment.stored` or by a stranger.
        origin: the file that they come from.
        trust: whether it may run any code, see `innerloop.experiment.trust`.
        here: the composed configuration of this program, if it has one.

    Raises:
        UserError: if it is not a configuration, or names code that it may not run.
    """
    resolvers.register()  # scripts do so themselves; a notebook that loads a run does not
    try:
        values = _checked(content)
        if passed := check(values, str(origin), trust, here):
            notices.say(*passed)
        config = OmegaConf.create(values)
        OmegaConf.to_container(config, resolve=True)
    except UserError:
        raise
    except Exception as error:  # OmegaConf raises many kinds
        raise UserError(_unusable(origin, error)) from error
    return config


@contextmanager
def rebuilding(origin: Path, what: str = CONFIGURATION) -> Iterator[None]:
    """Turns an error of building from a file into a `UserError` that names the file.

    Arguments:
        what: the file should hold.
    """
    try:
        yield
    except Exception as error:
        if explain(error) is not None or isinstance(error, MemoryError) or memory.ran_out(error):
            raise
        raise UserError(_unusable(origin, error, what)) from error


def _checked(content: object) -> PlainDict:
    """The content; raises `ValueError` if it is not a configuration."""
    if not isinstance(content, dict):
        raise ValueError("it is not a mapping of keys to values")
    content = dict(current(content))
    wrong = [key for key in PARTS if not isinstance(content.get(key), dict)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} missing or not a group of keys")
    _check_size(content)
    return content


def _check_size(content: PlainDict) -> None:
    """Raises `ValueError` for more values or levels than a configuration can have."""
    pending: list[tuple[object, int]] = [(content, 0)]
    seen = 0
    while pending:
        value, depth = pending.pop()
        seen += 1
        if seen > MOST or depth > DEEPEST:
            raise ValueError("larger than a configuration can be")
        children = list(value.values()) if isinstance(value, dict) else value
        if isinstance(children, list | tuple):
            pending.extend((child, depth + 1) for child in children)


def _unusable(origin: Path, error: Exception, what: str = CONFIGURATION) -> str:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return visible(f"{origin} does not hold {what} ({reason}).")
