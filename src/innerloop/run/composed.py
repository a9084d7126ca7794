"""Other configurations than the run's, composed from the config folders that it has."""

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig


def composed(*overrides: str) -> DictConfig:
    """The configuration of `train.py` with these overrides.

    Raises:
        HydraException: for a choice that does not exist.
    """
    own = HydraConfig.get().overrides.hydra if HydraConfig.initialized() else []
    places = [o for o in own if o.startswith("hydra.searchpath")]
    return compose("train", [*places, *overrides])
