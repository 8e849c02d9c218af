"""What trains again, to answer a question about trials that a store holds."""
