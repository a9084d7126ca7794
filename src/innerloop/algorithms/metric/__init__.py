"""Learners that compare with labelled examples; one file per algorithm."""
