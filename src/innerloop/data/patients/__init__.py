"""Patients of intensive care: the publisher's files, numbers that describe them, plain answers."""
