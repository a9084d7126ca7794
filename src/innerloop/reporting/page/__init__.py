"""A self-contained HTML page of finished runs: its parts and its template."""
