"""Sweeps: a study whose table of trials is a function of the experiment file, the seed and the order of its events."""
