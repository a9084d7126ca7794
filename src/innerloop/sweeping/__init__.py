"""Sweeps: where members run, what their folders say, and the table that closes them."""
