"""The outer loop: one Lightning module, its optimizer, and the steps that it skips."""
