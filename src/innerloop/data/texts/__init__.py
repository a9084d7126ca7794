"""Few-shot classes of texts."""
