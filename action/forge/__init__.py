"""GitHub behind a small interface of ours: what is asked of it, how patiently, and what it answered, as values."""
