"""Sections of the configuration: their keys, types and ranges."""
