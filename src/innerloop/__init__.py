"""Meta-learning experiments with PyTorch Lightning, Hydra and Weights & Biases."""
