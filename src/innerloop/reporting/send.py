"""Sends finished figures to the loggers that take pictures."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def send(loggers: Iterable[Any], pictures: Mapping[str, Path], step: int) -> None:
    """Each picture by its name: to W&B and whatever else has `log_image`, and to TensorBoard.

    Arguments:
        pictures: files by name, such as `figures/episode`.
        step: outer step that the pictures belong to.
    """
    for logger in loggers:
        for name, path in pictures.items():
            if hasattr(logger, "log_image"):
                logger.log_image(key=name, images=[str(path)])
            elif hasattr(logger.experiment, "add_image"):
                import numpy as np
                from PIL import Image

                pixels = np.asarray(Image.open(path).convert("RGB"))
                logger.experiment.add_image(name, pixels, step, dataformats="HWC")
        if hasattr(logger.experiment, "flush"):
            logger.experiment.flush()
