"""Backbones and heads: plain modules."""
