"""Checks a whole configuration once, before anything is built from it."""

import json
from typing import Any, get_args

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from innerloop.errors import UserError
from innerloop.run import targets
from innerloop.run.schema import Configuration
from innerloop.run.shown import shown
from innerloop.run.values import Target
from innerloop.startup.suggestions import dotted, unknown_key

DESCRIPTIVE = ("input_shape",)  #: keys of `dataset` that are not the source's arguments
SUPPLIED = {  #: arguments that the program itself gives to a part
    "model": ("outputs",),
    "algorithm": ("model", "objective"),
    "outer.optimizer": ("params",),
    "outer.scheduler": ("optimizer",),
}


def check(config: DictConfig) -> DictConfig:
    """The same configuration, if every value is one that the program can use.

    Raises:
        UserError: for the first key that is unknown, missing, or has a value it cannot have.
    """
    raw: Any = OmegaConf.to_container(config)
    raw.pop("hydra", None)
    content: Any = OmegaConf.to_container(OmegaConf.create(raw), resolve=True)
    try:
        Configuration.model_validate_json(json.dumps(content, default=str))
    except ValidationError as errors:
        raise UserError(_line(errors, content)) from None
    _check_folder(content["paths"]["run"])
    for key, part in _targets(content):
        judged = ("monitor", "mode") if key.startswith("callbacks.") and "_partial_" in part else ()
        targets.check(part, key, SUPPLIED.get(key, judged))
    return config


def _line(errors: ValidationError, content: dict[str, Any]) -> str:
    """The first mistake in a line; of all that were found, an unknown key says the most."""
    mistakes = errors.errors()
    first = next((e for e in mistakes if e["type"] == "extra_forbidden"), mistakes[0])
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return unknown_key(key, [k for k in dotted(content) if not f"{k}.".startswith(f"{key}.")])
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    key, field, value = _located(first["loc"], content)
    if first["type"] == "missing":
        return f"{key} is missing: give {_wanted(field)}."
    return f"{key}={shown(value)}: give {_wanted(field)}."


def _located(location: tuple[int | str, ...], content: Any) -> tuple[str, FieldInfo | None, Any]:
    """The key that a location leads to, its field in the schema if it has one, and its value.

    pydantic's locations also name the members of unions, and places in lists.
    """
    model: Any = Configuration
    field: FieldInfo | None = None
    path: list[str] = []
    for step in map(str, location):
        fields = {f.alias or name: f for name, f in model.model_fields.items()} if model else {}
        inside = isinstance(content, dict) and step in content
        if step in fields:
            field = fields[step]
            model = _model(field)
        elif inside:
            field, model = None, Target
        else:
            continue
        path.append(step)
        content = content[step] if inside else None
    return ".".join(path), field, content


def _model(field: FieldInfo) -> type[BaseModel] | None:
    kinds = (field.annotation, *get_args(field.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _wanted(field: FieldInfo | None) -> str:
    if field is None:
        return "a part with a _target_"
    model = _model(field)
    if field.description or model is None:
        return field.description or "another value"
    names = [f.alias or name for name, f in model.model_fields.items()]
    return f"a section with {', '.join(names)}"


def _check_folder(run: str) -> None:
    if not HydraConfig.initialized():
        return
    runtime: Any = HydraConfig.get().runtime
    if not OmegaConf.is_missing(runtime, "output_dir") and run != runtime.output_dir:
        raise UserError(f"paths.run={shown(run)}: a run's folder is chosen with hydra.run.dir=.")


def _targets(content: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every part that is built, by its key."""
    dataset, outer = content["dataset"], content["outer"]
    parts = {
        "dataset": {k: v for k, v in dataset.items() if k not in DESCRIPTIVE},
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
