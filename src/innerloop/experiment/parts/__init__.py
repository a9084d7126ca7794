"""Each part of a run, built from its section of the configuration."""
