"""Sends finished figures to the loggers that accept pictures."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from lightning.pytorch.loggers import Logger


def send(loggers: Iterable[Logger], pictures: Mapping[str, Path], step: int) -> None:
    """Sends each picture to every logger with `log_image`, such as W&B's, and to TensorBoard.

    Arguments:
        pictures: files by name, such as `figures/episode`.
        step: outer step that the pictures belong to.
    """
    for logger in loggers:
        experiment: object = getattr(logger, "experiment", None)
        for name, path in pictures.items():
            if hasattr(logger, "log_image"):
                logger.log_image(key=name, images=[str(path)])
            elif hasattr(experiment, "add_image"):
                import numpy as np
                from PIL import Image

                pixels = np.asarray(Image.open(path).convert("RGB"))
                experiment.add_image(name, pixels, step, dataformats="HWC")
        if hasattr(experiment, "flush"):
            experiment.flush()
