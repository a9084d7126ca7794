"""The overrides of a command line: put into the order that Hydra needs, and their mistakes.

Imports nothing heavy.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from innerloop.errors import one_line
from innerloop.startup import places
from innerloop.startup.suggestions import dotted, similar, unknown_key

CONF = places.conf()
OPTIONS = ("--multirun", "-m")  #: options that may stand anywhere
UNKNOWN = re.compile(r"(?:Could not override|Could not delete from config\.) '([^']*)'")
CHOSEN = re.compile(r"Multiple values for ([\w/@]+)\.|([\w/@]+) appears more than once")


def options_first(words: Sequence[str]) -> list[str]:
    """The same words with Hydra's options first: Hydra rejects them after an override."""
    return sorted(words, key=lambda word: word not in OPTIONS)


def explained(error: BaseException) -> str:
    """An error of Hydra or OmegaConf about an override, as a line that names what would work."""
    text = str(error)
    if isinstance(error, MissingConfigException) and error.options:
        return _choice(str(error.missing_cfg_file), error.options)
    if match := UNKNOWN.match(text):
        return unknown_key(match[1], known())
    if match := CHOSEN.match(text):
        group = match[1] or match[2]
        return f"+{group}=: a choice of {group} is there already, so leave out the +."
    message = one_line(Exception(text.split("Config search path")[0]))
    if error.__cause__ is not None:
        message = f"{message}: {one_line(error.__cause__)}"
    if isinstance(error, HydraException | OmegaConfBaseException):
        return message
    return f"Hydra cannot apply one of {' '.join(sys.argv[1:])}: {message}"


def known() -> list[str]:
    """The dotted keys of the configuration, with the choices of the command line."""
    groups = {str(p.relative_to(CONF)) for p in CONF.rglob("*") if p.is_dir()}
    words = [w for w in sys.argv[1:] if w.split("=")[0] in (*groups, "hydra.searchpath")]
    name = "evaluate" if Path(sys.argv[0]).stem == "evaluate" else "train"
    config = _composed(name, words)
    return [*dotted(OmegaConf.to_container(config)), *groups - {str(key) for key in config}]


def _composed(name: str, words: list[str]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            return compose(name, words)
        except Exception:  # one of the choices is wrong as well
            return compose(name)


def _choice(file: str, options: Sequence[str]) -> str:
    group, _, choice = file.rpartition("/")
    close = similar(choice, options)
    hint = f" Did you mean {group}={close}?" if close else ""
    return f"{group}={choice} is not a choice.{hint} There are {', '.join(options)}."
