"""Engines that give the probability of speech, one file each."""
