"""Engines that turn speech into words, one file each."""
