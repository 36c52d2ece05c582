"""Speech out: reply text becomes audio, word times and mouth shapes, never far ahead of what is heard."""
