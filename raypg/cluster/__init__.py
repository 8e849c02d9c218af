"""Ray: warm workers, the trainable, the searcher and the driver."""
