"""What each program does."""
