"""A stateful GitHub for tests: a real server, real git objects, checked against GitHub's published description."""
