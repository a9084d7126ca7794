"""Meta-learning experiments with PyTorch Lightning, Hydra and Weights & Biases."""

from innerloop.startup.notebook import Run, run

__all__ = ["Run", "run"]
