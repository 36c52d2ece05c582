"""Tektra: one voice, one face, one memory and one safe body for a robot and an avatar."""

__version__ = '0.1.0'
