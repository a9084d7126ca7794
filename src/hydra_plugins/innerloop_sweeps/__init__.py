"""Plugins for Hydra: launchers that survive the death of a member, and a sweeper."""
