"""Runs on a Ray cluster: the tree goes to a node by content, its runs come back by content, and are runs like any."""
