"""Texts as rows of bytes, so that packs and samplers treat them as they treat images."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

LENGTH = 512  #: bytes of a row; a longer text is cut


def encoded(texts: Sequence[str]) -> np.ndarray:
    """Texts as `(n, 1, LENGTH, 1)` uint8: UTF-8, filled up with zeros.

    Example:
        >>> decoded(torch.from_numpy(encoded(["good morning", "¿qué?"])))
        ['good morning', '¿qué?']
    """
    rows = np.zeros((len(texts), LENGTH), np.uint8)
    for row, text in zip(rows, texts, strict=True):
        content = np.frombuffer(text.encode()[:LENGTH], np.uint8)
        row[: len(content)] = content
    return rows[:, None, :, None]


def decoded(rows: Tensor) -> list[str]:
    """The texts of rows of bytes, of any shape with the rows first."""
    flat = rows.to(torch.uint8).reshape(len(rows), -1).cpu().numpy()
    return [row.tobytes().rstrip(b"\0").decode("utf-8", "ignore") for row in flat]
