"""What runs before anything heavy is imported."""
