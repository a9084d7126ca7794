"""Weights & Biases: the identity of a run, what it sends, and how a project is shown."""
