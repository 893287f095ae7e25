"""Starter workflows: a person copies them, or has `ml-experiment init --workflow` write them."""
