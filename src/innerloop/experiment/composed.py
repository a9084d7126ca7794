"""Configurations other than the run's own, composed from the same folders."""

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
    if not GlobalHydra.instance().is_initialized():  # in a notebook that loads a run
        with initialize_config_dir(str(places.conf()), version_base="1.3"):
            return compose("train", list(overrides))
    own = HydraConfig.get().overrides.hydra if HydraConfig.initialized() else []
    search_path = [override for override in own if override.startswith("hydra.searchpath")]
    return compose("train", [*search_path, *overrides])
