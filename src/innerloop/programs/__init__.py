"""The programs: one file for each script in `src`."""
