"""What rows are written as beyond text for a screen or a script."""
