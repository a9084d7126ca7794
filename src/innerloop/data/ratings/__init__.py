"""Ratings of users: tables of them, the bias model, and tasks that are users."""
