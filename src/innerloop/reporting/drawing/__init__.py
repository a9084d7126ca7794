"""One kind of panel a file."""
