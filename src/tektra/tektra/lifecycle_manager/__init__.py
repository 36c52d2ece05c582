"""Brings the managed nodes up in order and says what state the whole graph is in."""
