"""Layers that know about tasks, and what PyTorch's own layers need to run inside an inner loop."""
