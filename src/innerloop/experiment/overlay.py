"""The stored configuration of a run, with the changes that the command line may make to it."""

import os

from omegaconf import DictConfig, OmegaConf

from innerloop.errors import UserError
from innerloop.experiment.plain import plain_dict
from innerloop.startup.keys import Role, having, role


def overlay(
    stored: DictConfig,
    composed: DictConfig,
    overrides: list[str],
    allowed: Role,
    own: str,
) -> DictConfig:
    """The stored configuration, with those values of `composed` that the command line gave.

    Arguments:
        stored: the configuration of the run; it is changed in place.
        composed: the configuration of this program; it gives the folders.
        overrides: those of the command line, such as `trainer=cpu`.
        allowed: the role of keys that may change.
        own: the key that named the run, such as `resume`.

    Raises:
        UserError: for an override of any other key.
    """
    data = stored.paths.data
    for override in overrides:
        key = _key(override)
        if key in (own, "trust") or key.startswith("hydra"):
            continue
        _check_override(override, allowed, own)
        OmegaConf.update(stored, key, _raw(composed, key), merge=False, force_add=True)
    stored.paths = OmegaConf.to_container(composed.paths, resolve=True)
    if "INNERLOOP_DATA" not in os.environ and not any(
        o.startswith("paths.data=") for o in overrides
    ):
        stored.paths.data = data
    return stored


def _key(override: str) -> str:
    """The dotted key of an override: `model` of `+model=conv4`."""
    return override.split("=", 1)[0].lstrip("+~").split("@")[0].replace("/", ".")


def _check_override(override: str, allowed: Role, own: str) -> None:
    if allowed not in role(_key(override)):
        raise UserError(
            f"{override}: {own}= keeps the run's own configuration. Only "
            f"{', '.join(having(allowed))} may be changed (those of dataset as +dataset.path=). "
            "evaluate.py also tests on another data set, with dataset=NAME."
        )
    if override.startswith("~"):
        raise UserError(f"{override}: {own}= can change values, but not remove them.")


def _raw(config: DictConfig, key: str) -> object:
    """The value of a dotted key before interpolation."""
    *sections, last = key.split(".")
    section = plain_dict(config, resolve=False)
    for name in sections:
        section = section[name]
    return section[last]
