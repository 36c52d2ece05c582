"""Plays what may be heard, says sample by sample what was heard, and can be ducked, paused and cut."""
