"""Weights & Biases, which must not stop a run that has no key."""

import netrc
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlparse

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers import WandbLogger


def wandb_logger(
    folder: str,
    project: str,
    tags: Sequence[str] = (),
    offline: bool | None = None,
    **options: Any,
) -> WandbLogger:
    """Lightning's logger in the run's folder, offline where no key is set.

    Arguments:
        folder: the run's folder.
        offline: None to decide by the key.
        options: further keywords of `WandbLogger`, such as `group` and `entity`.
    """
    if offline is None:
        offline = not os.environ.get("WANDB_MODE") and not _has_key()
    if offline:
        later = f"wandb sync {folder}/wandb/offline-run-*"
        rank_zero_only(print)(f"W&B has no key and stays offline; later: {later}")
    return WandbLogger(
        save_dir=folder, project=project, tags=list(tags), offline=offline, **options
    )


def _has_key() -> bool:
    """Whether W&B would find a key: in the environment, or in the netrc file of `wandb login`."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
