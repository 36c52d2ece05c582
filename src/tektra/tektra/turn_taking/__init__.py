"""Who speaks when: the one owner of the turn, and what may be heard."""
