"""Learners that train as plain classifiers and are transferred; one file per algorithm."""
