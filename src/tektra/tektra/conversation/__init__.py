"""Watches a conversation from outside: what was said, how fast, and when it is over."""
