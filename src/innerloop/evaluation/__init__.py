"""Intervals and the frozen test protocol."""
