"""Speech out: reply text becomes audio and mouth shapes, never far ahead of what is heard."""
