"""What a trial takes from trials before it: weights to start from."""
