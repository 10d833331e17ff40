"""From texts to predictions: batching, scheduling, post-processing."""
