"""Finds what is wrong with a machine, its configuration and its running graph."""
