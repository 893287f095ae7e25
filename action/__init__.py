"""The doors: the command line and GitHub, and the activities both call."""
