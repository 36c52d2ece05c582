"""Responders, one file an engine."""
