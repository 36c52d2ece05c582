"""Speech engines, one file each; heavy or differently licensed imports stay inside them."""
