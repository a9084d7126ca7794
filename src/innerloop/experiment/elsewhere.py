"""Tests on data sets other than the run's own: which ones, and whether the learner fits them.

Only the `dataset` block and the objective come from the other data set. The sizes of tasks, the
model and the numbers of inner steps, which its yaml file also sets, stay those of the run:
otherwise a comparison would change two things at once.
"""

from collections.abc import Sequence

from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf

from innerloop.errors import UserError, one_line
from innerloop.experiment.composed import composed
from innerloop.experiment.plain import plain_dict
from innerloop.experiment.shown import shown
from innerloop.startup.suggestions import similar


def configurations(config: DictConfig) -> dict[str, DictConfig]:
    """The run's configuration with each data set of `evaluation.on` instead of its own, by name.

    Raises:
        UserError: for a data set that does not exist, or on which the learner cannot be tested.
    """
    requested = dict.fromkeys(config.evaluation.get("on", []))
    names = [name for name in requested if name != config.names.dataset]
    return {
        name: with_data_set(
            config=config,
            name=name,
            source=default(name, override := f"evaluation.on=[{shown(name)}]"),
            override=override,
        )
        for name in names
    }


def with_data_set(config: DictConfig, name: str, source: DictConfig, override: str) -> DictConfig:
    """A copy of a run's configuration with another data set instead of its own.

    Arguments:
        name: of the other data set.
        source: a configuration with that data set.
        override: what the user typed, for messages.

    Raises:
        UserError: if the run's learner cannot be tested on it.
    """
    if "objective" not in source:
        raise UserError(
            f"{override}: its yaml file chooses no objective: add `override /objective: "
            "classification` to its defaults."
        )
    changed = config.copy()
    changed.dataset, changed.names.dataset = OmegaConf.to_container(source.dataset), name
    changed.objective = OmegaConf.to_container(source.objective)
    changed.evaluation["on"], changed.evaluation.validation.dataset = [], None
    _check_filled(changed, name, override)
    if config.get("encoder") is None:  # which makes images of any size into features
        if config.evaluation.get("resize", False) or source.evaluation.get("resize", False):
            _resize(changed, config)
        _check_same(config, changed, "dataset.input_shape", override)
    _check_same(config, changed, "objective", override)
    return changed


def part(config: DictConfig, name: str) -> DictConfig:
    """A copy of a configuration with the data set `name`, which is a part of its own."""
    changed = config.copy()
    source = default(name, f"dataset.parts=[{shown(name)}]")
    changed.dataset = OmegaConf.to_container(source.dataset)
    _check_filled(changed, name, f"dataset.parts=[{name}]")
    return changed


def _resize(changed: DictConfig, config: DictConfig) -> None:
    """Makes the images of a configuration have the shape of those of another."""
    ours, theirs = _value(config, "dataset.input_shape"), _value(changed, "dataset.input_shape")
    if ours != theirs and _is_image(ours) and _is_image(theirs):
        block = plain_dict(changed.dataset, resolve=False)
        changed.dataset = block | {"input_shape": ours, "resized_to": ours}


def _is_image(shape: object) -> bool:
    return isinstance(shape, list) and len(shape) == 3 and shape[0] in (1, 3)


def default(name: str, override: str, more: Sequence[str] = ()) -> DictConfig:
    """The default configuration with a data set, before interpolation.

    Arguments:
        name: of the data set.
        override: what the user typed, for messages.
        more: further overrides, such as `dataset.path=FOLDER`.

    Raises:
        UserError: if there is no such data set.
    """
    try:
        return composed(f"dataset={name}", *more)
    except MissingConfigException as error:
        options = list(error.options or [])
        close = similar(name, options)
        suggestion = f" Did you mean {close}?" if close else ""
        raise UserError(
            f"{override}: there is no such data set.{suggestion} There are {', '.join(options)}."
        ) from error
    except HydraException as error:
        raise UserError(f"{override}: {one_line(error)}") from error


def _check_filled(config: DictConfig, name: str, override: str) -> None:
    missing = sorted(OmegaConf.missing_keys(config.dataset))
    if missing:
        raise UserError(
            f"{override}: dataset.{missing[0]} has no value there. Test on it afterwards, with "
            f"python src/evaluate.py ckpt_path=RUN dataset={name} dataset.{missing[0]}=VALUE."
        )


def _check_same(config: DictConfig, changed: DictConfig, key: str, override: str) -> None:
    """Raises `UserError` if the data sets differ in a key that the learner depends on."""
    ours, theirs = _value(config, key), _value(changed, key)
    if ours != theirs:
        raise UserError(
            f"{override}: its {key} is {shown(theirs)}, and the learner was trained for "
            f"{shown(ours)}. Choose a data set in which they are the same"
            f"{_or_resize(ours, theirs)}."
        )


def _or_resize(ours: object, theirs: object) -> str:
    images = _is_image(ours) and _is_image(theirs)
    return ", or evaluation.resize=true" if images else ""


def _value(config: DictConfig, key: str) -> object:
    value = OmegaConf.select(config, key)
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
