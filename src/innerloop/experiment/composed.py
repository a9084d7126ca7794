"""Configurations other than the run's own, composed from the same folders."""

from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from innerloop.startup import places


def composed(*overrides: str) -> DictConfig:
    """The configuration of `train.py` with these overrides.

    Raises:
        HydraException: for a choice that does not exist.
    """
    return _composed(overrides, with_hydra=False)


def choices(*overrides: str) -> dict[str, str | None]:
    """The choice of every group, such as `{"model": "conv4"}`, with these overrides."""
    hydra = _composed(overrides, with_hydra=True).hydra
    return dict(hydra.runtime.choices)


def searched(method: str) -> dict[str, object]:
    """The search space of `conf/search/METHOD.yaml`: values in Hydra's grammar, by key.

    Raises:
        HydraException: if there is none.
    """
    hydra = _composed([f"search={method}"], with_hydra=True).hydra
    return dict(hydra.sweeper.params)


def _composed(overrides: Sequence[str], with_hydra: bool) -> DictConfig:
    if not GlobalHydra.instance().is_initialized():  # in a notebook that loads a run
        with initialize_config_dir(str(places.conf()), version_base="1.3"):
            return compose("train", list(overrides), return_hydra_config=with_hydra)
    own = HydraConfig.get().overrides.hydra if HydraConfig.initialized() else []
    search_path = [override for override in own if override.startswith("hydra.searchpath")]
    return compose("train", [*search_path, *overrides], return_hydra_config=with_hydra)
