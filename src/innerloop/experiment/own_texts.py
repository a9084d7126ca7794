"""Targets and interpolations of the user's own configuration."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

TARGET = "_target_"


def own_texts(here: DictConfig) -> set[str]:
    """Targets and interpolations of the composed configuration and of the config folders."""
    texts = set(_texts(OmegaConf.to_container(here)))
    sources = HydraConfig.get().runtime.config_sources if HydraConfig.initialized() else ()
    for source in sources:
        if source.schema in ("file", "pkg") and source.provider != "hydra":
            texts |= _targets_below(source.path, in_package=source.schema == "pkg")
    return texts


def _targets_below(name: str, in_package: bool) -> set[str]:
    """All targets in the yaml files of a folder, or of a package's folder such as `mine/conf`."""
    folder = files(name.replace("/", ".")) if in_package else name
    contents = [yaml.safe_load(file.read_text()) for file in Path(str(folder)).rglob("*.yaml")]
    return {text for content in contents for text in _texts(content, targets=True)}


def _texts(value: object, targets: bool = False) -> Iterator[str]:
    """All targets and, unless `targets` is set, all other texts with an interpolation."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == TARGET and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner, targets)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, targets)
    elif isinstance(value, str) and "${" in value and not targets:
        yield value
