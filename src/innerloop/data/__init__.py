"""Data sets, the sampling of their tasks, packed images, downloads, and one data module for all."""
