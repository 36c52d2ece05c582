"""Engines that spot words in audio."""
