"""Learners whose classifier of a task is an exact solution; one file per algorithm."""
