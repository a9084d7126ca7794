"""Programs known by examples: the publishers' files, and simple answers."""
