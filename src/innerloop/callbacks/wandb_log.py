"""Weights & Biases, which must not stop a run that has no key."""

import os
from collections.abc import Sequence
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from innerloop.errors import UserError


def wandb_logger(
    folder: str, project: str, tags: Sequence[str] = (), **options: Any
) -> WandbLogger:
    """Lightning's logger, offline where no key is set, with the run's folder as its place.

    Arguments:
        folder: the run's folder.
        options: further keywords of `WandbLogger`, such as `group` and `entity`.
    """
    try:
        import wandb
    except ImportError:
        raise UserError(
            "logger=wandb needs the package wandb: install it, or use logger=csv."
        ) from None
    offline = options.pop("offline", None)
    if offline is None:
        has_key = os.environ.get("WANDB_API_KEY") or wandb.api.api_key
        offline = not has_key and not os.environ.get("WANDB_MODE")
    return WandbLogger(
        save_dir=folder, project=project, tags=list(tags), offline=bool(offline), **options
    )
