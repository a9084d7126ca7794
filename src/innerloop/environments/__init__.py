"""Environments to act in: pure functions that run many episodes at once."""
