"""Other data sets than its own on which a run's learner is tested: which ones, and whether it can.

Of another data set only its `dataset` block and its objective count. The sizes of tasks, the model
and the numbers of inner steps that its yaml file also sets stay those of the run, or one would
compare two things at once.
"""

from typing import Any

from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf

from innerloop.errors import UserError, one_line
from innerloop.run.composed import composed
from innerloop.run.shown import shown
from innerloop.startup.suggestions import similar


def others(config: DictConfig) -> dict[str, DictConfig]:
    """The run's configuration with each data set of `evaluation.on` in the place of its own.

    Raises:
        UserError: for a data set that does not exist, or on which the learner cannot be tested.
    """
    asked = dict.fromkeys(config.evaluation.get("on", []))
    names = [name for name in asked if name != config.names.dataset]
    return {name: moved(config, name, _of(name), f"evaluation.on=[{name}]") for name in names}


def moved(config: DictConfig, name: str, elsewhere: DictConfig, asked: str) -> DictConfig:
    """A copy of a run's configuration with another data set in the place of its own.

    Arguments:
        name: of the other data set.
        elsewhere: a configuration with that data set.
        asked: what the user typed, for messages.

    Raises:
        UserError: if the run's learner cannot be tested on it.
    """
    if "objective" not in elsewhere:
        raise UserError(
            f"{asked}: its yaml file chooses no objective: add `override /objective: "
            "classification` to its defaults."
        )
    other = config.copy()
    other.dataset, other.names.dataset = OmegaConf.to_container(elsewhere.dataset), name
    other.objective = OmegaConf.to_container(elsewhere.objective)
    _check_filled(other, name, asked)
    _check_same(config, other, "dataset.input_shape", asked)
    _check_same(config, other, "objective", asked)
    return other


def _of(name: str) -> DictConfig:
    """The default configuration with a data set, before interpolation."""
    try:
        return composed(f"dataset={name}")
    except MissingConfigException as error:
        options = list(error.options or [])
        close = similar(name, options)
        mean = f" Did you mean {close}?" if close else ""
        raise UserError(
            f"evaluation.on=[{shown(name)}]: there is no such data set.{mean} "
            f"There are {', '.join(options)}."
        ) from error
    except HydraException as error:
        raise UserError(f"evaluation.on=[{shown(name)}]: {one_line(error)}") from error


def _check_filled(other: DictConfig, name: str, asked: str) -> None:
    missing = sorted(OmegaConf.missing_keys(other.dataset))
    if missing:
        raise UserError(
            f"{asked}: dataset.{missing[0]} has no value there. Test on it afterwards, with "
            f"python src/evaluate.py ckpt_path=RUN dataset={name} dataset.{missing[0]}=VALUE."
        )


def _check_same(config: DictConfig, other: DictConfig, key: str, asked: str) -> None:
    """Raises `UserError` where the two data sets differ in what the learner was built for."""
    ours, theirs = _plain(config, key), _plain(other, key)
    if ours != theirs:
        raise UserError(
            f"{asked}: its {key} is {shown(theirs)}, and the learner was trained for "
            f"{shown(ours)}. Choose a data set in which they are the same."
        )


def _plain(config: DictConfig, key: str) -> Any:
    value = OmegaConf.select(config, key)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
