"""How the tasks of a batch are run: all at once, in chunks, one at a time, or by another library."""
