"""Packed classes, task sampling, one data module, downloads; one file per data set."""
