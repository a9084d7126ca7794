"""Learners that return a program."""
