"""One task of a finished run, seen from inside."""
