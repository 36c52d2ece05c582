"""What is answered: replies to turns, history of what was heard, announcements."""
