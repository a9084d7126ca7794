"""Sweeps: their members, their studies, and the table at their end."""
