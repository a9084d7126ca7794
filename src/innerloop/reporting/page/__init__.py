"""One self-contained HTML page of finished runs: its parts, and the template that joins them."""
