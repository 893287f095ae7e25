"""Rebuilds the pinned environment a run happens in, and says what it really consists of."""
