"""The inner loop as pure functions of a loss, parameters and data."""
