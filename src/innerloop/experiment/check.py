"""Checks a whole configuration, before anything is built from it."""

import json

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pydantic import ValidationError

from innerloop.errors import UserError
from innerloop.experiment import targets
from innerloop.experiment.mistakes import first_mistake
from innerloop.experiment.plain import PlainDict, plain_dict
from innerloop.experiment.schema import Configuration
from innerloop.experiment.shown import shown

#: keys of `dataset` that are no arguments
DESCRIPTIVE = ("input_shape", "observation_shape", "parts", "resized_to")
SUPPLIED = {  #: arguments that the program itself passes to a part
    "dataset": ("parts",),
    "model": ("outputs",),
    "algorithm": ("model", "objective"),
    "outer.optimizer": ("params",),
    "outer.scheduler": ("optimizer",),
}


def check(config: DictConfig) -> DictConfig:
    """Returns the configuration unchanged, if the program can use every value.

    Raises:
        UserError: for the first key that is unknown or missing, or whose value does not fit.
    """
    raw = plain_dict(config, resolve=False)
    raw.pop("hydra", None)
    content = plain_dict(OmegaConf.create(raw))
    try:
        Configuration.model_validate_json(json.dumps(content, default=str))
    except ValidationError as errors:
        raise UserError(first_mistake(errors, content)) from None
    _check_folder(content["paths"]["run"])
    for key, part in _targets(content):
        targets.check(part, key, _supplied(key, part))
    return config


def _check_folder(run: str) -> None:
    if not HydraConfig.initialized():
        return
    runtime = HydraConfig.get().runtime
    if not OmegaConf.is_missing(runtime, "output_dir") and run != runtime.output_dir:
        raise UserError(f"paths.run={shown(run)}: a run's folder is chosen with hydra.run.dir=.")


def _supplied(key: str, part: PlainDict) -> tuple[str, ...]:
    if key.startswith("callbacks.") and "_partial_" in part:
        return "monitor", "mode"
    return SUPPLIED.get(key, ())


def _targets(content: PlainDict) -> list[tuple[str, PlainDict]]:
    """Every part that is built, with its key."""
    dataset, outer = content["dataset"], content["outer"]
    parts = {
        "dataset": {k: v for k, v in dataset.items() if k not in DESCRIPTIVE},
        "encoder": content.get("encoder"),
        "objective": content["objective"],
        "model": content["model"],
        "algorithm": content["algorithm"],
        "outer.optimizer": outer["optimizer"],
        "outer.scheduler": outer["scheduler"],
        "trainer.strategy": content["trainer"]["strategy"],
        "trainer.profiler": content["trainer"].get("profiler"),
    }
    for group in ("callbacks", "logger"):
        parts |= {f"{group}.{name}": part for name, part in content[group].items()}
    return [(key, part) for key, part in parts.items() if isinstance(part, dict)]
