"""Listening: microphone, file, network, scene or topic in, 16 kHz mono chunks of 32 ms out."""
