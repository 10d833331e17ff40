"""What a model of sentiment must be able to do, in sentences of our own."""
