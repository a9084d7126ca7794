"""A configuration that comes from a file, a run's or a checkpoint's: checked, and built again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from innerloop.engines import memory
from innerloop.errors import UserError, visible
from innerloop.run import notices
from innerloop.run.trust import check
from innerloop.startup.command import explain
from innerloop.startup.older import current
from innerloop.startup.run_folder import KEPT, not_a_run

PARTS = (  # without which it is no configuration
    "algorithm", "dataset", "engine", "episode", "evaluation", "model", "names", "objective",
    "outer", "paths", "trainer",
)  # fmt: skip
CONFIGURATION = "a configuration that innerloop can use"
MOST, DEEPEST = 20_000, 40  #: values of a configuration, and how deep they may lie


def of_run(folder: Path, trust: bool = False, here: DictConfig | None = None) -> DictConfig:
    """The configuration that a run's folder holds; see `from_file`.

    Raises:
        UserError: if the folder is not a run's.
    """
    file = folder / KEPT
    if not file.is_file():
        raise UserError(not_a_run(folder))
    try:
        content = yaml.safe_load(file.read_text())
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(_not_one(file, error)) from error
    return from_file(content, file, trust, here)


def from_file(
    content: Any, origin: Path, trust: bool = False, here: DictConfig | None = None
) -> DictConfig:
    """A configuration that comes from a file: the one place that lets it in.

    Arguments:
        content: plain values, as `innerloop.run.stored` wrote them or a stranger did.
        origin: the file that they come from.
        trust: whether it may name whatever it likes, see `innerloop.run.trust`.
        here: the composed configuration of this program, if it has one.

    Raises:
        UserError: if it is no configuration, or may not run what it names.
    """
    content = current(content)
    try:
        _check_shape(content)
        if passed := check(content, str(origin), trust, here):
            notices.say(*passed)
        config = OmegaConf.create(content)
        OmegaConf.to_container(config, resolve=True)
    except UserError:
        raise
    except Exception as error:  # of OmegaConf's many kinds
        raise UserError(_not_one(origin, error)) from error
    assert isinstance(config, DictConfig)
    return config


@contextmanager
def rebuilding(origin: Path, what: str = CONFIGURATION) -> Iterator[None]:
    """What cannot be built from what a file holds is said in one line, with the file.

    Arguments:
        what: the file was to hold.
    """
    try:
        yield
    except Exception as error:
        if explain(error) is not None or isinstance(error, MemoryError) or memory.ran_out(error):
            raise
        raise UserError(_not_one(origin, error, what)) from error


def _check_shape(content: Any) -> None:
    """Raises `ValueError` for what is no configuration, or larger than any."""
    parts = {key: content.get(key) for key in PARTS} if isinstance(content, dict) else {}
    wrong = [key for key, part in parts.items() if not isinstance(part, dict)]
    if not parts or wrong:
        raise ValueError(f"{', '.join(wrong) or 'all'} missing or no group of keys")
    left, seen = [(content, 0)], 0
    while left:
        value, depth = left.pop()
        seen += 1
        if seen > MOST or depth > DEEPEST:
            raise ValueError("more than a configuration can be")
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list | tuple):
            left.extend((part, depth + 1) for part in inner)


def _not_one(origin: Path, error: Exception, what: str = CONFIGURATION) -> str:
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return visible(f"{origin} does not hold {what} ({reason}).")
