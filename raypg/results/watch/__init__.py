"""A running sweep as another process sees it: looked at again and again, and told."""
