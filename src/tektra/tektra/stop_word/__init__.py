"""The stop word: hears "stop" while a robot may move, and makes it hold at once."""
