"""Configurations other than the run's own, composed from the same folders."""

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


def composed(*overrides: str) -> DictConfig:
    """The configuration of `train.py` with these overrides.

    Raises:
        HydraException: for a choice that does not exist.
    """
    own = HydraConfig.get().overrides.hydra if HydraConfig.initialized() else []
    search_path = [override for override in own if override.startswith("hydra.searchpath")]
    return compose("train", [*search_path, *overrides])
