"""Learners that adapt by gradient descent; one file per algorithm."""
