"""A local page of the runs that are under way and those that have finished; it changes nothing."""
