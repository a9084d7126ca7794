"""Callbacks, loggers and checkpoint files that Lightning lacks."""
