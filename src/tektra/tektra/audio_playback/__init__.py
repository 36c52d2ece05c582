"""Plays what may be heard, says which sample was, and can be ducked, paused and cut."""
