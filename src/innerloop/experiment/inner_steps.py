"""Whether a configured learner adapts by inner steps."""

from hydra.utils import get_class
from omegaconf import DictConfig


def has_inner_steps(config: DictConfig) -> bool:
    """Whether it has a score at every inner step; others may be compared at any."""
    return bool(get_class(config.algorithm._target_).adapts_by_steps)  # type: ignore[attr-defined]
