"""Learners that adapt by reading the support, without any gradient: it is part of their input."""
