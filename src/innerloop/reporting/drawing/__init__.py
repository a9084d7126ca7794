"""The panels of figures: one kind in each file."""
