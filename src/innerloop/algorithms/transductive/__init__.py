"""Learners that answer the queries of a task together; one file per algorithm."""
