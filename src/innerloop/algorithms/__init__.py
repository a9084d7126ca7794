"""The outer loop, shared, and one file per algorithm."""
