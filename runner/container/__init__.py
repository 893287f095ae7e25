"""Runs in containers of a Docker engine: the pinned image, the sandbox around strangers' code, what comes back."""
