"""A digest of everything that a learner sees of a split of images."""

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from innerloop.tasks import Episode

if TYPE_CHECKING:
    from innerloop.data.images import ImageClasses


def digest(source: "ImageClasses", split: str) -> str:
    """SHA-256 of the split's images, classes, borders and normalisation, and of a few tasks.

    It does not depend on where the files are stored, nor on their times.
    """
    pack = source.pack
    seen = {
        "images": pack.checksum(split),
        "shape": pack.images(split).shape[1:],
        "classes": pack.classes(split),
        "counts": pack.counts(split).tolist(),
        "normalised": [source.mean.tolist(), source.std.tolist()],
        "rotations": source.rotations,
        "drawn": _digest_of_tasks(source, split) if pack.counts(split).min() > 1 else None,
    }
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _digest_of_tasks(source: "ImageClasses", split: str) -> str:
    """SHA-256 of a few tasks as the learner sees them: a subclass may draw or transform others."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tasks = source.tasks(split, np.arange(4), Episode(1, 1, 1), 0)
        inputs = [source.transform(examples.inputs) for examples in tasks]
    sha256 = hashlib.sha256()
    for values in tree_leaves(inputs):  # rounded, as machines differ in the last digits
        sha256.update((np.round(values.double().numpy(), 3) + 0.0).tobytes())
    return sha256.hexdigest()
