"""What happens inside a learner while it adapts."""
