"""One file a source; heavy imports happen when a source is made."""
