"""The overrides of a command line: in an order that Hydra takes, and what is wrong with them.

Imports nothing heavy.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from innerloop.errors import one_line
from innerloop.startup.suggestions import dotted, similar, unknown_key

CONF = Path(__file__).resolve().parents[3] / "conf"
OPTIONS = ("--multirun", "-m")  #: that may stand anywhere
UNKNOWN = re.compile(r"(?:Could not override|Could not delete from config\.) '([^']*)'")
CHOSEN = re.compile(r"Multiple values for ([\w/@]+)\.|([\w/@]+) appears more than once")


def options_first(words: Sequence[str]) -> list[str]:
    """The same words with Hydra's options first: after an override it would not know them."""
    return sorted(words, key=lambda word: word not in OPTIONS)


def explained(error: BaseException) -> str:
    """What Hydra or OmegaConf says of an override, in a line that names what would work."""
    text = str(error)
    if isinstance(error, MissingConfigException) and error.options:
        return _choice(str(error.missing_cfg_file), error.options)
    if found := UNKNOWN.match(text):
        return unknown_key(found[1], known())
    if found := CHOSEN.match(text):
        group = found[1] or found[2]
        return f"+{group}=: a choice of {group} is there already, so leave out the +."
    said = one_line(Exception(text.split("Config search path")[0]))
    if error.__cause__ is not None:
        said = f"{said}: {one_line(error.__cause__)}"
    if isinstance(error, HydraException | OmegaConfBaseException):
        return said
    return f"Hydra cannot apply one of {' '.join(sys.argv[1:])}: {said}"


def known() -> list[str]:
    """The dotted keys of the configuration with the choices that the command line makes."""
    groups = {str(p.relative_to(CONF)) for p in CONF.rglob("*") if p.is_dir()}
    words = [w for w in sys.argv[1:] if w.split("=")[0] in (*groups, "hydra.searchpath")]
    name = "evaluate" if Path(sys.argv[0]).stem == "evaluate" else "train"
    content: Any = OmegaConf.to_container(_composed(name, words))
    return [*dotted(content), *groups - set(content)]


def _composed(name: str, words: list[str]) -> Any:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            return compose(name, words)
        except Exception:  # one of the choices is a mistake, too
            return compose(name)


def _choice(file: str, options: Sequence[str]) -> str:
    group, _, choice = file.rpartition("/")
    close = similar(choice, options)
    mean = f" Did you mean {group}={close}?" if close else ""
    return f"{group}={choice} is not a choice.{mean} There are {', '.join(options)}."
