"""Speech to text: what was said, as partial and final transcripts."""
