"""What a sweep would run, and what it would cost: counted, measured, told."""
