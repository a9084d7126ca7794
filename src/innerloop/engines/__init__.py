"""How the tasks of a batch are run: at once, in chunks, one by one, or by another library."""
