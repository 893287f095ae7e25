"""The use cases both doors call; the only place where runner and reporting meet."""
