"""Weights & Biases: what a run is there, what it sends, and how a project is shown."""
