"""One run, from its configuration and its folder to its results."""
