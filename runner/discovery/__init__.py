"""What an existing repository says of its experiment: training script, lock, data, and what a trial run shows."""
