"""Measurements inside a learner while it adapts."""
